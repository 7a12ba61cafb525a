//! What became of each option: a line of the report.

use std::collections::BTreeMap;

use super::options;
use super::setting::{Setting, Settings};
use crate::document::credentials_removed;

/// What became of an option.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Outcome {
    /// The same holds.
    Kept,
    /// Something else holds, and why.
    Changed,
    /// Nothing corresponds to it, and nothing is lost.
    Dropped,
    /// Somebody has to decide or to do something.
    NeedsYou,
}

/// A line of the report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    /// The option as it was written: a flag, a key, a variable, or a path in a file.
    pub(crate) name: String,
    /// Its value without secrets; `None` if it was not set.
    pub(crate) value: Option<String>,
    pub(crate) outcome: Outcome,
    /// The field in our files, if there is one.
    pub(crate) to: Option<String>,
    /// Why, and what to do; empty if there is nothing to say.
    pub(crate) why: String,
}

/// The lines, one an option.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// By the position of the option, then by name.
    lines: BTreeMap<(usize, String), Line>,
}

// === impl Outcome ===

impl Outcome {
    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Changed => "changed",
            Self::Dropped => "dropped",
            Self::NeedsYou => "needs-you",
        }
    }
}

// === impl Lines ===

impl Lines {
    /// Says what became of an option. If several parts of the mapping say something, the most severe outcome
    /// stands, with all reasons.
    pub(super) fn say(&mut self, setting: &Setting, outcome: Outcome, to: &str, why: &str) {
        let line = Line {
            name: setting.name.clone(),
            value: Some(setting.shown()),
            outcome,
            to: Some(to.to_owned()).filter(|to| !to.is_empty()),
            why: why.to_owned(),
        };
        self.add(options::position(setting.option.flag), line);
    }

    /// Says what became of an option as its table has it, with a further reason.
    pub(super) fn say_default(&mut self, setting: &Setting) {
        let option = setting.option;
        self.say(setting, option.outcome, option.to, option.why);
    }

    /// Says something about what is no option of the table: a field of the alpha configuration, an annotation,
    /// or an option that is missing.
    pub(super) fn add(&mut self, position: usize, mut line: Line) {
        // A reason may quote a value.
        line.why = credentials_removed(&line.why);
        let key = (position, line.name.clone());
        let Some(known) = self.lines.get_mut(&key) else {
            self.lines.insert(key, line);
            return;
        };
        if !line.why.is_empty() && !known.why.contains(&line.why) {
            if !known.why.is_empty() {
                known.why.push_str("; ");
            }
            known.why.push_str(&line.why);
        }
        known.outcome = known.outcome.max(line.outcome);
        match (&mut known.to, line.to) {
            (Some(known), Some(to)) if !known.split(", ").any(|one| one == to) => {
                known.push_str(", ");
                known.push_str(&to);
            }
            (known @ None, to) => *known = to,
            _ => {}
        }
    }

    /// An option that is missing and needed.
    pub(super) fn missing(&mut self, flag: &str, to: &str, why: &str) {
        let line = Line {
            name: ["--", flag].concat(),
            value: None,
            outcome: Outcome::NeedsYou,
            to: Some(to.to_owned()),
            why: why.to_owned(),
        };
        self.add(options::position(flag), line);
    }

    /// All lines, with those of the table for options of which nothing was said.
    pub(super) fn finish(mut self, settings: &Settings) -> Vec<Line> {
        for setting in settings.all() {
            let key = (options::position(setting.option.flag), setting.name.clone());
            if let Some(problem) = setting.problem() {
                self.say(setting, Outcome::NeedsYou, setting.option.to, problem);
            } else if !self.lines.contains_key(&key) {
                self.say_unmapped(setting);
            }
            // It was set, to nothing, and is needed.
            if let Some(line) = self.lines.get_mut(&key) {
                line.value.get_or_insert_with(|| setting.shown());
            }
        }
        self.lines.into_values().collect()
    }

    fn say_unmapped(&mut self, setting: &Setting) {
        if setting.is_empty() {
            self.say(setting, Outcome::Dropped, "", "it is empty");
        } else if setting.option.outcome == Outcome::NeedsYou && setting.is_off() {
            self.say(setting, Outcome::Kept, "", "off, as it is here");
        } else {
            self.say_default(setting);
        }
    }
}
