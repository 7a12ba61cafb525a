//! At which level the record of a decision goes to the log.

/// The levels of the audit record, by verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Audit {
    pub(super) allowed: Level,
    pub(super) refused: Level,
}

/// A log level, or none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// Worth a line.
    Info,
    /// Worth a look.
    Warn,
    /// Worth an alarm.
    Error,
    /// No record at all.
    Off,
}

impl Audit {
    /// The level of what was let through.
    pub const fn allowed(self) -> Level {
        self.allowed
    }

    /// The level of what was refused.
    pub const fn refused(self) -> Level {
        self.refused
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            allowed: Level::Info,
            refused: Level::Warn,
        }
    }
}

impl Level {
    /// The level of this name, in lower case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "debug" => Self::Debug,
            "info" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "off" => Self::Off,
            _ => return None,
        })
    }
}
