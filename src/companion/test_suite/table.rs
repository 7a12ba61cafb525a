//! Cases with a table: one case for each row, with the values of the row in place of `${NAME}`.

use std::collections::BTreeSet;

use super::field::{Field, Place};
use crate::document::{Node, Report, Value};

const ROWS: &str =
    "write rows with the same names, like `[{caller: blue/monitoring/karma, status: 200}]`";

/// The case for each row of its `each`, with the place of the row, or the case itself without one.
///
/// # Errors
/// A row that lacks a placeholder's name, or has a name that no placeholder has.
pub(super) fn expanded(case: &Field<'_>) -> Result<Vec<(Node, Option<Place>)>, Report> {
    let table = case.member("each").zip(case.node().as_map());
    let Some((each, members)) = table else {
        return Ok(vec![(case.node().clone(), None)]);
    };
    let own = members.iter().filter(|(name, _)| name.text != "each");
    let template = Node {
        span: case.node().span.clone(),
        value: Value::Map(own.cloned().collect()),
    };
    let mut nodes = Vec::new();
    for (row, number) in each.elements(ROWS)?.iter().zip(1..) {
        let mut used = BTreeSet::new();
        let mut node = filled(&template, case, row, &mut used)?;
        for (name, value) in row.members(ROWS)? {
            if !used.contains(&name) {
                let help =
                    format!("write `${{{name}}}` where the value belongs, or remove `{name}`");
                let problem = format!("no placeholder of the case has the name `{name}`");
                return Err(value.error(&problem, &help));
            }
        }
        number_name(&mut node, case.node(), number);
        nodes.push((node, Some(row.place())));
    }
    Ok(nodes)
}

/// Adds the number of the row to a name that is the same for all rows.
fn number_name(node: &mut Node, case: &Node, number: usize) {
    let written = case.member("name").map(|name| name.value.clone());
    let Value::Map(members) = &mut node.value else {
        return;
    };
    for (_, value) in members.iter_mut().filter(|(name, _)| name.text == "name") {
        if let Value::String(text) = &mut value.value
            && written.as_ref() == Some(&Value::String(text.clone()))
        {
            text.push_str(&format!(" [row {number}]"));
        }
    }
}

/// A value with the values of a row in place of its placeholders.
fn filled(
    node: &Node,
    case: &Field<'_>,
    row: &Field<'_>,
    used: &mut BTreeSet<String>,
) -> Result<Node, Report> {
    let value = match &node.value {
        Value::String(text) => match whole(text) {
            // The value itself, so that a number remains one, with its place in the row.
            Some(name) => return value_of(name, node, case, row, used).cloned(),
            None => Value::String(interpolated(text, node, case, row, used)?),
        },
        Value::List(elements) => {
            let elements = elements.iter().map(|node| filled(node, case, row, used));
            Value::List(elements.collect::<Result<_, _>>()?)
        }
        Value::Map(members) => {
            let members = members
                .iter()
                .map(|(name, node)| Ok((name.clone(), filled(node, case, row, used)?)));
            Value::Map(members.collect::<Result<_, Report>>()?)
        }
        other => other.clone(),
    };
    Ok(Node {
        span: node.span.clone(),
        value,
    })
}

/// The name of the only placeholder that a text is.
fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    Some(name).filter(|name| !name.contains(['{', '}']))
}

/// A text with values in place of its placeholders. `$${` is `${`.
fn interpolated(
    text: &str,
    node: &Node,
    case: &Field<'_>,
    row: &Field<'_>,
    used: &mut BTreeSet<String>,
) -> Result<String, Report> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            let help = "write `${NAME}`, or `$${` for `${` itself";
            return Err(case.with(node).error("`${` has no `}`", help));
        };
        filled.push_str(before);
        let value = value_of(name, node, case, row, used)?;
        match &value.value {
            Value::String(text) | Value::Number(text) => filled.push_str(text),
            _ => {
                let problem = format!("`{name}` is {}, and a part of a text here", value.kind());
                let help = "write a string or a number, or the placeholder alone";
                return Err(row.with(value).error(&problem, help));
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value_of<'a>(
    name: &str,
    node: &Node,
    case: &Field<'_>,
    row: &Field<'a>,
    used: &mut BTreeSet<String>,
) -> Result<&'a Node, Report> {
    let value = row.node().member(name).ok_or_else(|| {
        let problem = format!("a row of `each` has no value for `${{{name}}}`");
        let help = format!("add `{name}` to each row, or write `$${{` for `${{` itself");
        case.with(node).error(&problem, &help)
    })?;
    used.insert(name.to_owned());
    Ok(value)
}
