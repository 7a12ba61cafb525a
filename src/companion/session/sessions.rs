//! Sessions, as the companion's endpoints use them.

mod cookies;
mod redemption;
mod refresh;
mod sign_in;
mod sign_out;

#[cfg(test)]
mod tests;

pub(crate) use refresh::Redeem;
pub(crate) use sign_in::{AttemptError, Initiator, StartError};
pub(crate) use sign_out::LogoutClaims;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;

use crate::background::BackgroundTasks;

use super::cookies::Cookies;
use super::keys::Keys;
use super::outcome::{EndReason, NoSession};
use super::policy_claims::PolicyClaims;
use super::record::Session;
use super::revocations::{RevocationState, StateFileError};
use super::settings::SessionSettings;
use super::single_flight::SingleFlight;
use super::store::{SessionStore, StoreSettings};
use super::unavailable::Unavailable;

/// The minimum lifetime of a session token, even if the provider's tokens expire sooner.
const MIN_TOKEN_TTL: Duration = Duration::from_secs(30);

/// All sessions of this companion.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(super) settings: SessionSettings,
    pub(super) keys: Arc<ArcSwap<Keys>>,
    pub(super) store: Arc<dyn SessionStore>,
    refreshes: Arc<SingleFlight>,
    policy_claims: PolicyClaims,
    /// How long a request waits for a refresh.
    refresh_timeout: Duration,
}

/// Statistics for metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SessionStats {
    /// Revocations in the list.
    pub(crate) revocations: usize,
    /// The highest floor of the revocation list: all sessions of at least one provider that began then or
    /// earlier are revoked.
    pub(crate) floor: Timestamp,
    /// The same of the list of ended provider sessions.
    pub(crate) provider_floor: Timestamp,
    /// Since when the revocation list is complete.
    pub(crate) known_since: Timestamp,
    /// Outcomes of refreshes that are stored for late requests.
    pub(crate) cached_refreshes: usize,
    /// Refresh tokens that are known to be spent.
    pub(crate) spent_tokens: usize,
}

impl Sessions {
    /// Opens the session store. `keys` may be replaced at any time; they are loaded for each use.
    pub(crate) fn open(
        settings: SessionSettings,
        keys: Arc<ArcSwap<Keys>>,
        store: StoreSettings,
        now: Timestamp,
    ) -> Result<Self, StateFileError> {
        Ok(Self {
            store: store.open(&settings, now)?,
            refreshes: Arc::default(),
            policy_claims: PolicyClaims::default(),
            refresh_timeout: refresh::TIMEOUT,
            settings,
            keys,
        })
    }

    /// The same sessions, with the groups that the policy's rules name.
    pub(crate) fn with_policy_claims(self, policy_claims: PolicyClaims) -> Self {
        Self {
            policy_claims,
            ..self
        }
    }

    /// Work on sessions that continues without a client.
    pub(crate) fn background(&self) -> &BackgroundTasks {
        self.refreshes.background()
    }

    /// The session of a request as it is stored: it is not refreshed and no cookie is set. The claims may be
    /// older than the lifetime of the provider's tokens.
    pub(crate) async fn read(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
    ) -> Result<Session, NoSession> {
        let stored = self.load(cookies).await?;
        let state = self.store.revocations(now).await?;
        self.check(&stored.session, &state, now)?;
        if stored.session.verified_at < state.known_since() {
            return Err(EndReason::Unverified.into());
        }
        Ok(stored.session)
    }

    /// The sessions that filters and forward auth must refuse.
    pub(crate) async fn revocations(&self, now: Timestamp) -> Result<Revocations, Unavailable> {
        Ok(self.store.revocations(now).await?.revocations(now))
    }

    /// The same as JSON.
    pub(crate) async fn revocations_json(&self, now: Timestamp) -> Result<String, Unavailable> {
        Ok(self.revocations(now).await?.to_json())
    }

    /// Statistics for metrics. An error means that the store is unavailable, so this is also the readiness
    /// check.
    pub(crate) async fn stats(&self, now: Timestamp) -> Result<SessionStats, Unavailable> {
        let state = self.store.revocations(now).await?;
        let (cached_refreshes, spent_tokens) = self.refreshes.counts();
        Ok(SessionStats {
            revocations: state.len(),
            floor: state.floor(),
            provider_floor: state.provider_floor(),
            known_since: state.known_since(),
            cached_refreshes,
            spent_tokens,
        })
    }

    /// Checks that a session is active.
    fn check(
        &self,
        session: &Session,
        state: &RevocationState,
        now: Timestamp,
    ) -> Result<(), EndReason> {
        if session.ends <= now || self.settings.lifetime <= now.since(session.began) {
            return Err(EndReason::LifetimeExceeded);
        }
        if self.settings.idle <= now.since(session.last_used) {
            return Err(EndReason::IdleTimeout);
        }
        if self.is_revoked(session, state, now) {
            return Err(EndReason::Revoked);
        }
        Ok(())
    }

    fn is_revoked(&self, session: &Session, state: &RevocationState, now: Timestamp) -> bool {
        let keys = self.keys.load();
        let provider_session = Some(keys.provider_session(session));
        state.is_revoked(&keys.handles(session), provider_session, now)
    }
}
