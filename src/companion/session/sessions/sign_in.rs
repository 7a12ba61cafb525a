//! Sign-ins, and the sessions that begin with them.

use portcullis_core::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Place, Sessions, stays};
use crate::provider::SignedIn;
use crate::session::cookies::{Cookies, SetCookie};
use crate::session::login::{Login, Logins, TooLong};
use crate::session::outcome::{Live, NoSession, Why};
use crate::session::record::Session;
use crate::session::redis::Ticket;
use crate::session::store::Store;
use crate::session::unavailable::Unavailable;

/// By how many seconds a session may begin later than it does, so that a mark which was set this
/// very second, or by a clock that is a little ahead, does not end it at once.
const LATER: u64 = 10;

/// Why a sign-in cannot be ended.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LoginError {
    /// It has come to its end before: its `state` is shown again.
    #[error("the sign-in has come to its end before")]
    Finished,
    /// This browser has not begun it, or too long ago.
    #[error("this browser has begun no such sign-in, or too long ago")]
    Unknown,
    /// Nobody can tell just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why no session begins, though somebody signed in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NotStarted {
    /// What the provider says of the person is more than cookies hold.
    #[error("what the provider says of the person is more than cookies hold")]
    TooLarge,
    /// The provider has ended its own session since this sign-in came back from it.
    #[error("the provider ended its session while the sign-in came to its end")]
    Over,
    /// It cannot be kept just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Sessions {
    /// The cookies for a sign-in that begins: what has to be remembered of it, under a name that its
    /// `state` gives it.
    /// The session that the browser had, if any, goes: whoever begins to sign in and stops half-way
    /// must not go on in somebody else's (R11).
    pub(crate) fn begin_login<T: Serialize>(
        &self,
        cookies: &Cookies<'_>,
        (id, rd): (&str, &str),
        attempt: &T,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, TooLong> {
        let keys = self.keys.load();
        let mut lines = self.logins(&keys, cookies, now).begin(id, rd, attempt)?;
        lines.extend(self.settings.delete_session(cookies));
        Ok(lines)
    }

    /// The sign-in of this name, which a callback ends. It can be ended once.
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
            Err(LoginError::Finished)
        }
    }

    /// The cookie that deletes what was remembered of a sign-in, however it ended.
    pub(crate) fn forget_login(&self, id: &str) -> SetCookie {
        Logins::delete(&self.settings, id)
    }

    /// Whether this browser signed in to this place so short a time ago that another sign-in would
    /// not help either.
    pub(crate) fn is_loop(&self, cookies: &Cookies<'_>, rd: &str, now: Timestamp) -> bool {
        let keys = self.keys.load();
        self.logins(&keys, cookies, now).is_loop(rd)
    }

    /// Begins a session for somebody who signed in at this provider on the way to `rd`.
    pub(crate) async fn start(
        &self,
        cookies: &Cookies<'_>,
        idp: &str,
        signed_in: SignedIn,
        rd: &str,
        now: Timestamp,
    ) -> Result<Live, NotStarted> {
        let SignedIn { person, tokens } = signed_in;
        let session = Session::begin(idp, person, tokens, now, self.settings.lifetime);
        let session = self.after_all_marks(session, now).await?;
        let mut set_cookies = self.put_token(cookies, &session, now).await?;
        let place = match &*self.store {
            Store::Cookie(_) => Place::Cookie,
            Store::Redis(redis) => {
                let ticket = Ticket::new(&session);
                let lives = stays(&session, self.settings.idle, now);
                redis.create_session(&ticket, &session, lives).await?;
                Place::Redis(ticket, 0)
            }
        };
        let keys = self.keys.load_full();
        set_cookies.extend(self.put_sealed(cookies, &session, &place, now)?);
        set_cookies.push(self.logins(&keys, cookies, now).done(rd));
        Ok(Live {
            session,
            set_cookies,
        })
    }

    /// The session, begun after whatever marks there are of the person's former ones. They compare
    /// whole seconds, and who signs out and in again within one has not been signed out since. Nor
    /// is it older than what is known of endings, whose clock may be another replica's.
    ///
    /// A mark of the very session at the provider that it comes from is no former one's.
    async fn after_all_marks(
        &self,
        session: Session,
        now: Timestamp,
    ) -> Result<Session, NotStarted> {
        let state = self.store.ended(now).await?;
        let sid = session.tokens.sid.as_ref();
        let at_provider = sid.map(|_| self.keys.load().at_provider(&session));
        if at_provider.is_some_and(|id| state.has_ended_at_provider(id, session.began, now)) {
            return Err(NotStarted::Over);
        }
        let later = (0..=LATER).map(|later| {
            let mut session = session.clone();
            session.began = Timestamp::from_secs(session.began.secs() + later);
            session.vouched = session.vouched.max(state.beginning());
            session
        });
        let mut good = later.filter(|session| !self.has_ended(session, &state, now));
        let ahead = "the clock of who marked a session as ended is ahead by more than ten seconds";
        Ok(good.next().ok_or_else(|| Unavailable::new(ahead))?)
    }

    fn logins<'a>(
        &'a self,
        keys: &'a crate::session::keys::Keys,
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

impl From<NoSession> for NotStarted {
    fn from(no: NoSession) -> Self {
        match no {
            NoSession::Unavailable(unavailable) => Self::Unavailable(unavailable),
            NoSession::Ended {
                why: Why::TooLarge, ..
            } => Self::TooLarge,
            NoSession::Ended {
                why: Why::Revoked, ..
            } => Self::Over,
            // Nothing else ends a session that has just begun.
            NoSession::Ended { why, .. } => Self::Unavailable(Unavailable::new(why.to_string())),
        }
    }
}
