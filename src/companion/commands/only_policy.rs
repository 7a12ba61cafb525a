//! The policy of commands that take one.

use std::path::{Path, PathBuf};

use portcullis_core::policy::Policy;

use super::{COULD_NOT_RUN, Failure};
use crate::document::{self, Report};
use crate::manifests::{Found, FoundPolicy};

/// The only policy of a file, a folder, a manifest, or standard input for `-`. `invalid` is the exit code for an
/// invalid policy.
pub(super) fn read(path: &Path, invalid: u8) -> Result<(FoundPolicy, Policy), Failure> {
    let policy = find(path)?;
    match policy.validate() {
        Ok(valid) => Ok((policy, valid)),
        Err(reports) => Err(Failure::reported(invalid, &reports)),
    }
}

/// The same, not validated yet.
pub(super) fn find(path: &Path) -> Result<FoundPolicy, Failure> {
    let mut found = Found::read(&[PathBuf::from(path)]);
    if !found.errors.is_empty() {
        return Err(Failure::reported(COULD_NOT_RUN, &found.errors));
    }
    match (found.policies.pop(), found.policies.len()) {
        (Some(policy), 0) => Ok(policy),
        (_, others) => {
            let problem = format!("expected one policy, found {}", others + 1);
            let name = document::name_of(path);
            let report = Report::of(&name, &problem, "name the file of one of them");
            Err(Failure::reported(COULD_NOT_RUN, &[report]))
        }
    }
}
