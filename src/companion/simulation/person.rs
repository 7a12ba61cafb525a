//! A user who has signed in, as a file describes one.

use portcullis_core::json::Json;
use portcullis_core::policy::{Policy, Sso};
use portcullis_core::session::{Claims, Id, SessionHandles};
use portcullis_core::timestamp::Timestamp;

use super::caller::LIFETIME;
use crate::document::Report;

/// A user who has signed in at a provider.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Person {
    /// The provider's name in the policy; `None` for the only one.
    pub(crate) provider: Option<String>,
    /// The provider's `sub`.
    pub(crate) subject: String,
    /// The e-mail address.
    pub(crate) email: Option<String>,
    /// Whether the provider has verified it.
    pub(crate) email_verified: bool,
    /// The groups.
    pub(crate) groups: Vec<String>,
    /// The user name that the user prefers.
    pub(crate) preferred_username: Option<String>,
    /// All claims of the provider. A session has those that the policy's rules match on.
    pub(crate) claims: Option<Json>,
}

/// What is wrong with a description: the path of the value, and the problem.
pub(crate) type PersonProblem = (String, String);

/// How to fix a description.
pub(crate) const HELP: &str = "write the claims of the user's ID token: `sub` and, where they matter, `email`, `groups`, \
    `preferred_username` and others; `provider` names the provider if the policy has several";

impl Person {
    /// Reads a description: the claims of an ID token, and `provider`. An address counts as verified unless
    /// `email_verified` says otherwise.
    pub(crate) fn read(description: &Json) -> Result<Self, PersonProblem> {
        let Json::Object(members) = description else {
            return Err((".".to_owned(), "expected a mapping with claims".to_owned()));
        };
        let text = |name: &str| match description.member(name) {
            None => Ok(None),
            Some(Json::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err((name.to_owned(), "expected a text".to_owned())),
        };
        let groups = match description.member("groups") {
            None => Vec::new(),
            Some(Json::String(group)) => vec![group.clone()],
            Some(groups) => texts(groups).ok_or_else(|| {
                (
                    "groups".to_owned(),
                    "expected a list of texts, or one text".to_owned(),
                )
            })?,
        };
        let claims = members.iter().filter(|(name, _)| name != "provider");
        Ok(Self {
            provider: text("provider")?,
            subject: text("sub")?
                .ok_or_else(|| (".".to_owned(), "missing field `sub`".to_owned()))?,
            email: text("email")?,
            email_verified: description
                .member("email_verified")
                .is_none_or(Json::is_true),
            groups,
            preferred_username: text("preferred_username")?,
            claims: Some(Json::Object(claims.cloned().collect())),
        })
    }

    /// The claims of the session token that the companion would issue now.
    pub(super) fn session_claims(
        &self,
        provider: &str,
        sso: &Sso,
        policy: &Policy,
        now: Timestamp,
    ) -> Claims {
        // Revocations name them, and no revocation is known here.
        let handle = Id::from_bytes([0; 16]);
        Claims {
            issuer: sso.url().to_owned(),
            subject: self.subject.clone(),
            provider: provider.to_owned(),
            handles: SessionHandles {
                sid: handle,
                handle,
                began: now,
            },
            issued_at: now,
            expires_at: now.after(LIFETIME),
            email: self.email.clone(),
            email_verified: self.email_verified,
            groups: self.groups.clone(),
            preferred_username: self.preferred_username.clone(),
            provider_claims: self
                .claims
                .as_ref()
                .and_then(|claims| policy.requested_claims().select(provider, claims)),
        }
    }
}

/// The report of a problem in the document with a description.
pub(crate) fn report(document: &crate::document::Document, problem: &PersonProblem) -> Report {
    let (path, problem) = problem;
    document.report(path, problem, HELP)
}

fn texts(list: &Json) -> Option<Vec<String>> {
    let texts = list.as_array()?.iter();
    texts.map(|one| one.as_str().map(str::to_owned)).collect()
}
