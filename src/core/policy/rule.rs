//! Rules: who may do what.

use crate::caller::Caller;

use super::entry::Entry;
use super::path::Pattern;

/// A rule of an app. It allows the requests that it matches, for everyone or for the callers that it
/// lists.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) name: String,
    /// Empty: all.
    pub(super) methods: Vec<String>,
    /// Empty: all.
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
    /// Its name, unique in its app.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The methods that it is about; empty for all.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// The paths that it is about; empty for all.
    pub fn paths(&self) -> &[Pattern] {
        &self.paths
    }

    /// Whether it requires no caller.
    pub const fn is_public(&self) -> bool {
        matches!(self.access, Access::Public)
    }

    /// The callers that it lists; none where it is public.
    pub fn allow(&self) -> &[Entry] {
        match &self.access {
            Access::Public => &[],
            Access::Allow(entries) => entries,
        }
    }

    /// Whether it is about requests like this one.
    pub fn fits(&self, method: &str, path: &str) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|known| known == method))
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.fits(path)))
    }

    /// Whether one of its entries lists the caller. A public rule lists none.
    pub fn lists(&self, caller: &Caller) -> bool {
        self.allow().iter().any(|entry| entry.fits(caller))
    }
}
