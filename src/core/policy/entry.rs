//! The entries of a rule's `allow`.

use serde_json::Number;

use crate::caller::{Caller, Subject};
use crate::json::{FIRST_INEXACT_INTEGER, Json};

#[cfg(test)]
mod tests;

/// One alternative of a rule's `allow`: it matches a caller of `from` if all its matchers match.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) from: Option<String>,
    /// Never empty.
    pub(super) matchers: Vec<Matcher>,
}

/// What an entry requires of a caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// Every caller of the trust entry or provider.
    Anyone,
    /// The claim at this path has a value.
    Claim {
        /// The names from the top of the token, or of the claims of a user who signed in.
        path: Vec<String>,
        /// The value.
        test: ClaimTest,
    },
    /// The verified e-mail address, ignoring ASCII case.
    Email(String),
    /// The part of the verified e-mail address after its only `@`, ignoring ASCII case.
    EmailDomain(String),
    /// One of the caller's groups, byte for byte.
    Group(String),
    /// A Kubernetes service account.
    ServiceAccount {
        /// The trust entry.
        trust: NamePart,
        /// Its namespace.
        namespace: NamePart,
        /// Its name in the namespace.
        name: NamePart,
    },
    /// The subject, byte for byte; never a service account.
    User(String),
}

/// The value that an entry requires of a claim: a string, a number or a boolean. It must be equal in value
/// and type; 1 and 1.0 are the same number.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimTest {
    /// The claim is this value.
    Equals(Json),
    /// The claim is a list with this member, or a string with this word, such as a `scope` (RFC 8693
    /// section 4.2): spaces separate words.
    Contains(Json),
}

/// A part of a service account's name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NamePart {
    /// `*`: any.
    Any,
    /// This value, byte for byte.
    Exact(String),
}

// === impl Entry ===

impl Entry {
    /// The required trust entry or provider. `None` if the first part of `service_account`
    /// determines it.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The matchers, all of which must match. Never empty.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether the entry is for callers of the trust entry or the provider that authenticated this one.
    pub(super) fn names_source(&self, caller: &Caller) -> bool {
        let mut matchers = self.matchers.iter();
        match &self.from {
            Some(from) => *from == caller.from,
            None => matchers.any(|matcher| match matcher {
                Matcher::ServiceAccount { trust, .. } => {
                    matches!(caller.subject, Subject::ServiceAccount { .. })
                        && trust.matches(&caller.from)
                }
                _ => false,
            }),
        }
    }

    /// Whether the entry matches this caller.
    pub fn matches(&self, caller: &Caller) -> bool {
        // An entry without matchers can't be built; if it could, it should match no caller.
        !self.matchers.is_empty()
            && self.matches_source(caller)
            && self.matchers.iter().all(|matcher| matcher.matches(caller))
    }

    /// Whether the trust entry or provider that authenticated the caller is the one of `from`, if the entry
    /// has that.
    pub(super) fn matches_source(&self, caller: &Caller) -> bool {
        self.from.as_ref().is_none_or(|from| *from == caller.from)
    }
}

// === impl ClaimTest ===

impl ClaimTest {
    /// Whether a claim has the value.
    pub fn accepts(&self, claim: &Json) -> bool {
        match (self, claim) {
            (Self::Equals(value), _) => same(claim, value),
            (Self::Contains(value), Json::Array(list)) => {
                list.iter().any(|member| same(member, value))
            }
            (Self::Contains(Json::String(word)), Json::String(text)) => {
                text.split(' ').any(|other| other == word)
            }
            (Self::Contains(_), _) => false,
        }
    }
}

// === impl Matcher ===

impl Matcher {
    /// Whether the caller matches, whatever authenticated it.
    pub fn matches(&self, caller: &Caller) -> bool {
        match self {
            Self::Anyone => true,
            Self::Claim { path, test } => {
                caller.claim(path).is_some_and(|value| test.accepts(value))
            }
            Self::Email(email) => caller
                .email
                .as_ref()
                .is_some_and(|own| own.eq_ignore_ascii_case(email)),
            Self::EmailDomain(domain) => caller
                .email
                .as_deref()
                .and_then(email_domain)
                .is_some_and(|own| own.eq_ignore_ascii_case(domain)),
            Self::Group(group) => caller.groups.contains(group),
            Self::ServiceAccount {
                trust,
                namespace,
                name,
            } => match &caller.subject {
                Subject::ServiceAccount {
                    namespace: own_namespace,
                    name: own_name,
                } => {
                    trust.matches(&caller.from)
                        && namespace.matches(own_namespace)
                        && name.matches(own_name)
                }
                Subject::User(_) | Subject::Other(_) => false,
            },
            Self::User(user) => match &caller.subject {
                Subject::User(own) | Subject::Other(own) => own == user,
                Subject::ServiceAccount { .. } => false,
            },
        }
    }
}

/// The part after `@`, if there is exactly one `@` with text on both sides:
/// `mallory@evil.example@example.com` has no domain.
pub(super) fn email_domain(email: &str) -> Option<&str> {
    let (local, domain) = email.split_once('@')?;
    let whole = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
    whole.then_some(domain)
}

/// Whether two strings, numbers or booleans are equal in type and value.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Bool(one), Json::Bool(other)) => one == other,
        (Json::Number(one), Json::Number(other)) => same_number(one, other),
        (Json::String(one), Json::String(other)) => one == other,
        _ => false,
    }
}

/// Integers that fit are compared exactly, because large neighbouring integers are the same double. So an
/// integer equals no double that its neighbours are equal to as well.
fn same_number(one: &Number, other: &Number) -> bool {
    let whole = |number: &Number| {
        let signed = number.as_i64().map(i128::from);
        signed.or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.as_f64() == other.as_f64(),
        _ => {
            let is_exact = one
                .as_f64()
                .is_some_and(|one| one.abs() < FIRST_INEXACT_INTEGER);
            is_exact && one.as_f64() == other.as_f64()
        }
    }
}

// === impl NamePart ===

impl NamePart {
    /// Whether it matches this text.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == text,
        }
    }
}
