//! The user, and the claims about them.

use portcullis_core::json::Json;
use serde::{Deserialize, Serialize};

/// A user, as the provider describes them. The provider's name and `sub` together identify them;
/// everything else may change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct User {
    /// The subject identifier, never reassigned.
    pub(crate) sub: String,
    /// The email address.
    pub(crate) email: Option<String>,
    /// Whether the provider has verified the address.
    pub(crate) email_verified: bool,
    /// The groups of the user.
    pub(crate) groups: Vec<String>,
    /// The user name.
    pub(crate) preferred_username: Option<String>,
}

/// The claims of one document, an ID token or userinfo. `None`: the claim is missing.
#[derive(Clone, Debug, Default)]
pub(super) struct UserClaims {
    email: Option<(String, bool)>,
    groups: Option<Vec<String>>,
    preferred_username: Option<String>,
}

// === impl User ===

impl User {
    pub(super) fn new(sub: &str, claims: UserClaims) -> Self {
        let (email, email_verified) = claims.email.unzip();
        Self {
            sub: sub.to_owned(),
            email,
            email_verified: email_verified.unwrap_or_default(),
            groups: claims.groups.unwrap_or_default(),
            preferred_username: claims.preferred_username,
        }
    }

    /// The name that pages show.
    pub(crate) fn name(&self) -> Option<&str> {
        let name = self.preferred_username.as_deref();
        name.or(self.email.as_deref())
    }
}

// === impl UserClaims ===

impl UserClaims {
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

    /// The last known claims of a user.
    pub(super) fn from_user(user: &User) -> Self {
        Self {
            email: user.email.clone().map(|email| (email, user.email_verified)),
            groups: Some(user.groups.clone()),
            preferred_username: user.preferred_username.clone(),
        }
    }

    /// Whether a claim that rules can use is missing.
    pub(super) const fn is_incomplete(&self) -> bool {
        self.email.is_none() || self.groups.is_none()
    }

    /// Takes missing claims from `other`. An email address and whether it is verified always come
    /// from one document.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            email: self.email.or(other.email),
            groups: self.groups.or(other.groups),
            preferred_username: self.preferred_username.or(other.preferred_username),
        }
    }
}

/// A list of strings, or one string. Other values are ignored.
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
