//! At which level the record of a decision is logged.

/// The levels of the audit record, by verdict; `None` is no record at all, `off` in a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Audit {
    pub(super) allowed: Option<Level>,
    pub(super) refused: Option<Level>,
}

/// A log level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// For debugging.
    Debug,
    /// Informational.
    Info,
    /// A warning.
    Warn,
    /// An error.
    Error,
}

impl Audit {
    /// The level of the record of a request that was allowed, or of one that was refused.
    pub const fn level(self, is_allowed: bool) -> Option<Level> {
        if is_allowed {
            self.allowed
        } else {
            self.refused
        }
    }

    /// The level of this name in a policy, in lower case; `off` is none. `None` where no level has
    /// this name.
    pub(super) fn level_named(name: &str) -> Option<Option<Level>> {
        Some(match name {
            "debug" => Some(Level::Debug),
            "info" => Some(Level::Info),
            "warn" => Some(Level::Warn),
            "error" => Some(Level::Error),
            "off" => None,
            _ => return None,
        })
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            allowed: Some(Level::Info),
            refused: Some(Level::Warn),
        }
    }
}
