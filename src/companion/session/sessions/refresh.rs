//! PendingRefresh sessions: a new session token for a sealed session.

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
use crate::session::event::{EventClient, SessionEvent, SessionEventKind};
use crate::session::outcome::{ActiveSession, EndReason, NoSession};
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::RevocationState;
use crate::session::single_flight::RedemptionOutcome;
use crate::session::store::{StoredSession, record_ttl};
use crate::session::unavailable::Unavailable;

/// How long a request waits for a refresh: longer than the longest `timeout` of a provider, which is 15
/// seconds, and shorter than the filter waits.
pub(super) const TIMEOUT: Duration = Duration::from_secs(18);

/// For how long after a refresh the sessions of other tabs, which are redirected to `/oauth2/start` too, need
/// no sign-in.
const RECENTLY: Duration = Duration::from_secs(60);

/// How long before its expiry a provider's token counts as expired.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// How often a request loads the session again if other requests change it meanwhile.
const MAX_ATTEMPTS: usize = 4;

/// Redeems refresh tokens.
pub(crate) trait Redeem: Send + Sync + 'static {
    /// Redeems the session's refresh token at its provider for new tokens. This is called once for
    /// all concurrent requests, and is completed even if all clients have disconnected.
    fn redeem(
        &self,
        session: Session,
    ) -> impl Future<Output = Result<Authentication, RefreshFailure>> + Send;
}

/// The cookies that a response can set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ResponseCookies {
    /// All of them.
    All,
    /// One, with the session token: NGINX forwards a single `Set-Cookie`.
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
        let issuing = self.issue(cookies, now, provider, ResponseCookies::All);
        let active = within(self.refresh_timeout, issuing).await;
        active.map_err(|error| match error {
            NoSession::Ended { reason, .. } => NoSession::Ended {
                reason,
                set_cookies: self.settings.delete_session(cookies),
            },
            NoSession::Unavailable(_) => error,
        })
    }

    /// Refreshes the session at its provider if that is due. `/oauth2/start` does so first, because then no
    /// sign-in is needed. That is also so if another tab has just had it refreshed. Otherwise `None`: a user
    /// whose session is active can sign in again, as another user too.
    pub(crate) async fn refresh_if_due<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<Option<ActiveSession>, NoSession> {
        let session = self.load(cookies).await?.session;
        let state = self.store.revocations(now).await?;
        self.check(&session, &state, now)?;
        let was_refreshed = session.began < session.verified_at;
        let is_recent = was_refreshed && now.since(session.verified_at) < RECENTLY;
        if refresh_reason(&session, &state, now).is_none() && !is_recent {
            return Ok(None);
        }
        self.refresh(cookies, now, provider).await.map(Some)
    }

    /// A new session token for forward auth, whose response sets at most one cookie. A session that is
    /// stored in its cookie can't be refreshed at the provider then, because the result could not be
    /// stored. The error is [`EndReason::ProviderTokenExpired`], and the browser is redirected to
    /// `/oauth2/start`, which sets all cookies.
    pub(crate) async fn refresh_token_cookie<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<ActiveSession, NoSession> {
        let issuing = self.issue(cookies, now, provider, ResponseCookies::TokenOnly);
        within(self.refresh_timeout, issuing).await
    }

    async fn issue<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
        response_cookies: ResponseCookies,
    ) -> Result<ActiveSession, NoSession> {
        let stored = self
            .load_verified(cookies, now, provider, response_cookies)
            .await?;
        let token = self.token_cookies(cookies, &stored.session, now).await?;
        let (mut set_cookies, mut are_groups_left_out) =
            (token.set_cookies, token.are_groups_left_out);
        match response_cookies {
            ResponseCookies::All => {
                let sealed = self.sealed_cookies(cookies, &stored, now)?;
                set_cookies.extend(sealed.set_cookies);
                are_groups_left_out |= sealed.are_groups_left_out;
            }
            // The first line sets the token, the others only delete older cookies. A token in
            // chunks is useless unless all of them are set.
            ResponseCookies::TokenOnly => {
                set_cookies.truncate(1);
                set_cookies.retain(|line| line.is_of(self.settings.names.token()));
            }
        }
        Ok(ActiveSession {
            session: stored.session,
            set_cookies,
            are_groups_left_out,
        })
    }

    /// The session of the cookies, refreshed at the provider where that is due.
    async fn load_verified<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
        response_cookies: ResponseCookies,
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
            if response_cookies == ResponseCookies::TokenOnly && stored.is_in_cookie() {
                return Err(reason.into());
            }
            let redeem = || self.redemption(&stored, provider, now).run();
            let outcome = self
                .refreshes
                .run(&token, &stored.session, now, redeem)
                .await;
            match outcome {
                RedemptionOutcome::Refreshed(session) => stored.session.adopt(&session),
                RedemptionOutcome::Ended => return Err(EndReason::RefreshRejected.into()),
                RedemptionOutcome::TokenReused => {
                    self.revoke_after_reuse(&stored, provider, now).await;
                    return Err(EndReason::RefreshRejected.into());
                }
                RedemptionOutcome::Unavailable => {
                    let error = "the provider or the store is unavailable";
                    return Err(Unavailable::new(error).into());
                }
            }
            refreshed = true;
        }
        Err(
            Unavailable::new("too many conflicting changes of the session by other requests")
                .into(),
        )
    }

    /// Revokes a session after refresh token reuse (RFC 9700 section 4.14.2): an authentic sealed session
    /// has a token that was redeemed before, so there are two copies of the session. The provider does
    /// not learn of that, so the session is revoked here, for everybody who has a copy. Other sessions of
    /// the request are not.
    async fn revoke_after_reuse<R: Redeem>(
        &self,
        stored: &StoredSession,
        provider: &Arc<R>,
        now: Timestamp,
    ) {
        // In a store with records all copies of the ticket have one record, so no older copy exists.
        if !stored.is_in_cookie() {
            return;
        }
        let (name, sid) = (stored.session.provider.clone(), stored.session.sid);
        let subject = stored.session.user.sub.clone();
        let redemption = self.redemption(stored, provider, now);
        // A task of its own, because the revocation must be stored even if the client disconnects.
        let revocation = self.background().spawn(async move {
            let revoked = redemption.revoke().await;
            let reason = match &revoked {
                Ok(()) => "session-revoked",
                Err(_) => "session-not-revoked",
            };
            // The client of the proxy that requests a refresh is not known here.
            SessionEvent {
                kind: SessionEventKind::RefreshTokenReused,
                provider: Some(&name),
                subject: Some(&subject),
                sid: Some(sid),
                reason: Some(reason),
            }
            .log(&EventClient::default());
            match revoked {
                Ok(()) => {
                    tracing::warn!(provider = name, %sid, "refresh token reuse detected; session revoked");
                }
                Err(error) => tracing::warn!(
                    provider = name,
                    %sid,
                    %error,
                    "refresh token reuse detected; session not revoked"
                ),
            }
        });
        if let Err(error) = revocation.await {
            tracing::warn!(%sid, %error, "refresh token reuse detected; session not revoked");
        }
    }

    /// Saves that the session is used now. `false` if it was changed since it was loaded.
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
            policy_claims: self.policy_claims.clone(),
        }
    }
}

/// The result, or an error after `limit`. A redemption that has begun is completed all the same.
async fn within(
    limit: Duration,
    issuing: impl Future<Output = Result<ActiveSession, NoSession>>,
) -> Result<ActiveSession, NoSession> {
    let timed_out = |_| Unavailable::new("the provider or the store timed out");
    timeout(limit, issuing).await.map_err(timed_out)?
}

/// Why the session must be refreshed at its provider, if it must. If that is impossible, the session ends
/// for this reason.
fn refresh_reason(session: &Session, state: &RevocationState, now: Timestamp) -> Option<EndReason> {
    if session.verified_at < state.known_since() {
        return Some(EndReason::Unverified);
    }
    let expires_at = Timestamp::from_secs(session.tokens.expires_at);
    // Otherwise tokens with a very short lifetime would be refreshed by every request.
    let is_recent = now.since(session.verified_at) < MIN_TOKEN_TTL;
    (expires_at <= now.after(EXPIRY_MARGIN) && !is_recent)
        .then_some(EndReason::ProviderTokenExpired)
}
