//! How sessions are kept, as the operator wants it.

use std::time::Duration;

use portcullis_core::policy::Sso;
use portcullis_core::session::CookieNames;

use super::keys::{Binding, Purpose};

/// How sessions are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Settings {
    /// The policy's `sso.url`: what issues session tokens, and what all sealed values are bound to.
    pub(crate) url: String,
    /// The names of the session's cookies.
    pub(crate) names: CookieNames,
    /// The domain of the session's cookies. `None`: the companion's own host alone.
    pub(crate) domain: Option<String>,
    /// Which requests of other sites carry them.
    pub(crate) same_site: SameSite,
    /// How long a session lasts at most.
    pub(crate) lifetime: Duration,
    /// How long one lasts unused.
    pub(crate) idle: Duration,
    /// How long a session token lasts.
    pub(crate) token: Duration,
}

/// Which requests of other sites carry a cookie. Not `Strict`: who comes back from the provider
/// comes from another site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SameSite {
    /// Navigations by GET.
    Lax,
    /// All of them.
    None,
}

impl Settings {
    /// The defaults, for this companion.
    pub(crate) fn new(sso: &Sso) -> Self {
        Self {
            url: sso.url().to_owned(),
            names: sso.cookies().clone(),
            domain: None,
            same_site: SameSite::Lax,
            lifetime: Duration::from_secs(12 * 3600),
            idle: Duration::from_secs(3600),
            token: Duration::from_secs(300),
        }
    }

    /// What a sealed value of this companion is bound to.
    pub(super) fn binding<'a>(&'a self, purpose: Purpose, name: &'a str) -> Binding<'a> {
        Binding {
            purpose,
            name,
            url: &self.url,
        }
    }

    /// The companion's host: of the URL what stands between scheme and port.
    pub(super) fn host(&self) -> &str {
        let authority = self.url.trim_start_matches("https://");
        authority.split(':').next().unwrap_or(authority)
    }
}
