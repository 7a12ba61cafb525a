//! Each alert, in Prometheus's own test tool, and its runbook.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{tools, yaml};

use crate::files::{self, RULES};

/// The files of unit tests for `promtool`.
fn test_files() -> Vec<PathBuf> {
    let folder = workspace().join("tests/monitoring/rules");
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let mut command = tools::app("promtool");
    let output = command.args(arguments).args(files).output();
    let output = output.expect("promtool runs");
    let text = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

#[test]
fn prometheus_accepts_the_rules() {
    promtool(&["check", "rules"], &[workspace().join(RULES)]);
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    promtool(&["test", "rules"], &test_files());
}

#[test]
fn each_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let mut fired = BTreeSet::new();
    let mut silent = BTreeSet::new();
    for path in test_files() {
        let text = fs::read_to_string(&path).expect("a file");
        let document = yaml::read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let tests = document["tests"].as_array().expect("tests").iter();
        let checks = tests.flat_map(|test| test["alert_rule_test"].as_array().expect("checks"));
        for check in checks {
            let name = files::string(&check["alertname"]);
            match check["exp_alerts"].as_array() {
                Some(_) => fired.insert(name),
                None => silent.insert(name),
            };
        }
    }
    let alerts: BTreeSet<String> = files::alerts()
        .iter()
        .map(|alert| files::string(&alert["alert"]))
        .collect();
    assert!(alerts.len() >= 8, "{alerts:?}");
    assert_eq!(fired, alerts);
    assert_eq!(silent, alerts);
}

#[test]
fn each_alert_has_a_severity_a_summary_and_a_description_with_values() {
    for alert in files::alerts() {
        let name = files::string(&alert["alert"]);
        let severity = files::string(&alert["labels"]["severity"]);
        assert!(
            ["critical", "info", "warning"].contains(&severity.as_str()),
            "{name}: {severity}"
        );
        let annotation = |member: &str| files::string(&alert["annotations"][member]);
        assert!(annotation("summary").ends_with('.'), "{name}");
        // If there is no companion, there is nothing to name.
        let has_value = annotation("description").contains("{{") || name.ends_with("CompanionDown");
        assert!(has_value, "{name}: {}", annotation("description"));
    }
}

#[test]
fn the_runbook_of_each_alert_names_it_and_its_severity() {
    let alerts = files::alerts();
    for alert in &alerts {
        let name = files::string(&alert["alert"]);
        let url = files::string(&alert["annotations"]["runbook_url"]);
        let (file, anchor) = url.split_once('#').expect("a heading");
        let document = files::text(file);
        let (_, runbooks) = document
            .split_once("\n## Runbooks\n")
            .expect("a section of runbooks");
        let mut sections = runbooks.split("\n### ").skip(1);
        let section = sections.find(|section| {
            let heading = section.lines().next().unwrap_or_default();
            heading.to_lowercase().replace(' ', "-") == anchor
        });
        let section = section.unwrap_or_else(|| panic!("{name}: no heading for {url}"));
        let start = format!("`{name}`, {}.", files::string(&alert["labels"]["severity"]));
        assert!(section.contains(&start), "{url} does not begin: {start}");
        assert!(section.contains("\nFirst: "), "{url}: no first command");
        assert!(section.contains("\n- "), "{url}: nothing to do");
    }
    let documented = files::text("src/companion/OPERATING.md");
    let documented = documented.matches("\nFirst: ").count();
    assert_eq!(documented, alerts.len(), "runbooks without an alert");
}
