//! The identity of a caller, and the identity headers for apps.

mod authenticated;
mod encode;
pub mod headers;
mod kubernetes;

pub use authenticated::{AuthenticatedCaller, session_token_id};

use std::sync::Arc;

use crate::json::Json;
use crate::session;
use crate::token::{TokenError, Verified};
use crate::trust::{Kind, Trust};

/// An authenticated caller: what rules match and what apps receive.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The trust entry or provider that authenticated the caller.
    pub(crate) from: String,
    pub(crate) subject: Subject,
    /// The e-mail address, if the issuer has verified it.
    pub(crate) email: Option<String>,
    /// Whether the token has an address that does not count, because the issuer has not verified it.
    pub(crate) has_unverified_email: bool,
    pub(crate) groups: Vec<String>,
    pub(crate) preferred_username: Option<String>,
    /// All claims of the token. Those of a user who signed in are in its member `claims`.
    pub(crate) claims: Arc<Json>,
}

/// The subject of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A Kubernetes service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name in the namespace.
        name: String,
    },
    /// A user who signed in, by the provider's `sub`.
    User(String),
    /// Any other caller, by the issuer's `sub`.
    Other(String),
}

/// The claim beside the e-mail address that says whether it is verified (OpenID Connect Core, section
/// 5.1).
const EMAIL_VERIFIED: &str = "email_verified";

/// The visible bytes of a subject that are percent-encoded.
const SUBJECT_ENCODED: &str = "/%";

/// The claims of the provider that are in every session token.
const STANDARD_CLAIMS: [&str; 5] = [
    "email",
    EMAIL_VERIFIED,
    "groups",
    "preferred_username",
    "sub",
];

impl Caller {
    /// The caller of a verified token. A Kubernetes trust gives no e-mail address, groups or
    /// preferred user name, whatever its tokens say.
    ///
    /// # Errors
    /// [`TokenError::SubjectMismatch`] if `sub` contradicts the `kubernetes.io` claims.
    pub fn of(verified: &Verified, trust: &Trust) -> Result<Self, TokenError> {
        let claims = verified.claims();
        let mut caller = Self {
            from: trust.name.clone(),
            subject: Subject::Other(claims.subject().to_owned()),
            email: None,
            has_unverified_email: false,
            groups: Vec::new(),
            preferred_username: None,
            claims: Arc::clone(claims.body()),
        };
        match trust.kind {
            Kind::Kubernetes => {
                caller.subject = kubernetes::service_account(claims.subject(), claims.body())
                    .ok_or(TokenError::SubjectMismatch)?;
            }
            Kind::Oidc => {
                let paths = &trust.claims;
                let (address, is_verified) = email(&caller.claims, &paths.email);
                let counts = is_verified || trust.trust_unverified_email;
                caller.has_unverified_email = address.is_some() && !counts;
                caller.email = address.filter(|_| counts);
                caller.groups = groups(caller.claims.at(&paths.groups));
                caller.preferred_username = caller
                    .claims
                    .at(&paths.preferred_username)
                    .and_then(Json::as_str)
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned);
            }
        }
        Ok(caller)
    }

    /// The user of a session token. `body` has all claims of the token; those of the provider are in its
    /// member `claims`.
    pub(crate) fn of_session(claims: session::Claims, body: Arc<Json>) -> Self {
        Self {
            from: claims.provider,
            subject: Subject::User(claims.subject),
            has_unverified_email: claims.email.is_some() && !claims.email_verified,
            email: claims.email.filter(|_| claims.email_verified),
            groups: claims.groups,
            preferred_username: claims.preferred_username,
            claims: body,
        }
    }

    /// The claim at this path: of the token, or of those that the user's provider has given. The other
    /// claims of a session token are the companion's own.
    pub(crate) fn claim(&self, path: &[String]) -> Option<&Json> {
        let Subject::User(_) = self.subject else {
            return self.claims.at(path);
        };
        let given = self.claims.member(session::PROVIDER_CLAIMS);
        given.and_then(|claims| claims.at(path)).or_else(|| {
            let is_given = |name: &String| STANDARD_CLAIMS.contains(&name.as_str());
            self.claims
                .at(path)
                .filter(|_| path.first().is_some_and(is_given))
        })
    }

    /// The trust entry or provider that authenticated the caller.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The subject of the token.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The e-mail address, if the issuer has verified it.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Whether the token has an e-mail address that does not count, because the issuer has not verified
    /// it.
    pub const fn has_unverified_email(&self) -> bool {
        self.has_unverified_email
    }

    /// The groups.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The user name that the user prefers.
    pub fn preferred_username(&self) -> Option<&str> {
        self.preferred_username.as_deref()
    }

    /// The one name of this caller: `FROM/SUBJECT`. Slashes, percent signs, spaces and bytes outside
    /// visible ASCII in a subject are percent-encoded, so that no subject can look like a service
    /// account.
    pub fn name(&self) -> String {
        let from = &self.from;
        match &self.subject {
            Subject::ServiceAccount { namespace, name } => {
                [from.as_str(), "/", namespace, "/", name].concat()
            }
            Subject::User(subject) | Subject::Other(subject) => [
                from.as_str(),
                "/",
                &encode::visible(subject, SUBJECT_ENCODED),
            ]
            .concat(),
        }
    }

    /// Whether a subject has this form in [`Caller::name`], if it is not a service account.
    pub(crate) fn is_subject_in_name(text: &str) -> bool {
        !text.is_empty() && encode::is_visible(text, SUBJECT_ENCODED)
    }

    /// The user name for apps: the subject alone for signed-in users, because apps keep accounts for them; the
    /// full name for all others. The two forms can't be confused. With several providers the same
    /// subject may be two users, so signed-in users then have their full name too.
    fn user(&self, providers: usize) -> String {
        match &self.subject {
            Subject::User(subject) if providers <= 1 => encode::visible(subject, SUBJECT_ENCODED),
            Subject::User(_) | Subject::ServiceAccount { .. } | Subject::Other(_) => self.name(),
        }
    }

    /// The identity headers for apps, in a policy with this many providers. An absent claim sets none.
    /// Values are visible ASCII.
    pub fn identity_headers(&self, providers: usize) -> Vec<(&'static str, String)> {
        let mut set = vec![
            (headers::USER, self.user(providers)),
            (headers::CALLER, self.name()),
        ];
        let plain = |value: &String| encode::visible(value, "%");
        if let Some(email) = &self.email {
            set.push((headers::EMAIL, plain(email)));
        }
        if !self.groups.is_empty() {
            let groups: Vec<String> = self
                .groups
                .iter()
                .map(|group| encode::visible(group, "%,"))
                .collect();
            set.push((headers::GROUPS, groups.join(",")));
        }
        if let Some(name) = &self.preferred_username {
            set.push((headers::PREFERRED_USERNAME, plain(name)));
        }
        set
    }
}

/// The e-mail address at this path, and whether the issuer has verified it.
fn email(claims: &Json, path: &[String]) -> (Option<String>, bool) {
    let object = path.split_last().and_then(|(name, above)| {
        let object = claims.at(above)?;
        Some((object, object.member(name)?.as_str()?))
    });
    match object {
        Some((object, email)) if !email.is_empty() => {
            let verified = object.member(EMAIL_VERIFIED).is_some_and(Json::is_true);
            (Some(email.to_owned()), verified)
        }
        _ => (None, false),
    }
}

/// The groups: a list of strings, or one string. Elements that are not strings are ignored.
fn groups(claim: Option<&Json>) -> Vec<String> {
    let listed = claim.and_then(Json::as_array).unwrap_or_default().iter();
    let texts = claim.into_iter().chain(listed).filter_map(Json::as_str);
    texts
        .filter(|group| !group.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
