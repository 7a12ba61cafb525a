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
    pub below: Below,
    /// Who requests it.
    pub used_by: UsedBy,
}

/// Which subpaths belong to an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Below {
    /// Any subpath.
    Anything,
    /// No subpath.
    Nothing,
    /// The names of the policy's providers.
    Provider,
    /// The names of the policy's trust entries. The path without a name is not an endpoint.
    Trust,
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
pub const AUTH: Endpoint = Endpoint::new("/oauth2/auth", Below::Anything, UsedBy::Proxies);

/// OpenID Connect Back-Channel Logout 1.0.
pub const BACKCHANNEL_LOGOUT: Endpoint = Endpoint::new(
    "/oauth2/backchannel-logout",
    Below::Nothing,
    UsedBy::Clients,
);

/// The redirect URI of sign-ins.
pub const CALLBACK: Endpoint = Endpoint::new("/oauth2/callback", Below::Provider, UsedBy::Clients);

/// The keys that sign session tokens.
pub const JWKS: Endpoint = Endpoint::new("/oauth2/jwks", Below::Nothing, UsedBy::Clients);

/// The mirrored key sets of trust entries.
pub const MIRROR: Endpoint = Endpoint::new("/oauth2/mirror", Below::Trust, UsedBy::Proxies);

/// Whether the process runs.
pub const PING: Endpoint = Endpoint::new("/ping", Below::Nothing, UsedBy::Probes);

/// Whether the process can serve requests.
pub const READY: Endpoint = Endpoint::new("/ready", Below::Nothing, UsedBy::Probes);

/// A fresh session token for a sealed session.
pub const REFRESH: Endpoint = Endpoint::new("/oauth2/refresh", Below::Nothing, UsedBy::Proxies);

/// The sessions that were revoked before their tokens expire.
pub const REVOCATIONS: Endpoint =
    Endpoint::new("/oauth2/revocations", Below::Nothing, UsedBy::Proxies);

/// The page where a person chooses a provider.
pub const SIGN_IN: Endpoint = Endpoint::new("/oauth2/sign_in", Below::Nothing, UsedBy::Clients);

/// Signs out here and at the provider.
pub const SIGN_OUT: Endpoint = Endpoint::new("/oauth2/sign_out", Below::Nothing, UsedBy::Clients);

/// Begins a sign-in.
pub const START: Endpoint = Endpoint::new("/oauth2/start", Below::Nothing, UsedBy::Clients);

/// The claims of the signed-in person.
pub const USERINFO: Endpoint = Endpoint::new("/oauth2/userinfo", Below::Nothing, UsedBy::Clients);

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
    const fn new(path: &'static str, below: Below, used_by: UsedBy) -> Self {
        Self {
            path,
            below,
            used_by,
        }
    }

    /// The subpath of this name.
    pub fn named(&self, name: &str) -> String {
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
        match (rest.strip_prefix('/'), self.below) {
            (None, Below::Trust) => false,
            (None, _) => rest.is_empty(),
            (Some(_), Below::Anything) => true,
            (Some(_), Below::Nothing) => false,
            (Some(name), Below::Provider) => has_provider(name),
            (Some(name), Below::Trust) => has_trust(name),
        }
    }
}
