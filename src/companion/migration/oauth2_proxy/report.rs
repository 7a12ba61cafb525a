//! The report: a line for each option, for people and for programs.

use portcullis_core::escape;
use serde_json::{Value, json as object};

use super::outcome::{Line, Outcome};

/// The version of the JSON.
const VERSION: u32 = 1;

/// The widest column of names and of values, in characters: longer ones move the rest of the line.
const MAX_COLUMN: usize = 40;

/// The width of a line, in characters.
const WIDTH: usize = 110;

/// The indentation of reasons, in characters.
const INDENT: usize = 6;

/// The report as a table, with what needs somebody first.
pub(crate) fn text(lines: &[Line]) -> String {
    let mut output = String::new();
    for (outcome, title) in [
        (Outcome::NeedsYou, "These need you:"),
        (Outcome::Changed, "These change:"),
        (Outcome::Dropped, "These are dropped:"),
        (Outcome::Kept, "These are kept:"),
    ] {
        let lines: Vec<&Line> = lines
            .iter()
            .filter(|line| line.outcome == outcome)
            .collect();
        if lines.is_empty() {
            continue;
        }
        output.push_str(title);
        output.push('\n');
        let heads: Vec<[String; 2]> = lines.iter().map(|line| head(line)).collect();
        let width = |column: usize| {
            let cells = heads.iter().filter_map(|cells| cells.get(column));
            let lengths = cells.map(|cell| cell.chars().count());
            lengths
                .filter(|length| *length <= MAX_COLUMN)
                .max()
                .unwrap_or_default()
        };
        let (names, values) = (width(0), width(1));
        for (line, [name, value]) in lines.iter().zip(&heads) {
            let to = line
                .to
                .as_deref()
                .map(|to| ["→ ", to].concat())
                .unwrap_or_default();
            let row = format!(
                "  {:9}  {name:names$}  {value:values$}  {to}",
                outcome.name()
            );
            output.push_str(row.trim_end());
            output.push('\n');
            output.push_str(&wrapped(&escape::line(&line.why)));
        }
        output.push('\n');
    }
    let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
    output.push_str(&format!(
        "{} kept, {} changed, {} dropped, {} need you",
        count(Outcome::Kept),
        count(Outcome::Changed),
        count(Outcome::Dropped),
        count(Outcome::NeedsYou)
    ));
    output
}

/// Name and value, in one line.
fn head(line: &Line) -> [String; 2] {
    let value = line.value.as_deref().unwrap_or("(not set)");
    [&line.name, value].map(|text| escape::line(text).into_owned())
}

/// The words of a text in indented lines.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut length = WIDTH;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length + 1 + word_length > WIDTH {
            lines.push_str(if lines.is_empty() { "" } else { "\n" });
            lines.push_str(&" ".repeat(INDENT));
            length = INDENT;
        } else {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += word_length;
    }
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

/// The report as JSON.
pub(crate) fn json(lines: &[Line]) -> String {
    let options = lines.iter().map(|line| {
        object!({
            "name": line.name,
            "value": line.value,
            "outcome": line.outcome.name(),
            "to": line.to,
            "why": line.why,
        })
    });
    let report = object!({"version": VERSION, "options": options.collect::<Vec<Value>>()});
    format!("{report:#}")
}
