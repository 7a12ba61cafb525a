//! Writes YAML that every parser reads the same way: what [`super::read`] refuses is quoted, which the emitters of
//! libraries do for their own parser only.

use super::scalar;
use crate::document::node::{Node, Value};

#[cfg(test)]
mod tests;

/// The YAML of a value in block style, with a line break at its end.
pub(crate) fn yaml(node: &Node) -> String {
    let mut text = String::new();
    block(node, 0, &mut text);
    text
}

/// A string as a literal block scalar with this indentation, from the indicator on.
pub(crate) fn literal(text: &str, indent: usize) -> String {
    let mut block = "|\n".to_owned();
    for line in text.lines() {
        if !line.is_empty() {
            block.push_str(&" ".repeat(indent));
            block.push_str(line);
        }
        block.push('\n');
    }
    block
}

/// A string in one line.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Line breaks of YAML 1.1, the byte order mark, and what is not printable.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a string is the same without quotes.
fn is_plain(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-');
    let is_start = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/');
    let mut before = ' ';
    let is_inner = text.chars().all(|c| {
        // After a colon comes no space.
        let fits = is_word(c) && c != ' ' || c == ':' || c == '@' || c == ' ' && before != ':';
        before = c;
        fits
    });
    let is_string = matches!(scalar::plain(text, &(0..0)), Ok(Value::String(_)));
    text.starts_with(is_start) && is_inner && !text.ends_with([' ', ':']) && is_string
}

/// Writes the lines of a value. The first line is at the indentation already.
fn block(node: &Node, indent: usize, text: &mut String) {
    match &node.value {
        Value::Map(members) if !members.is_empty() => {
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    text.push_str(&" ".repeat(indent));
                }
                text.push_str(&scalar(&name.text));
                text.push(':');
                match &value.value {
                    // Lists are not indented more, as `kubectl` writes them.
                    Value::List(elements) if !elements.is_empty() => {
                        text.push('\n');
                        text.push_str(&" ".repeat(indent));
                        block(value, indent, text);
                    }
                    Value::Map(members) if !members.is_empty() => {
                        text.push('\n');
                        text.push_str(&" ".repeat(indent + 2));
                        block(value, indent + 2, text);
                    }
                    _ => {
                        text.push(' ');
                        block(value, indent, text);
                    }
                }
            }
        }
        Value::List(elements) if !elements.is_empty() => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    text.push_str(&" ".repeat(indent));
                }
                text.push_str("- ");
                block(element, indent + 2, text);
            }
        }
        Value::Map(_) => text.push_str("{}\n"),
        Value::List(_) => text.push_str("[]\n"),
        Value::String(string) => {
            text.push_str(&scalar(string));
            text.push('\n');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            text.push_str(&node.to_string());
            text.push('\n');
        }
    }
}
