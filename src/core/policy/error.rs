//! Errors in a policy: the path, the problem and how to fix it.

use std::fmt;

/// Why a document is not a policy. Every error has its location, the problem and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyError {
    path: String,
    problem: String,
    help: String,
}

/// A location in the document during validation: `apps[0].rules[1].paths`.
#[derive(Clone, Debug)]
pub(super) struct Location(String);

// === impl PolicyError ===

impl PolicyError {
    pub(super) fn new(path: &str, problem: &str, help: &str) -> Self {
        let path = if path.is_empty() { "." } else { path };
        Self {
            path: path.to_owned(),
            problem: problem.to_owned(),
            help: help.to_owned(),
        }
    }

    /// The location, as member names and indices from the top: `apps[0].rules[1].paths`. The document
    /// as a whole is `.`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// How to fix it.
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.path, ": ", &self.problem, "; help: ", &self.help] {
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

// === impl Location ===

impl Location {
    /// The whole document.
    pub(super) const fn root() -> Self {
        Self(String::new())
    }

    /// The member of this name.
    pub(super) fn member(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self([&self.0, dot, name].concat())
    }

    /// The element at this index.
    pub(super) fn element(&self, index: usize) -> Self {
        Self([&self.0, "[", &index.to_string(), "]"].concat())
    }

    /// An error at this location.
    pub(super) fn error(&self, problem: &str, help: &str) -> PolicyError {
        PolicyError::new(&self.0, problem, help)
    }

    /// An error at this location about `text`, which is quoted in front of the problem.
    pub(super) fn error_about(&self, text: &str, problem: &str, help: &str) -> PolicyError {
        self.error(&["`", text, "` ", problem].concat(), help)
    }
}
