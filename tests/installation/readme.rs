//! The table of values in the chart's README, against values.yaml.

use std::collections::BTreeMap;
use std::fs;

use portcullis_tests::lab::yaml;
use serde_json::Value;

use crate::helm;

/// Values that are described as a whole.
const WHOLE: [&str; 5] = [
    "monitoring.dashboard.labels",
    "policy",
    "podSecurityContext",
    "resources",
    "securityContext",
];

/// Every value with its default, by its path.
fn defaults() -> BTreeMap<String, Value> {
    let text = fs::read_to_string(helm::chart().join("values.yaml")).expect("values.yaml");
    let mut found = BTreeMap::new();
    flatten("", &yaml::read(&text).expect("YAML"), &mut found);
    found
}

fn flatten(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() && !WHOLE.contains(&path) => {
            for (name, member) in members {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(&path, member, found);
            }
        }
        _ => drop(found.insert(path.to_owned(), value.clone())),
    }
}

#[test]
fn the_table_lists_every_value_with_its_default() {
    let text = fs::read_to_string(helm::chart().join("README.md")).expect("README.md");
    let (_, table) = text.split_once("\n## Values\n").expect("a section");
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let mut listed = BTreeMap::new();
    for row in rows {
        let (name, rest) = row.split_once("` | ").expect("a name");
        let (_, default) = rest.rsplit_once(" | ").expect("a default");
        listed.insert(name.to_owned(), default.trim_matches('`').to_owned());
    }
    let defaults = defaults();
    let names = |of: Vec<&String>| of.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(listed.keys().collect()),
        names(defaults.keys().collect())
    );
    for (name, default) in defaults {
        let shown = &listed[&name];
        if shown.starts_with("see ") {
            continue;
        }
        assert_eq!(
            yaml::read(shown).unwrap_or_else(|error| panic!("{name}: {error}")),
            default,
            "{name}"
        );
    }
}
