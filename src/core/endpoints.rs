//! The companion's endpoints: one list for the gate on the companion's host, for the filter's own
//! requests, and for the companion's router.

#[cfg(test)]
mod tests;

/// A path of the companion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The path.
    pub path: &'static str,
    /// Which subpaths belong to the endpoint.
    pub subpaths: Subpaths,
    /// Who requests it.
    pub used_by: UsedBy,
}

/// Which subpaths belong to an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subpaths {
    /// Any subpath.
    Any,
    /// No subpath.
    None,
    /// The names of the policy's providers.
    ProviderName,
    /// The names of the policy's trust entries. The path without a name is not an endpoint.
    TrustName,
}

/// Who requests an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UsedBy {
    /// Browsers and identity providers, through the gateway.
    Clients,
    /// Health checks.
    Probes,
    /// The filter and other proxies, through a dedicated cluster. The gate refuses it on the companion's
    /// own host.
    Proxies,
}

/// Forward auth: whether a request is allowed.
pub const AUTH: Endpoint = Endpoint::new("/oauth2/auth", Subpaths::Any, UsedBy::Proxies);

/// OpenID Connect Back-Channel Logout 1.0.
pub const BACKCHANNEL_LOGOUT: Endpoint = Endpoint::new(
    "/oauth2/backchannel-logout",
    Subpaths::None,
    UsedBy::Clients,
);

/// The redirect URI of sign-ins.
pub const CALLBACK: Endpoint =
    Endpoint::new("/oauth2/callback", Subpaths::ProviderName, UsedBy::Clients);

/// The keys that sign session tokens.
pub const JWKS: Endpoint = Endpoint::new("/oauth2/jwks", Subpaths::None, UsedBy::Clients);

/// The mirrored key sets of trust entries.
pub const MIRROR: Endpoint = Endpoint::new("/oauth2/mirror", Subpaths::TrustName, UsedBy::Proxies);

/// Whether the process runs.
pub const PING: Endpoint = Endpoint::new("/ping", Subpaths::None, UsedBy::Probes);

/// Whether the process can serve requests.
pub const READY: Endpoint = Endpoint::new("/ready", Subpaths::None, UsedBy::Probes);

/// A fresh session token for a sealed session.
pub const REFRESH: Endpoint = Endpoint::new("/oauth2/refresh", Subpaths::None, UsedBy::Proxies);

/// The sessions that were revoked before their tokens expire.
pub const REVOCATIONS: Endpoint =
    Endpoint::new("/oauth2/revocations", Subpaths::None, UsedBy::Proxies);

/// The page where a user chooses a provider.
pub const SIGN_IN: Endpoint = Endpoint::new("/oauth2/sign_in", Subpaths::None, UsedBy::Clients);

/// Signs out here and at the provider.
pub const SIGN_OUT: Endpoint = Endpoint::new("/oauth2/sign_out", Subpaths::None, UsedBy::Clients);

/// Begins a sign-in.
pub const START: Endpoint = Endpoint::new("/oauth2/start", Subpaths::None, UsedBy::Clients);

/// The claims of the signed-in user.
pub const USERINFO: Endpoint = Endpoint::new("/oauth2/userinfo", Subpaths::None, UsedBy::Clients);

/// All endpoints of the companion's main listener.
pub const ALL: [Endpoint; 13] = [
    AUTH,
    BACKCHANNEL_LOGOUT,
    CALLBACK,
    JWKS,
    MIRROR,
    REFRESH,
    REVOCATIONS,
    SIGN_IN,
    SIGN_OUT,
    START,
    USERINFO,
    PING,
    READY,
];

impl Endpoint {
    const fn new(path: &'static str, subpaths: Subpaths, used_by: UsedBy) -> Self {
        Self {
            path,
            subpaths,
            used_by,
        }
    }

    /// The subpath of this name.
    pub fn subpath(&self, name: &str) -> String {
        [self.path, "/", name].concat()
    }

    /// Whether a path belongs to the endpoint; `has_provider` and `has_trust` check names.
    pub fn has(
        &self,
        path: &str,
        has_provider: impl Fn(&str) -> bool,
        has_trust: impl Fn(&str) -> bool,
    ) -> bool {
        let Some(rest) = path.strip_prefix(self.path) else {
            return false;
        };
        match (rest.strip_prefix('/'), self.subpaths) {
            (None, Subpaths::TrustName) => false,
            (None, _) => rest.is_empty(),
            (Some(_), Subpaths::Any) => true,
            (Some(_), Subpaths::None) => false,
            (Some(name), Subpaths::ProviderName) => has_provider(name),
            (Some(name), Subpaths::TrustName) => has_trust(name),
        }
    }
}
