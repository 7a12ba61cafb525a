//! Why an entry of `allow` lists a caller, or does not, and the entry as a policy has it.

use std::fmt;

use super::caller::{Facts, shown};
use crate::caller::Caller;
use crate::policy::{ClaimTest, Entry, Matcher, NamePart};

/// Why an entry lists a caller, or does not.
pub(super) struct EntryExplanation {
    /// What the caller lacks; empty if the entry lists the caller.
    misses: Vec<String>,
    /// How many conditions are not met.
    distance: usize,
}

// === impl EntryExplanation ===

impl EntryExplanation {
    /// Whether the entry lists the caller.
    pub(super) const fn fits(&self) -> bool {
        self.misses.is_empty()
    }

    /// How many conditions the caller does not meet.
    pub(super) const fn distance(&self) -> usize {
        self.distance
    }

    /// What the caller lacks.
    pub(super) fn why(&self) -> String {
        self.misses.join(" and ")
    }
}

// === impl Entry ===

impl Entry {
    /// Why it lists the caller, or does not.
    pub(super) fn explain(&self, caller: &Caller) -> EntryExplanation {
        let facts = Facts(caller);
        let failed = self
            .matchers()
            .iter()
            .filter(|matcher| !matcher.matches(caller));
        let mut misses: Vec<String> = failed.map(|matcher| facts.lacks(matcher)).collect();
        if self.matchers().is_empty() {
            misses.push("the entry lists nobody".to_owned());
        }
        // An entry for callers of another issuer is further away than one that lacks as much.
        let distance = match misses.len() {
            0 => 0,
            lacking if self.names_source(caller) => lacking,
            lacking => lacking.saturating_add(1),
        };
        if self.matches_source(caller) {
            return EntryExplanation { misses, distance };
        }
        // What another issuer says has another meaning, so this alone is the reason.
        EntryExplanation {
            distance: distance.max(1),
            misses: vec![facts.comes_from(self.from().unwrap_or_default())],
        }
    }
}

/// As a policy has it, on one line: `service_account: staging/monitoring/karma`, or `from: sso, group: sre`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from().map(|from| format!("from: {from}"));
        let matchers = self.matchers().iter().map(Matcher::to_string);
        let parts: Vec<String> = from.into_iter().chain(matchers).collect();
        f.write_str(&parts.join(", "))
    }
}

/// As a policy has it: `group: sre`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone: true"),
            Self::Claim { path, test } => {
                let path = path.join(", ");
                let (name, value) = match test {
                    ClaimTest::Equals(value) => ("equals", value),
                    ClaimTest::Contains(value) => ("contains", value),
                };
                write!(f, "claim: {{path: [{path}], {name}: {}}}", shown(value))
            }
            Self::Email(email) => write!(f, "email: {email}"),
            Self::EmailDomain(domain) => write!(f, "email_domain: {domain}"),
            Self::Group(group) => write!(f, "group: {group}"),
            Self::ServiceAccount {
                trust,
                namespace,
                name,
            } => write!(f, "service_account: {trust}/{namespace}/{name}"),
            Self::User(user) => write!(f, "user: {user}"),
        }
    }
}

impl fmt::Display for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Exact(text) => text,
        })
    }
}
