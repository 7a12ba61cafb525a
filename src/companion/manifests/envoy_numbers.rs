//! The numbers of a policy that Envoy's YAML parser turns into strings.
//!
//! A policy that is written as YAML under a `google.protobuf.Struct` reaches the filter with a string where
//! the operator wrote a number with a fraction, or one outside 32 bits. A rule with it then never matches.

use crate::document::{Document, Node, Value};

#[cfg(test)]
mod tests;

/// A warning about each of them in a policy of a document, with its line.
pub(super) fn warnings(document: &Document, policy: &Node) -> Vec<String> {
    let mut warnings = Vec::new();
    walk(policy, &mut |node, number| {
        let line = document.line(node);
        warnings.push(format!(
            "line {line}: Envoy's YAML parser turns the number `{number}` into a string; help: configure the \
             policy as the JSON that `portcullis check --json` prints, in a google.protobuf.StringValue"
        ));
    });
    warnings
}

/// Calls `found` for each number that Envoy changes, in the order of the file.
fn walk(node: &Node, found: &mut impl FnMut(&Node, &str)) {
    match &node.value {
        Value::Number(number) if number.parse::<i32>().is_err() => found(node, number),
        Value::List(elements) => elements.iter().for_each(|element| walk(element, found)),
        Value::Map(members) => members.iter().for_each(|(_, member)| walk(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
