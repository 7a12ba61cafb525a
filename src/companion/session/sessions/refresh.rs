//! Refreshing sessions: a new session token for a sealed session.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use tokio::time::timeout;

use super::redemption::Redemption;
use super::{MIN_TOKEN_TTL, Sessions};
use crate::provider::Authentication;
use crate::session::clock::Clock;
use crate::session::cookies::Cookies;
use crate::session::outcome::{ActiveSession, EndReason, NoSession};
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::RevocationState;
use crate::session::single_flight::RefreshOutcome;
use crate::session::store::{StoredSession, record_ttl};
use crate::session::unavailable::Unavailable;

/// How long a caller waits. The filter gives up after two seconds.
pub(super) const TIMEOUT: Duration = Duration::from_millis(1800);

/// How long before its expiry a provider's token counts as expired.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// How often one call reloads a session that other calls change meanwhile.
const MAX_ATTEMPTS: usize = 4;

/// Redeems refresh tokens.
pub(crate) trait Redeem: Send + Sync + 'static {
    /// Asks the session's provider for new tokens with its refresh token. This is called once for
    /// all concurrent requests, and runs to its end even if every caller has left.
    fn redeem(
        &self,
        session: Session,
    ) -> impl Future<Output = Result<Authentication, RefreshFailure>> + Send;
}

/// Which cookies a response can set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Settable {
    /// All of them.
    All,
    /// One, which is the session token: NGINX forwards a single `Set-Cookie`.
    TokenOnly,
}

impl Sessions {
    /// A new session token for a sealed session: the filter's refresh.
    pub(crate) async fn refresh<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<ActiveSession, NoSession> {
        let active = self.issue(cookies, now, provider, Settable::All).await;
        active.map_err(|error| match error {
            NoSession::Ended { reason, .. } => NoSession::Ended {
                reason,
                set_cookies: self.settings.delete_session(cookies),
            },
            NoSession::Unavailable(_) => error,
        })
    }

    /// The same before a sign-in, which is not needed where the provider refreshes a session that it
    /// must confirm. `None`: the session need not be confirmed.
    pub(crate) async fn refresh_if_due<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<Option<ActiveSession>, NoSession> {
        let session = self.load(cookies).await?.session;
        let state = self.store.revocations(now).await?;
        self.check(&session, &state, now)?;
        if refresh_reason(&session, &state, now).is_none() {
            return Ok(None);
        }
        self.refresh(cookies, now, provider).await.map(Some)
    }

    /// A new session token for forward auth, whose response sets at most one cookie. A session that is kept in
    /// its cookie can't be refreshed at the provider then, because the result could not be kept.
    /// The reason is [`EndReason::ProviderTokenExpired`], and the browser passes through a sign-in,
    /// which sets all cookies.
    pub(crate) async fn refresh_token_cookie<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<ActiveSession, NoSession> {
        self.issue(cookies, now, provider, Settable::TokenOnly)
            .await
    }

    async fn issue<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
        settable: Settable,
    ) -> Result<ActiveSession, NoSession> {
        let issuing = async {
            let stored = self.load_verified(cookies, now, provider, settable).await?;
            let mut set_cookies = self.token_cookies(cookies, &stored.session, now).await?;
            match settable {
                Settable::All => set_cookies.extend(self.sealed_cookies(cookies, &stored, now)?),
                // The first line sets a whole token; the others only delete older cookies. A token
                // in chunks is useless unless all of them are set.
                Settable::TokenOnly => {
                    set_cookies.truncate(1);
                    set_cookies.retain(|line| line.is_of(self.settings.names.token()));
                }
            }
            Ok(ActiveSession {
                session: stored.session,
                set_cookies,
            })
        };
        let timed_out = |_| Unavailable::new("the provider or the store did not answer in time");
        let issued = timeout(self.refresh_timeout, issuing).await;
        issued.map_err(timed_out)?
    }

    /// The session of the cookies, refreshed at the provider where that is due.
    async fn load_verified<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
        settable: Settable,
    ) -> Result<StoredSession, NoSession> {
        let mut stored = self.load(cookies).await?;
        let mut refreshed = false;
        for _ in 0..MAX_ATTEMPTS {
            let state = self.store.revocations(now).await?;
            self.check(&stored.session, &state, now)?;
            let Some(reason) = refresh_reason(&stored.session, &state, now) else {
                if refreshed || self.save_last_used(&mut stored, now).await? {
                    return Ok(stored);
                }
                stored = self.load(cookies).await?;
                continue;
            };
            let token = stored.session.tokens.refresh_token.clone();
            let token = token.ok_or(reason)?;
            if settable == Settable::TokenOnly && stored.is_in_cookie() {
                return Err(reason.into());
            }
            let redeem = || self.redemption(&stored, provider, now).run();
            let outcome = self
                .refreshes
                .run(&token, &stored.session, now, redeem)
                .await;
            match outcome {
                RefreshOutcome::Refreshed(session) => stored.session.adopt(&session),
                RefreshOutcome::Ended => return Err(EndReason::RefreshRejected.into()),
                RefreshOutcome::TokenReused => {
                    self.revoke_after_reuse(&stored, provider, now).await;
                    return Err(EndReason::RefreshRejected.into());
                }
                RefreshOutcome::Unavailable => {
                    let error = "the provider or the store could not refresh the session";
                    return Err(Unavailable::new(error).into());
                }
            }
            refreshed = true;
        }
        Err(Unavailable::new("other requests keep changing the session").into())
    }

    /// Refresh token reuse (RFC 9700 section 4.14.2): a spent token came in an authentic sealed
    /// session, so somebody else has redeemed it. The provider never learns of that, so the session
    /// is revoked here, for everybody who holds it. No other session of the request is.
    async fn revoke_after_reuse<R: Redeem>(
        &self,
        stored: &StoredSession,
        provider: &Arc<R>,
        now: Timestamp,
    ) {
        // A store with records has one record for all holders, so no older copy exists.
        if !stored.is_in_cookie() {
            return;
        }
        let Session { idp, sid, .. } = &stored.session;
        tracing::warn!(provider = idp, %sid, "refresh token reuse detected; session revoked");
        let redemption = self.redemption(stored, provider, now);
        // It must be kept even if the caller leaves meanwhile.
        let revoked = tokio::spawn(async move { redemption.revoke().await });
        if let Err(error) = revoked.await {
            tracing::warn!(%sid, %error, "revocation after refresh token reuse failed");
        }
    }

    /// Saves that the session is used now. `false`: it was changed since it was loaded.
    async fn save_last_used(
        &self,
        stored: &mut StoredSession,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        stored.session.last_used = Timestamp::from_secs(now.secs());
        let ttl = record_ttl(&stored.session, self.settings.idle, now);
        self.store.save(stored, ttl).await
    }

    fn redemption<R: Redeem>(
        &self,
        stored: &StoredSession,
        provider: &Arc<R>,
        now: Timestamp,
    ) -> Redemption<R> {
        Redemption {
            store: Arc::clone(&self.store),
            provider: Arc::clone(provider),
            handles: self.keys.load().handles(&stored.session),
            stored: stored.clone(),
            idle: self.settings.idle,
            clock: Clock::starting_at(now),
        }
    }
}

/// Why the provider must confirm a session again, if it must. This is the reason why the session
/// ends if it can't.
fn refresh_reason(session: &Session, state: &RevocationState, now: Timestamp) -> Option<EndReason> {
    if session.verified_at < state.known_since() {
        return Some(EndReason::Unverified);
    }
    let expires_at = Timestamp::from_secs(session.tokens.expires_at);
    // Tokens that expire sooner than this would be redeemed with every request.
    let is_recent = now.since(session.verified_at) < MIN_TOKEN_TTL;
    (expires_at <= now.after(EXPIRY_MARGIN) && !is_recent)
        .then_some(EndReason::ProviderTokenExpired)
}
