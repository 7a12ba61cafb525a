//! What a caller lacks for a matcher.

use crate::caller::{Caller, Subject};
use crate::json::Json;
use crate::policy::{ClaimTest, Matcher};

/// The maximum number of groups that are listed.
const MAX_GROUPS: usize = 8;

/// The maximum length of a claim that is shown, in characters.
const MAX_CLAIM: usize = 120;

/// What is known of a caller.
pub(super) struct Facts<'c>(pub(super) &'c Caller);

impl Facts<'_> {
    /// What the caller lacks for a matcher that does not match.
    pub(super) fn lacks(&self, matcher: &Matcher) -> String {
        let caller = self.0;
        match matcher {
            Matcher::Anyone => "the caller is nobody".to_owned(),
            Matcher::Claim { path, test } => {
                let name = path.join(".");
                let expected = match test {
                    ClaimTest::Equals(value) => shown(value),
                    ClaimTest::Contains(value) => format!("something with {}", shown(value)),
                };
                match caller.claim(path) {
                    Some(value) => {
                        let value = shown(value);
                        format!("the caller's claim {name} is {value}, expected {expected}")
                    }
                    None => format!("the caller has no claim {name}, expected {expected}"),
                }
            }
            Matcher::Email(email) => self.email(email),
            Matcher::EmailDomain(domain) => self.email(&format!("one of {domain}")),
            Matcher::Group(group) => match caller.groups() {
                [] => format!("the caller has no groups, expected {group}"),
                groups => {
                    let mut listed = groups
                        .iter()
                        .take(MAX_GROUPS)
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(", ");
                    let more = groups.len().saturating_sub(MAX_GROUPS);
                    if more > 0 {
                        listed = format!("{listed} and {more} more");
                    }
                    format!("the caller's groups are {listed}, expected {group}")
                }
            },
            Matcher::ServiceAccount { .. } => match caller.subject() {
                Subject::ServiceAccount { .. } => format!("the caller is {}", caller.name()),
                Subject::User(_) | Subject::Other(_) => {
                    format!("the caller {} is no service account", caller.name())
                }
            },
            Matcher::User(user) => match caller.subject() {
                Subject::User(own) | Subject::Other(own) => {
                    format!("the caller's subject is {own}, expected {user}")
                }
                Subject::ServiceAccount { .. } => {
                    format!("the caller {} is a service account", caller.name())
                }
            },
        }
    }

    /// Which other trust entry or provider the caller comes from.
    pub(super) fn comes_from(&self, expected: &str) -> String {
        let from = self.0.from();
        format!("the caller comes from {from}, expected {expected}")
    }

    fn email(&self, expected: &str) -> String {
        match self.0.email() {
            Some(email) => format!("the caller's e-mail address is {email}, expected {expected}"),
            None if self.0.has_unverified_email() => {
                format!(
                    "the issuer has not verified the caller's e-mail address, expected {expected}"
                )
            }
            None => format!("the caller has no e-mail address, expected {expected}"),
        }
    }
}

/// A claim's value as JSON, truncated.
pub(super) fn shown(value: &Json) -> String {
    // Serializing it can't fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    match text.char_indices().nth(MAX_CLAIM) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
