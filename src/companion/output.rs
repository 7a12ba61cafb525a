//! The forms of output that several commands have. Characters that a terminal hides are escaped in all of them.

use portcullis_core::escape;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// A JSON document in several lines.
pub(crate) fn json(document: &Value) -> String {
    // Line breaks between the members stay as they are; those in strings are escaped already.
    let lines: Vec<String> = format!("{document:#}")
        .lines()
        .map(|line| escape::json(line).into_owned())
        .collect();
    lines.join("\n")
}

/// Lines for a person.
pub(crate) fn text(lines: &[String]) -> String {
    escaped(lines).join("\n")
}

/// Lines for a person, among others.
pub(crate) fn escaped(lines: &[String]) -> Vec<String> {
    let lines = lines.iter().map(|line| escape::line(line).into_owned());
    lines.collect()
}

/// A cell of a table in GitHub's Markdown, in which nothing of a text is Markdown.
pub(crate) fn markdown_cell(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = escape::line(text).replace('|', "\\|").replace('`', "'");
    format!("`{text}`")
}
