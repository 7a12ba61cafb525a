//! One redemption of a refresh token: asking the provider, keeping the result, and revoking the
//! session where the provider has ended it.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::session::SessionHandles;
use tokio::time::timeout;

use super::refresh::Redeem;
use crate::session::clock::Clock;
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::{Revocation, RevocationBatch};
use crate::session::single_flight::RefreshOutcome;
use crate::session::store::{Refreshing, SessionStore, StoredSession};

/// How long a provider may take for all of its responses together.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(25);

/// One redemption of a refresh token. It owns what it needs, because it runs to its end even if
/// every caller has left: a token that was spent and whose successor is lost ends the session.
pub(super) struct Redemption<R> {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) provider: Arc<R>,
    pub(super) stored: StoredSession,
    /// What a revocation of the session names it by.
    pub(super) handles: SessionHandles,
    /// How long an unused session lasts.
    pub(super) idle: Duration,
    pub(super) clock: Clock,
}

impl<R: Redeem> Redemption<R> {
    pub(super) async fn run(self) -> RefreshOutcome {
        let refresh = Refreshing {
            redeem: Box::pin(self.redeem()),
            idle: self.idle,
            clock: self.clock,
        };
        match self.store.refresh_exclusively(&self.stored, refresh).await {
            Ok(session) => RefreshOutcome::Refreshed(Arc::new(session)),
            Err(RefreshFailure::Unavailable) => RefreshOutcome::Unavailable,
            Err(RefreshFailure::Ended) => {
                self.revoke().await;
                RefreshOutcome::Ended
            }
        }
    }

    /// Asks the provider.
    async fn redeem(&self) -> Result<Session, RefreshFailure> {
        let session = &self.stored.session;
        let redeemed = timeout(PROVIDER_TIMEOUT, self.provider.redeem(session.clone())).await;
        let redeemed = redeemed.map_err(|_| RefreshFailure::Unavailable)??;
        if redeemed.person.sub != session.person.sub {
            tracing::warn!(
                provider = session.idp,
                sid = %session.sid,
                "refresh returned another subject; session ended"
            );
            return Err(RefreshFailure::Ended);
        }
        Ok(session.refreshed(redeemed, self.clock.now()))
    }

    /// Revokes the session, so that its session tokens end too.
    pub(super) async fn revoke(&self) {
        let (handles, ends) = (self.handles, self.stored.session.ends);
        let revocation = Revocation::session(handles.sid, ends)
            .began(handles.began)
            .of(handles.handle);
        let batch = RevocationBatch {
            revocations: vec![revocation],
            ..RevocationBatch::default()
        };
        // The refresh token is no longer valid, so the session ends without this too, but
        // its session token is valid until it expires.
        if let Err(error) = self.store.revoke(&batch, self.clock.now()).await {
            tracing::warn!(sid = %handles.sid, %error, "session ended but not revoked");
        }
    }
}
