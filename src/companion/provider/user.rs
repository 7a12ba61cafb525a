//! The user, and the claims about them.

use std::collections::HashSet;

use portcullis_core::json::Json;
use serde::{Deserialize, Serialize};

use super::settings::RelyingParty;
use super::tokens::UserInfoClaims;

/// A user, as the provider describes them. The provider's name and `sub` together identify them;
/// everything else may change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct User {
    /// The subject identifier, never reassigned.
    pub(crate) sub: String,
    /// The email address.
    pub(crate) email: Option<String>,
    /// Whether the address counts: the provider has verified it, or its addresses are trusted by
    /// `trust_unverified_email`.
    pub(crate) email_verified: bool,
    /// The groups of the user.
    pub(crate) groups: Vec<String>,
    /// The user name.
    pub(crate) preferred_username: Option<String>,
    /// The claims that rules match on, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) claims: Option<Json>,
}

/// The claims of one document, an ID token or userinfo. `None`: the claim is missing.
#[derive(Clone, Debug, Default)]
pub(super) struct UserClaims {
    email: Option<(String, bool)>,
    groups: Option<Vec<String>>,
    preferred_username: Option<String>,
    /// All members of the document.
    all: Vec<(String, Json)>,
}

// === impl User ===

impl User {
    /// A user with these claims, and all of the claims.
    pub(super) fn new(sub: &str, claims: UserClaims) -> (Self, Json) {
        let (email, email_verified) = claims.email.unzip();
        let user = Self {
            sub: sub.to_owned(),
            email,
            email_verified: email_verified.unwrap_or_default(),
            groups: claims.groups.unwrap_or_default(),
            preferred_username: claims.preferred_username,
            claims: None,
        };
        (user, Json::Object(claims.all))
    }

    /// The address, if it does not count because it is not verified.
    pub(crate) fn unverified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| !self.email_verified)
    }

    /// The name that pages show.
    pub(crate) fn name(&self) -> Option<&str> {
        let name = self.preferred_username.as_deref();
        name.or(self.email.as_deref())
    }
}

// === impl UserClaims ===

impl UserClaims {
    /// Reads the claims of an ID token, or of userinfo. `email_verified` is a boolean, or the same as a
    /// string, as at Amazon Cognito.
    pub(super) fn read(claims: &Json, relying_party: &RelyingParty) -> Self {
        let text = |name| {
            let text = claims.member(name).and_then(Json::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let verified = claims.member("email_verified").is_some_and(Json::is_true);
        let counts = verified || relying_party.trust_unverified_email;
        let groups = claims.at(&relying_party.groups_claim);
        Self {
            email: text("email").map(|email| (email, counts)),
            groups: groups.and_then(strings),
            preferred_username: text("preferred_username"),
            all: claims.as_object().unwrap_or_default().to_vec(),
        }
    }

    /// The last known claims of a user.
    pub(super) fn from_user(user: &User) -> Self {
        Self {
            email: user.email.clone().map(|email| (email, user.email_verified)),
            groups: Some(user.groups.clone()),
            preferred_username: user.preferred_username.clone(),
            all: match &user.claims {
                Some(Json::Object(claims)) => claims.clone(),
                _ => Vec::new(),
            },
        }
    }

    /// Whether a claim that rules can use is missing.
    pub(super) const fn is_incomplete(&self) -> bool {
        self.email.is_none() || self.groups.is_none()
    }

    /// Whether rules can use them as they are: there is an email address, or there are groups.
    pub(super) const fn are_sufficient(&self) -> bool {
        self.email.is_some() || self.groups.is_some()
    }

    /// Which claims [`UserClaims::or`] takes from `other`.
    pub(super) fn taken_from(&self, other: &Self) -> UserInfoClaims {
        let names = self.missing_members(other).map(|(name, _)| name);
        UserInfoClaims {
            email: self.email.is_none() && other.email.is_some(),
            groups: self.groups.is_none() && other.groups.is_some(),
            members: names.cloned().collect(),
        }
    }

    /// Removes the claims that came from userinfo.
    pub(super) fn without(mut self, userinfo: &UserInfoClaims) -> Self {
        self.email = self.email.filter(|_| !userinfo.email);
        self.groups = self.groups.filter(|_| !userinfo.groups);
        self.all
            .retain(|(name, _)| !userinfo.members.contains(name));
        self
    }

    /// The members of `other` that this document lacks.
    fn missing_members<'o>(&self, other: &'o Self) -> impl Iterator<Item = &'o (String, Json)> {
        let own: HashSet<&str> = self.all.iter().map(|(name, _)| name.as_str()).collect();
        let members = other.all.iter();
        members.filter(move |(name, _)| !own.contains(name.as_str()))
    }

    /// Takes missing claims from `other`. An email address and whether it is verified always come
    /// from one document.
    pub(super) fn or(self, other: Self) -> Self {
        let missing: Vec<_> = self.missing_members(&other).cloned().collect();
        Self {
            all: [self.all, missing].concat(),
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
