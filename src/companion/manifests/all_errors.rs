//! All errors of a policy at once.
//!
//! Core reports the first error. To find the next one, the value at its place is removed from a draft of the policy,
//! or replaced by one that is valid and conflicts with nothing, and core validates the draft again. What could
//! follow from such a change is not reported: errors about a mapping or a list that something was removed from, and
//! errors of entries that refer to a trust entry or provider whose name or kind is wrong.

mod draft;
mod repair;

#[cfg(test)]
mod tests;

use portcullis_core::policy::{Policy, PolicyError};

use crate::document::Node;

use draft::Draft;
use repair::{Lost, Repair};

/// The maximum number of errors of one policy.
const MAX_ERRORS: usize = 100;

/// The maximum number of validations. Some find an error that is not reported.
const MAX_ATTEMPTS: usize = 400;

/// The maximum number of bytes that are validated again: a large policy has its first errors reported.
const MAX_BYTES: usize = 64 << 20;

/// An error of core: its path in the policy, what is wrong, and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PolicyProblem {
    /// `apps[0].rules[1].paths`; `.` is the policy as a whole.
    pub(crate) path: String,
    pub(crate) problem: String,
    pub(crate) help: String,
}

impl PolicyProblem {
    /// An error of core.
    pub(super) fn of(error: &PolicyError) -> Self {
        Self {
            path: error.path().to_owned(),
            problem: error.problem().to_owned(),
            help: error.help().to_owned(),
        }
    }
}

/// All errors of a policy, whose first one is `first`.
pub(super) fn find(policy: &Node, first: &PolicyError) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    let mut draft = Draft::of(policy);
    let mut lost = Lost::default();
    let mut error = first.clone();
    let mut bytes = 0;
    for attempt in 0..MAX_ATTEMPTS {
        let place = draft.place(error.path());
        if !place.follows(error.problem()) && !lost.is_in(&draft, &place) {
            problems.push(PolicyProblem {
                path: place.path.clone(),
                ..PolicyProblem::of(&error)
            });
        }
        if problems.len() == MAX_ERRORS {
            break;
        }
        let repair = Repair::of(&draft, &place, &error, attempt);
        if !repair.apply(&mut draft, &place, error.problem(), &mut lost) {
            break;
        }
        let json = draft.to_string();
        bytes += json.len();
        if bytes > MAX_BYTES {
            break;
        }
        match Policy::from_json(&json) {
            Ok(_) => break,
            Err(next) => error = next,
        }
    }
    problems
}
