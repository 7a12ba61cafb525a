//! The callers that a policy refuses, and the lookup of a caller among them.

use std::collections::BTreeMap;

/// The names of the callers that are refused, with their places in the list. The digest has a map of the same
/// type, which the filter's module then has once.
#[derive(Clone, Debug, Default)]
pub(super) struct RefusedCallers(BTreeMap<String, usize>);

impl RefusedCallers {
    /// Adds a caller.
    pub(super) fn add(&mut self, name: String) {
        let place = self.0.len();
        self.0.insert(name, place);
    }

    /// Whether this caller is listed.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
