//! Helm values: a policy under `policy`, and further apps by name under `policyFiles`, which several values files can
//! add to.

use std::rc::Rc;

use super::found::apps_of;
use super::{Found, FoundPolicy, Kind, is_policy};
use crate::document::{Document, Node, Value};

/// Whether a document is Helm values with a policy.
pub(super) fn is_values(root: &Node) -> bool {
    let files = root.member("policyFiles").and_then(Node::as_map);
    root.member("policy").is_some_and(is_policy) || files.is_some()
}

/// Adds the policy of the values.
pub(super) fn add(found: &mut Found, document: &Rc<Document>) {
    let root = document.root();
    let policy = match root.member("policy") {
        Some(policy) => policy.clone(),
        None => Node {
            span: root.span.clone(),
            value: Value::Map(Vec::new()),
        },
    };
    let mut values = FoundPolicy::new(Kind::Values, None, document, "policy", policy);
    let files = root.member("policyFiles").and_then(Node::as_map);
    // In the order of the names, as templates read a map.
    let mut files: Vec<_> = files.unwrap_or_default().iter().collect();
    files.sort_by(|one, other| one.0.text.cmp(&other.0.text));
    for (name, file) in files {
        let at = format!("policyFiles.{}", name.text);
        // Teams name it as the file that it would be in a folder.
        let path = format!("apps/{}.yaml", name.text);
        match apps_of(file) {
            Ok(apps) => values.append(document, &format!("{at}.apps"), path, apps),
            Err((path, problem)) => {
                let at = match &*path {
                    "." => at,
                    _ => format!("{at}.{path}"),
                };
                let help = "write `apps` alone; all else belongs to `policy`";
                found.errors.push(document.report(&at, &problem, help));
            }
        }
    }
    found.policies.push(values);
}
