//! The results of `doctor`, in each of the output formats.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::doctor::{Check, Status};
use crate::output;

/// A line for each check, below its subject, and the help below the line.
pub(super) fn text(checks: &[Check]) -> String {
    let mut text = String::new();
    let mut subject = None;
    for check in checks {
        if subject != Some(&check.subject) {
            text.push_str(&check.subject);
            text.push('\n');
            subject = Some(&check.subject);
        }
        let (status, id) = (check.status.name(), check.id.name());
        // Writing into a String can't fail.
        let _ = writeln!(text, "  {status:7}  {id:21}  {}", check.detail);
        let help = check.help.iter().flat_map(|help| help.lines());
        for (number, line) in help.enumerate() {
            let label = if number == 0 { "help: " } else { "" };
            let _ = writeln!(text, "           {label}{line}");
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (errors, warnings) = (count(Status::Error), count(Status::Warning));
    let _ = write!(
        text,
        "{} ok, {} {}, {} {}, {} skipped",
        count(Status::Ok),
        warnings,
        if warnings == 1 { "warning" } else { "warnings" },
        errors,
        if errors == 1 { "error" } else { "errors" },
        count(Status::Skipped),
    );
    text
}

/// One object.
pub(super) fn json(checks: &[Check]) -> String {
    let checks = checks.iter().map(|check| {
        json!({
            "id": check.id.name(),
            "subject": check.subject,
            "status": check.status.name(),
            "detail": check.detail,
            "help": check.help,
        })
    });
    let checks: Vec<Value> = checks.collect();
    output::json(&json!({"version": 1, "checks": checks}))
}
