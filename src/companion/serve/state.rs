//! What all endpoints share.

use std::sync::Arc;

use super::config::Config;
use super::health::Health;
use super::judge::{InForce, SignedIn};
use super::judgement::Judgement;
use super::metrics::Metrics;
use super::people::People;
use super::watch::Watched;

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
