//! The paths that the companion answers: the one list for the gate on the companion's host, for what
//! the filter requests there, and for the companion's own router.

#[cfg(test)]
mod tests;

/// A path of the companion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The path.
    pub path: &'static str,
    /// Which paths below it are the endpoint's too.
    pub below: Below,
    /// Who requests it.
    pub used_by: UsedBy,
}

/// Which paths below an endpoint's own, behind a slash, are the endpoint's too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Below {
    /// Any.
    Anything,
    /// None.
    Nothing,
    /// The names of the policy's providers.
    Provider,
    /// The names of the policy's trust entries, and these only: the bare path is no endpoint.
    Trust,
}

/// Who requests an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UsedBy {
    /// Browsers and identity providers, through the gateway.
    Clients,
    /// Health checks.
    Probes,
    /// The filter and other proxies, over a cluster of their own.
    Proxies,
}

/// Forward auth: whether a request may be forwarded.
pub const AUTH: Endpoint = Endpoint::new("/oauth2/auth", Below::Anything, UsedBy::Proxies);

/// OpenID Connect Back-Channel Logout 1.0.
pub const BACKCHANNEL_LOGOUT: Endpoint = Endpoint::new(
    "/oauth2/backchannel-logout",
    Below::Nothing,
    UsedBy::Clients,
);

/// Where a provider sends the browser back to.
pub const CALLBACK: Endpoint = Endpoint::new("/oauth2/callback", Below::Provider, UsedBy::Clients);

/// The keys that sign session tokens.
pub const JWKS: Endpoint = Endpoint::new("/oauth2/jwks", Below::Nothing, UsedBy::Clients);

/// The mirrored key sets of trust entries.
pub const MIRROR: Endpoint = Endpoint::new("/oauth2/mirror", Below::Trust, UsedBy::Proxies);

/// Whether the process runs.
pub const PING: Endpoint = Endpoint::new("/ping", Below::Nothing, UsedBy::Probes);

/// Whether it can serve requests.
pub const READY: Endpoint = Endpoint::new("/ready", Below::Nothing, UsedBy::Probes);

/// A fresh session token for a sealed session.
pub const REFRESH: Endpoint = Endpoint::new("/oauth2/refresh", Below::Nothing, UsedBy::Proxies);

/// The sessions that were revoked before their tokens expire.
pub const REVOCATIONS: Endpoint =
    Endpoint::new("/oauth2/revocations", Below::Nothing, UsedBy::Proxies);

/// The page where a person chooses a provider.
pub const SIGN_IN: Endpoint = Endpoint::new("/oauth2/sign_in", Below::Nothing, UsedBy::Clients);

/// Ends a session here and at the provider.
pub const SIGN_OUT: Endpoint = Endpoint::new("/oauth2/sign_out", Below::Nothing, UsedBy::Clients);

/// Begins a sign-in.
pub const START: Endpoint = Endpoint::new("/oauth2/start", Below::Nothing, UsedBy::Clients);

/// Who is signed in.
pub const USERINFO: Endpoint = Endpoint::new("/oauth2/userinfo", Below::Nothing, UsedBy::Clients);

/// All endpoints of the companion's main listener, in the order of their paths.
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

    /// The path of this name below the endpoint's own.
    pub fn named(&self, name: &str) -> String {
        [self.path, "/", name].concat()
    }

    /// Whether a path is the endpoint's; `has_provider` and `has_trust` say which names there are.
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
