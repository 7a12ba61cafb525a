//! The state that endpoints share.

use std::sync::Arc;

use crate::config::{Config, TrustedProxies};
use crate::metrics::Metrics;
use crate::public_url::PublicUrl;
use crate::readiness::Readiness;
use crate::redirect_target::RedirectRules;
use crate::watch::Watched;

use super::forward_auth_state::{ForwardAuthState, LocalSessions};
use super::identity::Identity;
use super::loaded_policy::LoadedPolicy;

/// The state of all endpoints: `State(state): State<SharedState>` in a handler.
pub(crate) type SharedState = Arc<AppState>;

/// The state of the endpoints that need sign-in: `State(state): State<SharedSignInState>` in a handler.
pub(crate) type SharedSignInState = Arc<SignInState>;

/// The state of all endpoints.
#[derive(Debug)]
pub(crate) struct AppState {
    /// The configuration.
    pub(crate) config: Config,
    /// The evaluator of forward auth and the mirror. A request should load it once.
    pub(crate) forward_auth: ForwardAuthState,
    /// The sessions that forward auth reads; `None` if sign-in is not configured.
    pub(crate) sessions: Option<LocalSessions>,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the companion is ready.
    pub(crate) readiness: Readiness,
}

/// The state of the endpoints that need sign-in.
#[derive(Debug)]
pub(crate) struct SignInState {
    /// The public URL of the companion.
    pub(crate) public_url: PublicUrl,
    /// The providers and the sessions.
    pub(crate) identity: Identity,
    /// The current policy. A request should load it once.
    pub(crate) policy: Watched<LoadedPolicy>,
    /// The proxies that are trusted to name the client.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
}

impl SignInState {
    /// The redirect targets that the current policy allows.
    pub(crate) fn redirects(&self) -> RedirectRules {
        let rules = self.policy.load().redirects.clone();
        // A policy without `sso` is refused if sign-in is configured, so there are rules. Otherwise only our
        // own host would be allowed.
        rules.unwrap_or_else(|| RedirectRules::of(&self.public_url, &[]))
    }
}
