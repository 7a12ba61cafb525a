//! Refuses unknown fields in the file.

use portcullis_core::policy::suggestion;

use crate::config::settings::SettingsTable;
use crate::document::{Document, Node, Report, Value};

use super::location::Location;

/// Refuses unknown fields in a mapping and below it, and values of the wrong type where a mapping or a
/// list is expected. `path` is the mapping's path in the file, `start` the prefix of its settings.
pub(super) fn reject_unknown(
    table: &'static SettingsTable,
    document: &Document,
    block: &Node,
    path: &str,
    start: &str,
) -> Result<(), Report> {
    let location = |path: &str| {
        let path = if path.is_empty() { "." } else { path };
        Location::File(document, path.to_owned())
    };
    let Value::Map(members) = &block.value else {
        let error = location(path).type_error(block, "a mapping");
        // A file that is no configuration at all may be a secret, such as a token.
        return Err(if path.is_empty() {
            error.without_source()
        } else {
            error
        });
    };
    // The next step to each setting in it, and whether that is a mapping.
    let steps = table.settings.iter().filter_map(|setting| {
        let rest = setting.path.strip_prefix(start)?;
        Some(match rest.split_once('.') {
            Some((step, _)) => (step, true),
            None => (rest, false),
        })
    });
    let name_of = |step: &'static str| step.trim_end_matches("[]");
    for (name, value) in members {
        let own = match path {
            "" => name.text.clone(),
            _ => format!("{path}.{}", name.text),
        };
        let mut fitting = steps.clone();
        match fitting.find(|(step, _)| *step == "*" || name_of(step) == name.text) {
            Some((step, true)) => {
                let start = format!("{start}{step}.");
                match (&value.value, step.ends_with("[]")) {
                    (Value::List(elements), true) => {
                        for (index, element) in elements.iter().enumerate() {
                            let own = format!("{own}[{index}]");
                            reject_unknown(table, document, element, &own, &start)?;
                        }
                    }
                    (_, true) => return Err(location(&own).type_error(value, "a list")),
                    (_, false) => reject_unknown(table, document, value, &own, &start)?,
                }
            }
            Some((_, false)) => {}
            None => {
                let names: Vec<&str> = steps.clone().map(|(step, _)| name_of(step)).collect();
                return Err(unknown(document, &own, &name.text, names));
            }
        }
    }
    Ok(())
}

/// The error for an unknown field where `names` are allowed.
fn unknown(document: &Document, path: &str, name: &str, mut names: Vec<&str>) -> Report {
    let problem = format!("unknown field `{name}`");
    let file = format!("{name}_file");
    if names.contains(&&*file) {
        let help = format!("secrets are read from files only: set `{file}` to a file name");
        return document.report(path, &problem, &help).without_source();
    }
    names.dedup();
    document.report(path, &problem, &suggestion(name, &names))
}
