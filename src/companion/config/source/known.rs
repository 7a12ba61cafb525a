//! Names in the file: each must be a setting's.

use portcullis_core::policy::suggestion;

use crate::config::settings::SETTINGS;
use crate::document::{Document, Node, Report, Value};

use super::place::Place;

/// Refuses every name in a block that is none of a setting, and every block that is no block.
/// `path` is where it stands, `start` how the settings in it begin.
pub(super) fn known(
    document: &Document,
    block: &Node,
    path: &str,
    start: &str,
) -> Result<(), Report> {
    let place = |path: &str| {
        let path = if path.is_empty() { "." } else { path };
        Place::File(document, path.to_owned())
    };
    let Value::Map(members) = &block.value else {
        return Err(place(path).mistyped(block, "a block of settings"));
    };
    // The next step to each of the settings in it, and whether it is a block.
    let steps = SETTINGS.iter().filter_map(|setting| {
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
                            known(document, element, &format!("{own}[{index}]"), &start)?;
                        }
                    }
                    (_, true) => return Err(place(&own).mistyped(value, "a list")),
                    (_, false) => known(document, value, &own, &start)?,
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

/// What is said of a name that is none of a setting's, where `names` are.
fn unknown(document: &Document, path: &str, name: &str, mut names: Vec<&str>) -> Report {
    let problem = format!("unknown field `{name}`");
    let file = format!("{name}_file");
    if names.contains(&&*file) {
        let help = format!("secrets are read from files alone: name one in `{file}`");
        return document.report(path, &problem, &help).unseen();
    }
    names.dedup();
    document.report(path, &problem, &suggestion(name, &names))
}
