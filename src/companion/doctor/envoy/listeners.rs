//! The HTTP connection managers with the filter, and how they normalize paths.

use serde_json::Value;

use super::super::check::{CheckId, Checks};

/// The type of an HTTP connection manager.
const MANAGER: &str = ".HttpConnectionManager";

/// What the filter's name, its `root_id` or the path of its module contain.
const FILTER: &str = "portcullis";

/// Checks the connection managers of a configuration. `passes_encoded`: whether an app has `encoded_paths: pass`.
pub(super) fn check(checks: &Checks, dump: &Value, passes_encoded: bool) {
    let mut managers = Vec::new();
    find(dump, &mut managers);
    // Istio and Envoy Gateway name the filter in the listener, and load its configuration separately.
    let mut separate = Vec::new();
    find_separate(dump, &mut separate);
    let with_filter = |manager: &&&Value| {
        let filters = manager["http_filters"].as_array().into_iter().flatten();
        let mut names = filters.map(|filter| (filter, filter["name"].as_str().unwrap_or_default()));
        names.any(|(filter, name)| separate.contains(&name) || mentions(filter))
    };
    let gated: Vec<&&Value> = managers.iter().filter(with_filter).collect();
    if gated.is_empty() {
        let detail = format!(
            "none of {} HTTP connection managers has the filter, so Envoy gates nothing",
            managers.len()
        );
        let help = "add the filter to `http_filters`, before the router; if it is there, Envoy's log says why it was \
                    rejected";
        checks.error(CheckId::EnvoyFilter, &detail, help);
        return checks.skipped(&[CheckId::EnvoyPaths], "no listener has the filter");
    }
    let names: Vec<&str> = gated.iter().map(|manager| name(manager)).collect();
    let detail = format!("the filter is in {}", names.join(", "));
    checks.ok(CheckId::EnvoyFilter, &detail);
    for manager in gated {
        paths(checks, manager, passes_encoded);
    }
}

fn paths(checks: &Checks, manager: &Value, passes_encoded: bool) {
    let id = CheckId::EnvoyPaths;
    let name = name(manager);
    let mut is_ok = true;
    for setting in ["normalize_path", "merge_slashes"] {
        if manager[setting] != true {
            is_ok = false;
            let detail = format!(
                "{name}: `{setting}` is not set, so Envoy and the app can read a path differently"
            );
            let help = format!(
                "set `{setting}: true` in the HTTP connection manager; in Istio, set \
                 `meshConfig.pathNormalization.normalization: MERGE_SLASHES`"
            );
            checks.error(id, &detail, &help);
        }
    }
    let slashes = manager["path_with_escaped_slashes_action"].as_str();
    match slashes {
        Some("KEEP_UNCHANGED") => {}
        Some("REJECT_REQUEST") if !passes_encoded => {}
        Some("REJECT_REQUEST") => {
            is_ok = false;
            let detail = format!(
                "{name}: Envoy rejects encoded slashes, which an app with `encoded_paths: pass` receives"
            );
            let help = "set `path_with_escaped_slashes_action: KEEP_UNCHANGED`: the filter refuses them for all other apps";
            checks.error(id, &detail, help);
        }
        Some("UNESCAPE_AND_FORWARD" | "UNESCAPE_AND_REDIRECT") => {
            is_ok = false;
            let detail = format!(
                "{name}: Envoy decodes encoded slashes, so the app receives another path than the client sent"
            );
            checks.error(id, &detail, slashes_help(passes_encoded));
        }
        Some(_) | None => {
            is_ok = false;
            let detail = format!(
                "{name}: `path_with_escaped_slashes_action` is not set, so a runtime value of Envoy decides"
            );
            checks.warning(id, &detail, slashes_help(passes_encoded));
        }
    }
    if is_ok {
        checks.ok(id, &format!("{name} normalizes paths as the rules need it"));
    }
}

const fn slashes_help(passes_encoded: bool) -> &'static str {
    if passes_encoded {
        "set `path_with_escaped_slashes_action: KEEP_UNCHANGED`"
    } else {
        "set `path_with_escaped_slashes_action: REJECT_REQUEST`, or `KEEP_UNCHANGED`: the filter then refuses them"
    }
}

/// The name of a connection manager in Envoy's metrics.
fn name(manager: &Value) -> &str {
    manager["stat_prefix"]
        .as_str()
        .unwrap_or("a connection manager")
}

/// All connection managers in a configuration. A dump has those of the bootstrap again among the listeners.
fn find<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let kind = value.get("@type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.ends_with(MANAGER)) {
        if !found.contains(&value) {
            found.push(value);
        }
        return;
    }
    each(value, |inner| find(inner, found));
}

/// The names of filters that are configured separately (ECDS) and are ours.
fn find_separate<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    if let Some(filter) = value.get("ecds_filter") {
        let name = filter["name"].as_str();
        found.extend(name.filter(|_| mentions(filter)));
        return;
    }
    each(value, |inner| find_separate(inner, found));
}

/// Whether a text in a value has the filter's name in it.
fn mentions(value: &Value) -> bool {
    if value.as_str().is_some_and(|text| text.contains(FILTER)) {
        return true;
    }
    let mut is_ours = false;
    each(value, |inner| is_ours |= mentions(inner));
    is_ours
}

/// Calls a function for each value in a list or an object.
fn each<'a>(value: &'a Value, mut run: impl FnMut(&'a Value)) {
    match value {
        Value::Array(all) => all.iter().for_each(run),
        Value::Object(members) => members.values().for_each(&mut run),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
