//! How users sign in: at the companion, whose session tokens the filter verifies.

use crate::endpoints::{self, UsedBy};
use crate::session::CookieNames;
use crate::trust::Trust;

/// The sign-in configuration of a policy.
#[derive(Clone, Debug)]
pub struct Sso {
    pub(super) url: String,
    pub(super) host: String,
    pub(super) envoy_cluster: String,
    pub(super) cookie_names: CookieNames,
    /// Never empty.
    pub(super) providers: Vec<String>,
    pub(super) keys: Trust,
}

impl Sso {
    /// The URL at which browsers reach the companion: `https`, a host in lower case, a port where it
    /// is not the default, and nothing after it. Session tokens have this text as `iss` and `aud`,
    /// and it is the origin of the companion's own pages.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The companion's host: a DNS name in lower case, without a port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host and port of the companion for `:authority`.
    pub fn authority(&self) -> &str {
        self.url.strip_prefix("https://").unwrap_or_default()
    }

    /// The Envoy cluster of the companion.
    pub fn envoy_cluster(&self) -> &str {
        &self.envoy_cluster
    }

    /// The names of the session cookies.
    pub const fn cookie_names(&self) -> &CookieNames {
        &self.cookie_names
    }

    /// The names of the companion's providers. Never empty.
    pub fn providers(&self) -> &[String] {
        &self.providers
    }

    /// Whether the companion has a provider of this name.
    pub fn has_provider(&self, name: &str) -> bool {
        self.providers.iter().any(|provider| provider == name)
    }

    /// Where the keys of session tokens come from, in the form of a trust entry, which is never
    /// used for bearer tokens.
    pub const fn keys(&self) -> &Trust {
        &self.keys
    }

    /// Whether clients may request this path of the companion: an endpoint that is not only for proxies,
    /// which reach the companion through a dedicated cluster.
    pub fn serves(&self, path: &str) -> bool {
        let has_provider = |name: &str| self.has_provider(name);
        endpoints::ALL
            .iter()
            .filter(|endpoint| endpoint.used_by != UsedBy::Proxies)
            .any(|endpoint| endpoint.has(path, has_provider, |_| false))
    }
}
