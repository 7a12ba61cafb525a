//! The explanation of each refusal, by `portcullis explain`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::demo::checks::Row;
use crate::demo::gateway::relative;
use crate::lab::folder::workspace;
use crate::lab::tools;

/// How to explain a refusal, and whether the explanation says what the gateway did.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The command, to copy.
    pub command: String,
    /// The status and the reason, if they are not the gateway's.
    pub differs: Option<String>,
}

/// Explains the rows that are refusals by the policy in a file.
///
/// # Panics
/// If the command does not run.
#[must_use]
pub fn run(rows: &[Row], policy: &Path) -> Vec<Explanation> {
    let explained = rows.iter().filter_map(|row| {
        let options = row.explain.as_ref()?;
        Some(explain(row, options, policy))
    });
    explained.collect()
}

fn explain(row: &Row, options: &[String], policy: &Path) -> Explanation {
    let program = tools::companion();
    let mut command = Command::new(&program);
    command
        .current_dir(workspace())
        .arg("explain")
        .arg(policy)
        .args(options);
    let output = command
        .args(["-o", "json"])
        .output()
        .expect("the companion runs");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = format!(
        "{} {}",
        json["status"],
        json["reason"].as_str().unwrap_or("-")
    );
    let is_same =
        output.status.code() == Some(2) && said == format!("{} {}", row.status, row.reason);
    let options = options.iter().map(|option| {
        if option.contains([' ', '?', '&']) {
            format!("'{option}'")
        } else {
            option.clone()
        }
    });
    let options: Vec<String> = options.collect();
    Explanation {
        command: format!(
            "{} explain {} {}",
            relative(&program),
            relative(policy),
            options.join(" ")
        ),
        differs: (!is_same).then_some(said),
    }
}
