//! The tables that are compared with the code itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use portcullis_core::caller::headers::{NAMES, PREFIXES};
use portcullis_core::decision::{Class, Reason};
use portcullis_core::policy::Policy;
use portcullis_tests::lab::{folder, tools};
use serde_json::{Value, json};

use crate::document::{COMPANION, Document, ENVOY, POLICY, first_column, table};
use crate::gateway::quoted;
use crate::sources;

/// Unlike every field's name, so the parser lists them all instead of suggesting one.
const NO_FIELD: &str = "this-is-the-name-of-no-field";

/// How an error lists the names that it expects.
pub(crate) const LISTED: &str = "expected one of: ";

/// The names that the parser expects at a path; `None` if it expects no object there.
fn known(document: &Value) -> Option<Vec<String>> {
    let error = Policy::from_json(&document.to_string()).err()?;
    let names = error.help().strip_prefix(LISTED)?;
    error.problem().contains(NO_FIELD).then(|| {
        names
            .replace('`', "")
            .split(", ")
            .map(str::to_owned)
            .collect()
    })
}

/// Collects the fields of all objects of the document, from a path on.
fn walk(path: &str, wrap: &dyn Fn(Value) -> Value, found: &mut BTreeMap<String, Vec<String>>) {
    let Some(names) = known(&wrap(json!({NO_FIELD: 1}))) else {
        return;
    };
    for name in &names {
        let member = format!("{path}.{name}");
        let member = member.trim_start_matches('.');
        walk(member, &|value| wrap(json!({name: value})), found);
        walk(
            &format!("{member}[]"),
            &|value| wrap(json!({name: [value]})),
            found,
        );
    }
    found.insert(path.to_owned(), names);
}

#[test]
fn the_reference_lists_exactly_the_fields_of_the_policy() {
    let mut found = BTreeMap::new();
    walk("", &|value| value, &mut found);
    // Shadow rules have the fields of rules.
    let shadow = found.remove("apps[].shadow_rules[]");
    assert_eq!(shadow.as_ref(), found.get("apps[].rules[]"));
    found.retain(|path, _| !path.starts_with("apps[].shadow_rules[]"));
    assert_eq!(found.len(), 10, "{:?}", found.keys());

    let reference = Document::read(POLICY);
    let sections = reference.sections().into_iter();
    let documented: BTreeMap<String, Vec<String>> = sections
        .filter(|(_, text)| text.contains("| field |"))
        .map(|(heading, text)| {
            let path = if heading == "The document" {
                ""
            } else {
                heading
            };
            (path.to_owned(), first_column(text, "field"))
        })
        .collect();
    assert_eq!(documented, found);
}

#[test]
fn the_reference_lists_every_reason_with_its_status() {
    let reference = Document::read(POLICY);
    let rows = table(reference.section("Reasons"), "reason");
    let names = first_column(reference.section("Reasons"), "reason");
    let statuses = rows.iter().map(|row| row[1]);
    let documented: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(statuses).collect();
    let status = |reason: Reason| match reason.class() {
        Class::Allowed => "allowed",
        Class::Unauthenticated | Class::InvalidToken => "401",
        Class::Forbidden => "403",
        Class::BadRequest => "400",
        Class::Unavailable => "503",
    };
    let all = Reason::ALL.map(|reason| (reason.code(), status(reason)));
    assert_eq!(documented, all);
}

#[test]
fn the_reference_lists_every_header_that_is_stripped() {
    let reference = Document::read(POLICY);
    let documented = first_column(reference.section("Identity headers"), "stripped");
    let prefixes = PREFIXES.map(|prefix| format!("{prefix}*"));
    let all: Vec<String> = prefixes
        .into_iter()
        .chain(NAMES.map(str::to_owned))
        .collect();
    assert_eq!(documented, all);
}

#[test]
fn every_outcome_of_the_metrics_is_in_the_code() {
    for (name, title, folders) in [
        (
            ENVOY,
            "metric",
            &["src/engine", "src/filter", "src/module"][..],
        ),
        (COMPANION, "companion metric", &["src/companion"]),
    ] {
        let document = Document::read(name);
        let sources = sources::text(folders);
        for row in table(document.section("Metrics"), title) {
            if !quoted(row[1]).contains("outcome") {
                continue;
            }
            for outcome in quoted(row[2]) {
                let is_there = sources.contains(&format!("\"{outcome}\""));
                assert!(is_there, "{name}: {} has no outcome {outcome}", row[0]);
            }
        }
    }
}

#[test]
fn the_reference_lists_the_fields_of_a_team_and_its_example_is_valid() {
    let mut command = Command::new(tools::companion());
    let schema = command
        .args(["schema", "policy"])
        .output()
        .expect("it runs");
    let schema: Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    let fields = &schema["properties"]["teams"]["items"]["properties"];
    let fields: BTreeSet<&str> = fields
        .as_object()
        .expect("fields")
        .keys()
        .map(String::as_str)
        .collect();
    let reference = Document::read(POLICY);
    let section = reference.section("Several teams");
    let documented = first_column(section, "team field");
    assert_eq!(
        documented
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        fields
    );
    let block = section
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let folder = folder::fresh("teams");
    fs::create_dir_all(folder.join("apps/payments")).expect("a folder");
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a file");
    write(
        "portcullis.yaml",
        format!(
            "trust: [{{name: blue, kind: kubernetes, issuer: 'https://blue.example.com', audiences: [a], keys: {{envoy_cluster: b}}}}]\n\
             sso: {{url: 'https://auth.example.com', envoy_cluster: portcullis}}\n{}",
            block.expect("an example")
        ),
    );
    let app = |name: &str| {
        format!(
            "apps: [{{name: {name}, hosts: [{name}.example.com], rules: [{{name: a, allow: [{{from: sso, group: a}}]}}]}}]\n"
        )
    };
    write("apps/payments/app.yaml", app("payments"));
    write("apps/platform.yaml", app("wiki"));
    let check = || {
        let mut command = Command::new(tools::companion());
        let output = command
            .args(["check", "--fail-on-warning"])
            .arg(&folder)
            .output();
        let output = output.expect("it runs");
        (
            output.status.code(),
            String::from_utf8(output.stderr).expect("text"),
        )
    };
    assert_eq!(check(), (Some(0), String::new()));
    // What the text says of the wildcard.
    write("apps/payments/app.yaml", app("ledger"));
    write("apps/platform.yaml", app("payments"));
    let (code, error) = check();
    assert!(
        error.contains("is a host of the team `payments`"),
        "{error}"
    );
    assert_eq!(code, Some(2));
}
