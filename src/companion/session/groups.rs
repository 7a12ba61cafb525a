//! Which groups of a user a session keeps.
//!
//! Users can be in more groups than cookies can hold, and rules name few of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_core::policy::{Matcher, Policy};

use super::record::Session;

#[cfg(test)]
pub(super) mod tests;

/// Which groups sessions keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeptGroups {
    /// All. If they are too large for cookies, those that rules name.
    All,
    /// Those that rules name.
    Policy,
}

/// The groups that the rules of the current policy name.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyGroups(Arc<ArcSwap<BTreeSet<String>>>);

impl PolicyGroups {
    /// Takes the groups of this policy from now on. Groups that sessions in cookies have left out come back
    /// when the session is refreshed at its provider.
    pub(crate) fn update(&self, policy: &Policy) {
        let rules = policy.apps().iter().flat_map(|app| app.rules());
        let entries = rules.flat_map(|rule| rule.allow());
        let groups = entries.flat_map(|entry| entry.matchers()).filter_map(group);
        self.0.store(Arc::new(groups.map(str::to_owned).collect()));
    }

    /// The session with only these groups.
    pub(super) fn keep(&self, session: &Session) -> Session {
        let named = self.0.load();
        let mut session = session.clone();
        session.user.groups.retain(|group| named.contains(group));
        session
    }
}

fn group(matcher: &Matcher) -> Option<&str> {
    match matcher {
        Matcher::Group(group) => Some(group),
        Matcher::Anyone
        | Matcher::Claim { .. }
        | Matcher::Email(_)
        | Matcher::EmailDomain(_)
        | Matcher::ServiceAccount { .. }
        | Matcher::User(_) => None,
    }
}
