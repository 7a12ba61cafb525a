//! The policy of a running companion, in a file or a folder of YAML or JSON: converted to the JSON that core parses, with
//! line and column of core's errors.

use portcullis_core::policy::Policy;

use crate::document::Report;
use crate::manifests::{FoundPolicy, PolicyFiles, PolicyProblem};

#[cfg(test)]
mod tests;

/// A parsed policy that has not been validated.
#[derive(Debug)]
pub struct PolicyFile(FoundPolicy);

impl PolicyFile {
    /// Parses the contents of a file with this name.
    ///
    /// # Errors
    /// A file that is not UTF-8, is neither YAML nor JSON, or has a duplicate name or a value that parsers read
    /// differently.
    pub fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Report> {
        Self::of(PolicyFiles::one(&name, bytes))
    }

    /// Parses files. The error is the first of [`Self::parse`] in one of them, or of apps that are in the wrong file.
    pub(crate) fn of(files: PolicyFiles) -> Result<Self, Report> {
        files.parse().map(Self)
    }

    /// The policy as JSON, compact, its members in the order of the file.
    pub fn json(&self) -> String {
        self.0.json()
    }

    /// Validates the policy. The errors are core's, and those of its teams.
    pub fn policy(&self) -> Result<Policy, Report> {
        self.0.validate_to_first_error()
    }

    /// An error at a path in it, and how to fix it.
    pub fn report(&self, path: &str, problem: &str, help: &str) -> Report {
        self.0.report(&PolicyProblem {
            path: path.to_owned(),
            problem: problem.to_owned(),
            help: help.to_owned(),
        })
    }
}
