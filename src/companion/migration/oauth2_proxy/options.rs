//! The options of oauth2-proxy: flags, their names in the configuration file and in the environment.

mod alpha;
mod table;

use super::outcome::Outcome;

#[cfg(test)]
mod tests;

pub(super) use alpha::{Becomes, fields as alpha_fields};

/// The prefix of the options' environment variables.
pub(super) const PREFIX: &str = "OAUTH2_PROXY_";

/// An option, and what becomes of it unless its mapping says otherwise.
#[derive(Debug)]
pub(super) struct OptionSpec {
    /// The flag, without dashes.
    pub(super) flag: &'static str,
    /// The name in the configuration file.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) outcome: Outcome,
    /// The field in our files; empty if there is none.
    pub(super) to: &'static str,
    /// Why it is not kept as it is, or what holds always; may be empty for what is kept.
    pub(super) why: &'static str,
}

/// The type of an option's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Boolean,
    Duration,
    Integer,
    List,
    /// A text that nobody may see.
    Secret,
    Text,
}

/// All options, in the order of the report.
pub(super) fn all() -> impl Iterator<Item = &'static OptionSpec> {
    table::AREAS.iter().flat_map(|(_, options)| *options)
}

/// The option with this flag.
pub(super) fn by_flag(flag: &str) -> Option<&'static OptionSpec> {
    all().find(|option| option.flag == flag)
}

/// The option with this name in the configuration file, which ignores case.
pub(super) fn by_key(key: &str) -> Option<&'static OptionSpec> {
    all().find(|option| option.key.eq_ignore_ascii_case(key))
}

/// The option with this environment variable.
pub(super) fn by_variable(variable: &str) -> Option<&'static OptionSpec> {
    by_key(variable.strip_prefix(PREFIX)?)
        // A name that oauth2-proxy still reads.
        .or_else(|| (variable == "OAUTH2_PROXY_GOOGLE_GROUP").then(|| by_flag("google-group"))?)
}

/// The position in the report.
pub(super) fn position(flag: &str) -> usize {
    all()
        .position(|option| option.flag == flag)
        .unwrap_or(usize::MAX)
}

// === impl OptionSpec ===

impl OptionSpec {
    /// Its environment variable.
    pub(super) fn variable(&self) -> String {
        [PREFIX, &self.key.to_ascii_uppercase()].concat()
    }
}
