//! Who somebody is, by the provider's word.

use portcullis_core::json::Json;
use serde::{Deserialize, Serialize};

/// A person, as a provider vouches for them. Together with the provider's name, `sub` is who it is;
/// all else may change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Person {
    /// The provider's name for the person, never given to anybody else.
    pub(crate) sub: String,
    /// The e-mail address.
    pub(crate) email: Option<String>,
    /// Whether the provider knows that the address is the person's.
    pub(crate) email_verified: bool,
    /// The groups that the person is in.
    pub(crate) groups: Vec<String>,
    /// The name that the person chose.
    pub(crate) preferred_username: Option<String>,
}

/// What one document says of a person. `None` is silence.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    email: Option<(String, bool)>,
    groups: Option<Vec<String>>,
    preferred_username: Option<String>,
}

// === impl Person ===

impl Person {
    pub(super) fn new(sub: &str, said: Said) -> Self {
        let (email, email_verified) = said.email.unzip();
        Self {
            sub: sub.to_owned(),
            email,
            email_verified: email_verified.unwrap_or_default(),
            groups: said.groups.unwrap_or_default(),
            preferred_username: said.preferred_username,
        }
    }
}

// === impl Said ===

impl Said {
    /// Reads the claims of an ID token, or of userinfo.
    pub(super) fn read(claims: &Json, groups_claim: &[String]) -> Self {
        let text = |name| {
            let text = claims.member(name).and_then(Json::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let verified = claims.member("email_verified").and_then(Json::as_bool);
        let groups = groups_claim
            .iter()
            .try_fold(claims, |value, name| value.member(name));
        Self {
            email: text("email").map(|email| (email, verified == Some(true))),
            groups: groups.and_then(strings),
            preferred_username: text("preferred_username"),
        }
    }

    /// What was known of a person before.
    pub(super) fn before(person: &Person) -> Self {
        Self {
            email: person
                .email
                .clone()
                .map(|email| (email, person.email_verified)),
            groups: Some(person.groups.clone()),
            preferred_username: person.preferred_username.clone(),
        }
    }

    /// Whether rules could ask for something that this is silent about.
    pub(super) const fn lacks_something(&self) -> bool {
        self.email.is_none() || self.groups.is_none()
    }

    /// What `other` says of what this is silent about. An address and whether it is verified are
    /// always of one document.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            email: self.email.or(other.email),
            groups: self.groups.or(other.groups),
            preferred_username: self.preferred_username.or(other.preferred_username),
        }
    }
}

/// A list of strings, or one string. What is not a string is no group.
fn strings(claim: &Json) -> Option<Vec<String>> {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match claim {
        Json::String(one) => Some(named(one).into_iter().collect()),
        Json::Array(all) => {
            let texts = all.iter().filter_map(Json::as_str);
            Some(texts.filter_map(named).collect())
        }
        _ => None,
    }
}
