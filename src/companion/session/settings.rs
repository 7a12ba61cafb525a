//! The settings of sessions.

use std::time::Duration;

use portcullis_core::policy::Sso;
use portcullis_core::session::CookieNames;

use super::keys::{Binding, Purpose};
use super::policy_claims::KeptGroups;

/// The settings of sessions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SessionSettings {
    /// The policy's `sso.url`: the issuer of session tokens. Sealed values are bound to it.
    pub(crate) url: String,
    /// The names of the session's cookies.
    pub(crate) names: CookieNames,
    /// The domain of the session's cookies; `None` for the companion's host only.
    pub(crate) domain: Option<String>,
    /// Their `SameSite` attribute.
    pub(crate) same_site: SameSite,
    /// The maximum lifetime of a session.
    pub(crate) lifetime: Duration,
    /// The idle timeout.
    pub(crate) idle: Duration,
    /// The lifetime of a session token.
    pub(crate) token: Duration,
    /// Which groups of a user they keep.
    pub(crate) groups: KeptGroups,
}

/// The `SameSite` attribute of a cookie. Not `Strict`, because the callback comes from another site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SameSite {
    /// Only navigations by GET.
    Lax,
    /// All requests.
    None,
}

impl SessionSettings {
    /// The defaults.
    pub(crate) fn new(sso: &Sso) -> Self {
        Self {
            url: sso.url().to_owned(),
            names: sso.cookie_names().clone(),
            domain: None,
            same_site: SameSite::Lax,
            lifetime: Duration::from_secs(12 * 3600),
            idle: Duration::from_secs(3600),
            token: Duration::from_secs(300),
            groups: KeptGroups::All,
        }
    }

    /// The binding of a sealed value.
    pub(super) fn binding<'a>(&'a self, purpose: Purpose, name: &'a str) -> Binding<'a> {
        Binding {
            purpose,
            name,
            url: &self.url,
        }
    }

    /// The companion's host, from its URL.
    pub(super) fn host(&self) -> &str {
        let authority = self.url.trim_start_matches("https://");
        authority.split(':').next().unwrap_or(authority)
    }
}
