//! What all endpoints share.

use std::sync::Arc;

use super::forward_auth_state::{InForce, SignedIn};
use super::health::Health;
use super::identity::People;
use super::loaded_policy::Judgement;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::watch::Watched;

/// What all endpoints share: `State(state): State<Shared>` in a handler.
pub(crate) type Shared = Arc<Context>;

/// The companion, as its endpoints see it.
#[derive(Debug)]
pub(crate) struct Context {
    /// What it was told.
    pub(crate) config: Config,
    /// The policy in force. Ask once for each request.
    pub(crate) judgement: Watched<Judgement>,
    /// The judge by that policy, for forward auth.
    pub(crate) judge: InForce,
    /// People's sessions, as that judge asks for them.
    pub(crate) signed_in: SignedIn,
    /// Who signs people in, and their sessions.
    pub(crate) people: People,
    /// What Prometheus is told.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether people can sign in now.
    pub(crate) health: Health,
}
