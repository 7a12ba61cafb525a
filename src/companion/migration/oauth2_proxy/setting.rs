//! Options that were set, from all sources.

use std::collections::BTreeMap;

use super::duration;
use super::options::{Kind, OptionSpec};
use crate::document::credentials_removed;

/// An option that was set.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) option: &'static OptionSpec,
    /// As it was written.
    pub(super) name: String,
    /// Its elements, or its only value.
    pub(super) values: Vec<String>,
}

/// The options that were set, each once.
#[derive(Debug, Default)]
pub(super) struct Settings {
    by_flag: BTreeMap<&'static str, Setting>,
}

/// The longest value in the report, in characters.
const MAX_SHOWN: usize = 120;

// === impl Setting ===

impl Setting {
    /// Its value without secrets, for the report.
    pub(super) fn shown(&self) -> String {
        if self.option.kind == Kind::Secret {
            return "<secret>".to_owned();
        }
        let joined = self.values.join(",");
        let shown = credentials_removed(&joined);
        match shown.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
            None => shown,
        }
    }

    /// The value of a text. Later ones replace earlier ones.
    pub(super) fn text(&self) -> &str {
        self.values.last().map_or("", |value| value.trim())
    }

    /// The elements of a list that are not empty.
    pub(super) fn list(&self) -> Vec<&str> {
        let values = self.values.iter().map(|value| value.trim());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// Whether it has no value.
    pub(super) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// Whether it is a boolean that is false.
    pub(super) fn is_off(&self) -> bool {
        self.option.kind == Kind::Boolean && boolean(self.text()) == Some(false)
    }

    /// Why the value is not one of its type.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.is_empty() {
            return None;
        }
        match self.option.kind {
            Kind::Boolean if boolean(self.text()).is_none() => Some("the value is not a boolean"),
            Kind::Duration if duration::seconds(self.text()).is_none() => {
                Some("the value is not a duration")
            }
            Kind::Integer if self.text().parse::<i64>().is_err() => {
                Some("the value is not an integer")
            }
            _ => None,
        }
    }
}

// === impl Settings ===

impl Settings {
    /// Adds settings that take precedence over those before. Within them, those of one list are one list.
    pub(super) fn overlay(&mut self, settings: Vec<Setting>) {
        let mut layer: BTreeMap<&'static str, Setting> = BTreeMap::new();
        for setting in settings {
            match layer.get_mut(setting.option.flag) {
                Some(known) if setting.option.kind == Kind::List => {
                    known.values.extend(setting.values);
                }
                _ => {
                    layer.insert(setting.option.flag, setting);
                }
            }
        }
        self.by_flag.extend(layer);
    }

    /// All, by flag.
    pub(super) fn all(&self) -> impl Iterator<Item = &Setting> {
        self.by_flag.values()
    }

    /// The option with this flag, if it was set.
    pub(super) fn find(&self, flag: &str) -> Option<&Setting> {
        debug_assert!(super::options::by_flag(flag).is_some(), "{flag}");
        self.by_flag.get(flag)
    }

    /// The option with this flag, if it has a value.
    pub(super) fn set(&self, flag: &str) -> Option<&Setting> {
        self.find(flag).filter(|setting| !setting.is_empty())
    }

    /// The value of a text; `None` if it is empty.
    pub(super) fn text(&self, flag: &str) -> Option<&str> {
        self.set(flag).map(Setting::text)
    }

    /// The elements of a list.
    pub(super) fn list(&self, flag: &str) -> Vec<&str> {
        self.set(flag).map(Setting::list).unwrap_or_default()
    }

    /// Whether a boolean that is false by default is true.
    pub(super) fn is_on(&self, flag: &str) -> bool {
        self.text(flag).and_then(boolean) == Some(true)
    }
}

/// A boolean as Go reads it.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The elements of a list in one line, as oauth2-proxy reads it: CSV (RFC 4180).
pub(super) fn csv(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let field = fields.last_mut();
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.into_iter().for_each(|field| field.push('"'));
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.as_ref().is_some_and(|field| field.is_empty()) => is_quoted = true,
            ',' if !is_quoted => fields.push(String::new()),
            c => field.into_iter().for_each(|field| field.push(c)),
        }
    }
    fields
}
