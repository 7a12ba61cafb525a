//! Where audit records go, and which personal data they contain.

/// The level of the audit record, by decision, and its content. `None` (`off` in a policy) writes no record to the
/// log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Audit {
    pub(super) allowed: Option<Level>,
    pub(super) refused: Option<Level>,
    /// Whether the record is in filter state too, for access logs.
    pub(super) access_log: bool,
    /// Whether the record has the caller's e-mail address.
    pub(super) email: bool,
    /// Whether the record has the user name that the caller prefers.
    pub(super) preferred_username: bool,
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
    /// The level for an allowed or a refused request.
    pub const fn level(self, is_allowed: bool) -> Option<Level> {
        if is_allowed {
            self.allowed
        } else {
            self.refused
        }
    }

    /// Whether the record is in filter state too, for access logs.
    pub const fn access_log(self) -> bool {
        self.access_log
    }

    /// Whether the record has the caller's e-mail address.
    pub(crate) const fn has_email(self) -> bool {
        self.email
    }

    /// Whether the record has the user name that the caller prefers.
    pub(crate) const fn has_preferred_username(self) -> bool {
        self.preferred_username
    }

    /// The level with this name; `Some(None)` for `off`, and `None` for an unknown name.
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
            access_log: false,
            email: false,
            preferred_username: false,
        }
    }
}
