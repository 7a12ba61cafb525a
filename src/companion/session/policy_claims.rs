//! Which groups and other claims of a user a session keeps.
//!
//! Users can be in more groups, and have more claims, than cookies can hold, and rules name few of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_core::json::Json;
use portcullis_core::policy::{Matcher, Policy, RequestedClaims};

use super::record::Session;
use crate::provider::User;

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

/// The groups and claims that the rules of the current policy name.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyClaims(Arc<ArcSwap<Requested>>);

#[derive(Debug, Default)]
struct Requested {
    groups: BTreeSet<String>,
    claims: RequestedClaims,
}

impl PolicyClaims {
    /// Takes the groups and claims of this policy from now on. Those that sessions in cookies have left out
    /// come back when the session is refreshed at its provider.
    pub(crate) fn update(&self, policy: &Policy) {
        let rules = policy.apps().iter().flat_map(|app| app.all_rules());
        let entries = rules.flat_map(|rule| rule.allow());
        let groups = entries.flat_map(|entry| entry.matchers()).filter_map(group);
        self.0.store(Arc::new(Requested {
            groups: groups.map(str::to_owned).collect(),
            claims: policy.requested_claims(),
        }));
    }

    /// The session with only these groups.
    pub(super) fn keep(&self, session: &Session) -> Session {
        let requested = self.0.load();
        let mut session = session.clone();
        let groups = &mut session.user.groups;
        groups.retain(|group| requested.groups.contains(group));
        session
    }

    /// The user with those claims of this provider that rules match on.
    pub(super) fn select(&self, provider: &str, user: User, claims: &Json) -> User {
        let claims = self.0.load().claims.select(provider, claims);
        User { claims, ..user }
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
