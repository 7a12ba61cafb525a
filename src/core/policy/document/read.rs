//! From text to wire types, and from serde's errors to ones that help.

use serde_json::error::Category;

use crate::policy::error::{Place, PolicyError};

use super::Document;

/// Reads a document: one JSON object and nothing behind it.
pub(in crate::policy) fn read(text: &str) -> Result<Document, PolicyError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let document: Document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| translate(&error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| translate(".", &error))?;
    Ok(document)
}

fn translate(path: &str, error: &serde_json::Error) -> PolicyError {
    let message = error.to_string();
    if error.classify() != Category::Data {
        let mend = "write one JSON object, as `portcullis check --json` prints it";
        return PolicyError::new(path, &["not JSON: ", &message].concat(), mend);
    }
    // Lines and columns are those of the JSON, which few people have written by hand.
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    let (problem, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let mend = match problem.split_once(" `") {
        Some(("unknown field", name)) => known(name.trim_end_matches('`'), expected),
        Some(("duplicate field", name)) => {
            // Serde's path ends before a name that it has seen already.
            let place = Place::at(path).member(name.trim_end_matches('`'));
            return place.error(problem, "keep one of the two");
        }
        _ => wanted(expected),
    };
    PolicyError::new(path, problem, &mend)
}

/// What to write instead of an unknown name: the nearest of those that serde lists, or all of them.
fn known(name: &str, expected: &str) -> String {
    // Backticks stand around each name, so every second piece is one.
    let names = || expected.split('`').skip(1).step_by(2);
    let near = names()
        .map(|known| (distance(name, known), known))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((distance, known)) if distance <= 2 && distance < known.len() / 2 => {
            ["did you mean `", known, "`?"].concat()
        }
        _ => ["here stand ", &names().collect::<Vec<_>>().join(", ")].concat(),
    }
}

/// What to write instead of a value of the wrong type.
fn wanted(expected: &str) -> String {
    let wanted = match expected {
        "" => return "mend the value, or leave it out".to_owned(),
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "f64" => "a number",
        other => other,
    };
    ["write ", wanted, ", or leave it out"].concat()
}

/// How many letters must be changed, added, dropped or swapped with their neighbour to make one
/// word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let first: Vec<usize> = (0..=other.len()).collect();
    let mut before = first.clone();
    let mut row = first;
    let mut last = None;
    for (index, letter) in one.chars().enumerate() {
        let mut next = vec![index.saturating_add(1)];
        for (column, known) in other.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX);
            let mut cost = cell(&row, column)
                .saturating_add(usize::from(letter != *known))
                .min(cell(&row, column.saturating_add(1)).saturating_add(1))
                .min(cell(&next, column).saturating_add(1));
            let left = column.checked_sub(1).and_then(|left| other.get(left));
            if left == Some(&letter) && last == Some(*known) {
                let swapped = cell(&before, column.saturating_sub(1)).saturating_add(1);
                cost = cost.min(swapped);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or(usize::MAX)
}
