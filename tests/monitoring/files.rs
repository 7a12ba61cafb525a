//! The files of `istio/chart/monitoring`.

use std::fs;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;
use serde_json::Value;

/// The alerts, below the workspace.
pub(crate) const RULES: &str = "istio/chart/monitoring/rules.yaml";

/// The dashboard, below the workspace.
const DASHBOARD: &str = "istio/chart/monitoring/dashboard.json";

/// The rules of all groups.
pub(crate) fn rules() -> Vec<Value> {
    let document = yaml::read(&text(RULES)).expect("YAML");
    let groups = document["groups"].as_array().expect("groups").iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
    rules.cloned().collect()
}

/// The alerts among them.
pub(crate) fn alerts() -> Vec<Value> {
    let rules = rules().into_iter();
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

/// The dashboard.
pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&text(DASHBOARD)).expect("JSON")
}

/// The queries of the dashboard, each with the title of its panel.
pub(crate) fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels
        .flat_map(|panel| {
            let title = panel["title"].as_str().expect("a title");
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets.map(move |target| (title.to_owned(), string(&target["expr"])))
        })
        .collect()
}

/// A file of the project.
pub(crate) fn text(name: &str) -> String {
    let path = workspace().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a JSON string.
pub(crate) fn string(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("not a string: {value}"))
        .to_owned()
}
