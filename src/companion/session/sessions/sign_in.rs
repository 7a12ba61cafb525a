//! Sign-in attempts, and the sessions that start with them.

use std::sync::Arc;

use portcullis_core::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Sessions;
use crate::provider::Authentication;
use crate::session::attempt::{SignInAttempt, SignInAttempts};
use crate::session::cookies::{Cookies, SetCookie};
use crate::session::keys::Keys;
use crate::session::oauth_state::ReturnTo;
use crate::session::outcome::{ActiveSession, EndReason, NoSession};
use crate::session::record::Session;
use crate::session::revocations::RevocationState;
use crate::session::store::record_ttl;
use crate::session::unavailable::Unavailable;

/// By how many seconds the start of a session may be postponed, so that a revocation of the same second,
/// or by a clock that is slightly ahead, does not revoke it.
const MAX_BEGIN_SHIFT: u64 = 10;

/// Who started a sign-in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Initiator {
    /// The user.
    User,
    /// Another site, or unknown.
    OtherSite,
}

/// Why a sign-in attempt can't be completed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AttemptError {
    /// It was completed before.
    #[error("the sign-in attempt was completed before")]
    AlreadyFinished,
    /// This browser did not start it, or it has expired.
    #[error("this browser did not start the sign-in attempt, or the attempt has expired")]
    Unknown,
    /// The session store is unavailable.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The revocations at some time.
#[derive(Clone, Debug)]
pub(crate) struct KnownRevocations(Arc<RevocationState>);

/// Why no session starts after a sign-in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum StartError {
    /// The user's claims are too large for cookies.
    #[error("the user's claims are too large for cookies")]
    TooLarge,
    /// The provider ended its session, or the user's sessions were revoked, during the sign-in.
    #[error("the session was ended during the sign-in")]
    EndedAtProvider,
    /// The session store is unavailable.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Sessions {
    /// The cookies for a new sign-in attempt. `id`, a hash of its `state`, names its cookie. If the user
    /// started it, the session of the browser is deleted: a user who does not complete the sign-in must
    /// not continue in another user's session (R11). If another site may have started it, the session
    /// stays until the new one replaces it, because no other site may sign a user out.
    pub(crate) fn begin_attempt<T: Serialize>(
        &self,
        cookies: &Cookies<'_>,
        (id, rd): (&str, &str),
        data: &T,
        initiator: Initiator,
        now: Timestamp,
    ) -> Vec<SetCookie> {
        let keys = self.keys.load();
        let mut lines = self.attempts(&keys, cookies, now).begin(id, rd, data);
        match initiator {
            Initiator::User => lines.extend(self.settings.delete_session(cookies)),
            Initiator::OtherSite => {}
        }
        lines
    }

    /// The attempt that a callback completes. Each can be completed once.
    pub(crate) async fn finish_attempt<T: DeserializeOwned>(
        &self,
        cookies: &Cookies<'_>,
        id: &str,
        now: Timestamp,
    ) -> Result<SignInAttempt<T>, AttemptError> {
        let attempt = self.find_attempt(cookies, id, now)?;
        if self.store.finish_attempt(id, now).await? {
            Ok(attempt)
        } else {
            Err(AttemptError::AlreadyFinished)
        }
    }

    /// The same without recording that the attempt is completed, for a callback that redeems nothing: anybody can
    /// cause one, and each record takes room in the store.
    pub(crate) fn find_attempt<T: DeserializeOwned>(
        &self,
        cookies: &Cookies<'_>,
        id: &str,
        now: Timestamp,
    ) -> Result<SignInAttempt<T>, AttemptError> {
        let keys = self.keys.load_full();
        let attempt = self.attempts(&keys, cookies, now).find(id);
        attempt.ok_or(AttemptError::Unknown)
    }

    /// Deletes the cookies of a sign-in attempt that are in the request.
    pub(crate) fn delete_attempt(&self, cookies: &Cookies<'_>, id: &str) -> Vec<SetCookie> {
        SignInAttempts::delete(&self.settings, cookies, id)
    }

    /// A new `state` for the authorization request of a sign-in that returns to this target.
    pub(crate) fn new_state(&self, return_to: &ReturnTo, now: Timestamp) -> String {
        return_to.seal(&self.settings, &self.keys.load(), now)
    }

    /// Where the browser continues if the attempt of this `state` is not known; `None` if the `state` is not
    /// ours.
    pub(crate) fn return_to(&self, state: &str) -> Option<ReturnTo> {
        ReturnTo::open(&self.settings, &self.keys.load(), state)
    }

    /// Whether this browser signed in for this `rd` so recently that another sign-in would not help.
    pub(crate) fn is_loop(&self, cookies: &Cookies<'_>, rd: &str, now: Timestamp) -> bool {
        let keys = self.keys.load();
        self.attempts(&keys, cookies, now).is_loop(rd)
    }

    /// The cookie that records a completed sign-in for this `rd`.
    pub(crate) fn completed_cookie(
        &self,
        cookies: &Cookies<'_>,
        rd: &str,
        now: Timestamp,
    ) -> SetCookie {
        let keys = self.keys.load();
        self.attempts(&keys, cookies, now).completed(rd)
    }

    /// The revocations before the provider confirms who signs in, for [`Sessions::start`].
    pub(crate) async fn known_revocations(
        &self,
        now: Timestamp,
    ) -> Result<KnownRevocations, Unavailable> {
        self.store.revocations(now).await.map(KnownRevocations)
    }

    /// Starts a session for a user who signed in at this provider. `rd` is the redirect target. A
    /// revocation that is not in `known` arrived during the sign-in and ends it.
    pub(crate) async fn start(
        &self,
        cookies: &Cookies<'_>,
        provider: &str,
        authentication: Authentication,
        rd: &str,
        known: &KnownRevocations,
        now: Timestamp,
    ) -> Result<ActiveSession, StartError> {
        let Authentication {
            user,
            claims,
            tokens,
        } = authentication;
        let user = self.policy_claims.select(provider, user, &claims);
        let session = Session::new(provider, user, tokens, now, self.settings.lifetime);
        let session = self.start_after_revocations(session, known, now).await?;
        let token = self.token_cookies(cookies, &session, now).await?;
        let mut set_cookies = token.set_cookies;
        let ttl = record_ttl(&session, self.settings.idle, now);
        let stored = self.store.create(session, ttl).await?;
        let stored = stored.ok_or(StartError::TooLarge)?;
        let keys = self.keys.load_full();
        let sealed = self.sealed_cookies(cookies, &stored, now)?;
        set_cookies.extend(sealed.set_cookies);
        set_cookies.push(self.attempts(&keys, cookies, now).completed(rd));
        Ok(ActiveSession {
            session: stored.session,
            set_cookies,
            are_groups_left_out: token.are_groups_left_out || sealed.are_groups_left_out,
        })
    }

    /// Postpones the start of the session until after the revocations of the user's earlier sessions:
    /// revocations compare whole seconds, and a user may sign out and in again within one second. The
    /// session does not start before the revocation list either, which another replica's clock may have
    /// dated.
    ///
    /// If the provider session that this session belongs to was ended, or the user's sessions were revoked
    /// since `known` was read, the error is [`StartError::EndedAtProvider`].
    async fn start_after_revocations(
        &self,
        session: Session,
        known: &KnownRevocations,
        now: Timestamp,
    ) -> Result<Session, StartError> {
        let state = self.store.revocations(now).await?;
        let keys = self.keys.load_full();
        let id = keys.provider_session(&session);
        let has_sid = session.tokens.sid.is_some();
        if has_sid && state.has_ended_at_provider(id, &keys.handles(&session), now) {
            return Err(StartError::EndedAtProvider);
        }
        let shifted = (0..=MAX_BEGIN_SHIFT).map(|shift| {
            let mut session = session.clone();
            session.began = Timestamp::from_secs(session.began.secs() + shift);
            session.verified_at = session.verified_at.max(state.known_since());
            session
        });
        let mut active = shifted.filter(|session| !self.is_revoked(session, &known.0, now));
        let ahead = "a revocation is more than ten seconds in the future; compare the clocks of the replicas";
        let session = active.next().ok_or_else(|| Unavailable::new(ahead))?;
        if self.is_revoked(&session, &state, now) {
            return Err(StartError::EndedAtProvider);
        }
        Ok(session)
    }

    fn attempts<'a>(
        &'a self,
        keys: &'a Keys,
        cookies: &'a Cookies<'a>,
        now: Timestamp,
    ) -> SignInAttempts<'a> {
        SignInAttempts {
            settings: &self.settings,
            keys,
            cookies,
            now,
        }
    }
}

impl From<NoSession> for StartError {
    fn from(error: NoSession) -> Self {
        match error {
            NoSession::Unavailable(unavailable) => Self::Unavailable(unavailable),
            NoSession::Ended {
                reason: EndReason::TooLarge,
                ..
            } => Self::TooLarge,
            NoSession::Ended {
                reason: EndReason::Revoked,
                ..
            } => Self::EndedAtProvider,
            // Nothing else ends a session that has just started.
            NoSession::Ended { reason, .. } => {
                Self::Unavailable(Unavailable::new(reason.to_string()))
            }
        }
    }
}
