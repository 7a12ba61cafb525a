//! How people sign in: at the companion, whose session tokens the filter verifies.

use crate::endpoints;
use crate::session::CookieNames;
use crate::trust::Trust;

/// What a policy says of people's sessions.
#[derive(Clone, Debug)]
pub struct Sso {
    pub(super) url: String,
    pub(super) host: String,
    pub(super) envoy_cluster: String,
    pub(super) cookies: CookieNames,
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

    /// Host and port of the companion, as they go into `:authority`.
    pub fn authority(&self) -> &str {
        self.url.strip_prefix("https://").unwrap_or_default()
    }

    /// The proxy's cluster that leads to the companion.
    pub fn envoy_cluster(&self) -> &str {
        &self.envoy_cluster
    }

    /// The names of the session's cookies.
    pub const fn cookies(&self) -> &CookieNames {
        &self.cookies
    }

    /// The companion's providers, by the names that rules use. Never empty.
    pub fn providers(&self) -> &[String] {
        &self.providers
    }

    /// Whether a provider of this name may vouch for people.
    pub fn has_provider(&self, name: &str) -> bool {
        self.providers.iter().any(|provider| provider == name)
    }

    /// Where the keys of session tokens come from, in the form of a trust entry, which is never
    /// used for bearer tokens.
    pub const fn keys(&self) -> &Trust {
        &self.keys
    }

    /// Whether the companion answers at this path of its host. `trusts` are those of the policy.
    pub fn serves(&self, path: &str, trusts: &[Trust]) -> bool {
        let has_trust = |name: &str| trusts.iter().any(|trust| trust.name == name);
        endpoints::ALL
            .iter()
            .any(|endpoint| endpoint.has(path, |name| self.has_provider(name), has_trust))
    }
}
