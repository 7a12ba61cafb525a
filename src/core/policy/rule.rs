//! The rules of an app.

use crate::caller::Caller;

use super::entry::Entry;
use super::path::Pattern;

/// A rule of an app. It allows the requests that it matches, for everyone or for the callers that it
/// lists.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) name: String,
    /// Empty for all.
    pub(super) methods: Vec<String>,
    /// Empty for all.
    pub(super) paths: Vec<Pattern>,
    pub(super) access: Access,
}

/// For whom a rule allows requests.
#[derive(Clone, Debug)]
pub(super) enum Access {
    Public,
    /// Never empty.
    Allow(Vec<Entry>),
}

impl Rule {
    /// The first public rule of these that matches the request.
    pub(crate) fn public_of<'a>(rules: &'a [Self], method: &str, path: &str) -> Option<&'a Self> {
        let mut rules = rules.iter();
        rules.find(|rule| rule.is_public() && rule.matches(method, path))
    }

    /// The first rule of these that matches the request and lists the caller.
    pub(crate) fn allowing_of<'a>(
        rules: &'a [Self],
        method: &str,
        path: &str,
        caller: &Caller,
    ) -> Option<&'a Self> {
        let mut rules = rules.iter();
        rules.find(|rule| rule.matches(method, path) && rule.allows(caller))
    }

    /// Its name, unique in its app.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The methods that it matches; empty for all.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// The paths that it matches; empty for all.
    pub fn paths(&self) -> &[Pattern] {
        &self.paths
    }

    /// Whether it requires no caller.
    pub const fn is_public(&self) -> bool {
        matches!(self.access, Access::Public)
    }

    /// The entries of `allow`; empty for a public rule.
    pub fn allow(&self) -> &[Entry] {
        match &self.access {
            Access::Public => &[],
            Access::Allow(entries) => entries,
        }
    }

    /// Whether it matches requests with this method and path.
    pub fn matches(&self, method: &str, path: &str) -> bool {
        self.matches_method(method) && self.matches_path(path)
    }

    /// Whether it matches requests with this method, whatever their path.
    pub fn matches_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|known| known == method)
    }

    /// Whether it matches requests with this path, whatever their method.
    pub(super) fn matches_path(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether one of its entries lists the caller. A public rule lists none.
    pub fn allows(&self, caller: &Caller) -> bool {
        self.allow().iter().any(|entry| entry.matches(caller))
    }
}
