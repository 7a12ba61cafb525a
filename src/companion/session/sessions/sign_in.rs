//! Sign-ins, and the sessions that begin with them.

use portcullis_core::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Sessions;
use crate::provider::Authentication;
use crate::session::cookies::{Cookies, SetCookie};
use crate::session::keys::Keys;
use crate::session::login::{Login, Logins, TooLong};
use crate::session::outcome::{ActiveSession, EndReason, NoSession};
use crate::session::record::Session;
use crate::session::store::record_ttl;
use crate::session::unavailable::Unavailable;

/// By how many seconds the beginning of a session may be moved on, so that a revocation of this
/// very second, or by a clock slightly ahead, does not revoke it at once.
const MAX_BEGIN_SHIFT: u64 = 10;

/// Who has begun a sign-in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Initiator {
    /// The user.
    User,
    /// Another site, or it is not known who.
    OtherSite,
}

/// Why a sign-in can't be completed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LoginError {
    /// Its `state` was used before.
    #[error("the sign-in was completed before")]
    AlreadyFinished,
    /// This browser did not begin it, or too long ago.
    #[error("this browser began no such sign-in, or it has expired")]
    Unknown,
    /// The session store is unavailable.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why no session begins after a sign-in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum StartError {
    /// The person's claims do not fit into cookies.
    #[error("the person's claims do not fit into cookies")]
    TooLarge,
    /// The provider ended its session during the sign-in.
    #[error("the provider ended its session during the sign-in")]
    EndedAtProvider,
    /// The session store is unavailable.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Sessions {
    /// The cookies for a sign-in that begins. `id`, which follows from its `state`, names the
    /// cookie. If the user began it, the session of the browser is deleted: who begins to sign in
    /// and stops half-way must not continue in another person's session (R11). If another site may
    /// have begun it, the session stays until the new one replaces it: no other site signs a user
    /// out.
    pub(crate) fn begin_login<T: Serialize>(
        &self,
        cookies: &Cookies<'_>,
        (id, rd): (&str, &str),
        attempt: &T,
        initiator: Initiator,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, TooLong> {
        let keys = self.keys.load();
        let mut lines = self.logins(&keys, cookies, now).begin(id, rd, attempt)?;
        match initiator {
            Initiator::User => lines.extend(self.settings.delete_session(cookies)),
            Initiator::OtherSite => {}
        }
        Ok(lines)
    }

    /// The sign-in that a callback completes. It can be completed once.
    pub(crate) async fn finish_login<T: DeserializeOwned>(
        &self,
        cookies: &Cookies<'_>,
        id: &str,
        now: Timestamp,
    ) -> Result<Login<T>, LoginError> {
        let keys = self.keys.load_full();
        let login = self.logins(&keys, cookies, now).find(id);
        let login = login.ok_or(LoginError::Unknown)?;
        if self.store.finish_login(id, now).await? {
            Ok(login)
        } else {
            Err(LoginError::AlreadyFinished)
        }
    }

    /// The cookie that deletes a sign-in attempt, whatever became of it.
    pub(crate) fn forget_login(&self, id: &str) -> SetCookie {
        Logins::delete(&self.settings, id)
    }

    /// Whether this browser signed in for this `rd` so recently that another sign-in would not help
    /// either.
    pub(crate) fn is_loop(&self, cookies: &Cookies<'_>, rd: &str, now: Timestamp) -> bool {
        let keys = self.keys.load();
        self.logins(&keys, cookies, now).is_loop(rd)
    }

    /// The cookie that records a completed sign-in for this `rd`.
    pub(crate) fn completed_login(
        &self,
        cookies: &Cookies<'_>,
        rd: &str,
        now: Timestamp,
    ) -> SetCookie {
        let keys = self.keys.load();
        self.logins(&keys, cookies, now).completed(rd)
    }

    /// Begins a session for a person who signed in at this provider on the way to `rd`.
    pub(crate) async fn start(
        &self,
        cookies: &Cookies<'_>,
        idp: &str,
        authentication: Authentication,
        rd: &str,
        now: Timestamp,
    ) -> Result<ActiveSession, StartError> {
        let Authentication { person, tokens } = authentication;
        let session = Session::new(idp, person, tokens, now, self.settings.lifetime);
        let session = self.begin_after_revocations(session, now).await?;
        let mut set_cookies = self.token_cookies(cookies, &session, now).await?;
        let ttl = record_ttl(&session, self.settings.idle, now);
        let stored = self.store.create(session, ttl).await?;
        let keys = self.keys.load_full();
        set_cookies.extend(self.sealed_cookies(cookies, &stored, now)?);
        set_cookies.push(self.logins(&keys, cookies, now).completed(rd));
        Ok(ActiveSession {
            session: stored.session,
            set_cookies,
        })
    }

    /// Moves the beginning of the session behind the revocations of the person's former sessions.
    /// Revocations compare whole seconds, and a person who signs out and in again within one second
    /// was not signed out since. Nor does the session begin before the revocation list, whose clock
    /// may be another replica's.
    ///
    /// A revocation of the very provider session that the session comes from is none of a former
    /// one: [`StartError::EndedAtProvider`].
    async fn begin_after_revocations(
        &self,
        session: Session,
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
        let mut active = shifted.filter(|session| !self.is_revoked(session, &state, now));
        let ahead = "a revocation was made by a clock that is more than ten seconds ahead";
        Ok(active.next().ok_or_else(|| Unavailable::new(ahead))?)
    }

    fn logins<'a>(
        &'a self,
        keys: &'a Keys,
        cookies: &'a Cookies<'a>,
        now: Timestamp,
    ) -> Logins<'a> {
        Logins {
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
            // Nothing else ends a session that has just begun.
            NoSession::Ended { reason, .. } => {
                Self::Unavailable(Unavailable::new(reason.to_string()))
            }
        }
    }
}
