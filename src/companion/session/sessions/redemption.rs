//! One redemption of a refresh token: the request to the provider, storing the result, and revoking the
//! session if the provider has ended it.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::session::SessionHandles;
use tokio::time::timeout;

use super::refresh::Redeem;
use crate::provider::Authentication;
use crate::session::clock::Clock;
use crate::session::policy_claims::PolicyClaims;
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::{Revocation, RevocationBatch};
use crate::session::single_flight::RedemptionOutcome;
use crate::session::store::{PendingRefresh, SessionStore, StoredSession};
use crate::session::unavailable::Unavailable;

/// How long a redemption may take at most. The provider's `timeout` ends it sooner, without losing new tokens.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(25);

/// One redemption of a refresh token. It owns what it needs, because it must be completed even if all
/// clients have disconnected: the session ends if its token is redeemed and the new one is lost.
pub(super) struct Redemption<R> {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) provider: Arc<R>,
    pub(super) stored: StoredSession,
    /// The handles by which a revocation names the session.
    pub(super) handles: SessionHandles,
    /// The idle timeout of sessions.
    pub(super) idle: Duration,
    pub(super) clock: Clock,
    pub(super) policy_claims: PolicyClaims,
}

impl<R: Redeem> Redemption<R> {
    pub(super) async fn run(self) -> RedemptionOutcome {
        let refresh = PendingRefresh {
            redeem: Box::pin(self.redeem()),
            idle: self.idle,
            clock: self.clock,
        };
        match self.store.refresh_exclusively(&self.stored, refresh).await {
            Ok(session) => RedemptionOutcome::Refreshed(Arc::new(session)),
            Err(RefreshFailure::Unavailable) => RedemptionOutcome::Unavailable,
            Err(RefreshFailure::Ended) => {
                if let Err(error) = self.revoke().await {
                    let (provider, sid) = (&self.stored.session.provider, self.handles.sid);
                    tracing::warn!(provider, %sid, %error, "session ended but not revoked");
                }
                RedemptionOutcome::Ended
            }
        }
    }

    /// Redeems the refresh token at the provider.
    async fn redeem(&self) -> Result<Session, RefreshFailure> {
        let session = &self.stored.session;
        let redeemed = timeout(PROVIDER_TIMEOUT, self.provider.redeem(session.clone())).await;
        let redeemed = redeemed.map_err(|_| RefreshFailure::Unavailable)??;
        if redeemed.user.sub != session.user.sub {
            tracing::warn!(
                provider = session.provider,
                sid = %session.sid,
                "refresh returned another subject; the session ends"
            );
            return Err(RefreshFailure::Ended);
        }
        let (claims, provider) = (&redeemed.claims, &session.provider);
        let user = self.policy_claims.select(provider, redeemed.user, claims);
        let redeemed = Authentication { user, ..redeemed };
        Ok(session.refreshed(redeemed, self.clock.now()))
    }

    /// Revokes the session. Its refresh token is no longer valid, so the session ends in any case, but
    /// without a revocation its session token is valid until it expires.
    pub(super) async fn revoke(&self) -> Result<(), Unavailable> {
        let (handles, ends) = (self.handles, self.stored.session.ends);
        let revocation = Revocation::session(handles.sid, ends)
            .began(handles.began)
            .of(handles.handle);
        let batch = RevocationBatch {
            revocations: vec![revocation],
            ..RevocationBatch::default()
        };
        self.store.revoke(&batch, self.clock.now()).await.map(drop)
    }
}
