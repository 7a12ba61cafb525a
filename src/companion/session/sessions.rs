//! Sessions, as the companion's endpoints see them.

mod redemption;
mod refresh;
mod sign_in;
mod sign_out;

#[cfg(test)]
mod tests;

pub(crate) use refresh::Redeem;
pub(crate) use sign_in::{LoginError, NotStarted};
pub(crate) use sign_out::Logout;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;

use super::cookies::{Cookies, SetCookie};
use super::ended::{State, StateFileError};
use super::flights::Flights;
use super::keys::{Keys, Purpose};
use super::outcome::{Live, NoSession, Why};
use super::record::Session;
use super::redis::Ticket;
use super::settings::Settings;
use super::store::{Store, StoreSettings};
use super::unavailable::Unavailable;

/// How much the values of one cookie may come to, in pieces together. Beyond, no proxy would take
/// the request.
const MAX_VALUE: usize = 16_000;

/// From when on the provider's ID token, which is only a hint at sign-out, has no room beside the
/// rest: many proxies take 8 KiB of cookies.
const ROOMY: usize = 6_000;

/// The shortest life of a session token, where the provider's own tokens are shorter still.
const SHORTEST: Duration = Duration::from_secs(30);

/// All sessions of this companion.
#[derive(Debug)]
pub(crate) struct Sessions {
    settings: Settings,
    keys: Arc<ArcSwap<Keys>>,
    store: Arc<Store>,
    flights: Arc<Flights>,
}

/// What is known for the operator's eyes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Counts {
    /// SessionHandles of ended sessions.
    pub(crate) marks: usize,
    /// Nothing that began then or earlier counts any more.
    pub(crate) floor: Timestamp,
    /// Since when it is known what has ended.
    pub(crate) beginning: Timestamp,
    /// Results of redemptions that are kept for late callers.
    pub(crate) kept: usize,
    /// Refresh tokens that must not be sent again.
    pub(crate) spent: usize,
}

/// A session that a request shows.
struct Found {
    session: Session,
    place: Place,
}

/// Where a session was found.
#[derive(Clone)]
enum Place {
    /// In the cookie itself.
    Cookie,
    /// In Redis: how it is found, and which generation it is of.
    Redis(Ticket, u64),
}

impl Sessions {
    /// Makes ready what sessions need. `keys` may be changed for newer ones at any time.
    pub(crate) fn open(
        settings: Settings,
        keys: Arc<ArcSwap<Keys>>,
        store: StoreSettings,
        now: Timestamp,
    ) -> Result<Self, StateFileError> {
        Ok(Self {
            store: Arc::new(Store::open(store, &settings, now)?),
            flights: Arc::default(),
            settings,
            keys,
        })
    }

    /// Whose session a request shows, without asking the provider and without a word to the browser.
    /// Where the provider's own token has run out, this is still who it was by its last word.
    pub(crate) async fn read(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
    ) -> Result<Session, NoSession> {
        let found = self.find(cookies).await?;
        let state = self.store.ended(now).await?;
        self.check(&found.session, &state, now)?;
        if found.session.vouched < state.beginning() {
            return Err(Why::AuthnFailure.into());
        }
        Ok(found.session)
    }

    /// What must be refused before it expires.
    pub(crate) async fn ended(&self, now: Timestamp) -> Result<Revocations, Unavailable> {
        Ok(self.store.ended(now).await?.revocations(now))
    }

    /// What filters must refuse, as JSON.
    pub(crate) async fn revocations(&self, now: Timestamp) -> Result<String, Unavailable> {
        Ok(self.store.ended(now).await?.revocations(now).to_json())
    }

    /// What is known for the operator's eyes.
    pub(crate) async fn counts(&self, now: Timestamp) -> Result<Counts, Unavailable> {
        let state = self.store.ended(now).await?;
        let (kept, spent) = self.flights.counts();
        Ok(Counts {
            marks: state.len(),
            floor: state.floor(),
            beginning: state.beginning(),
            kept,
            spent,
        })
    }

    /// The session that the cookies hold. Of several values those that do not open are ignored, and
    /// two sessions count as none (C04).
    async fn find(&self, cookies: &Cookies<'_>) -> Result<Found, NoSession> {
        let mut found = self.find_sealed(cookies).await?;
        let used = self.token_made(cookies, &found.session);
        found.session.last_used = found.session.last_used.max(used);
        Ok(found)
    }

    /// When the session token that the request shows was made, if it is of this session. That it is
    /// over does not matter: somebody had it then, which the sealed session need not know.
    fn token_made(&self, cookies: &Cookies<'_>, session: &Session) -> Timestamp {
        let keys = self.keys.load();
        let texts = cookies.candidates(self.settings.names.token());
        let claims = texts
            .iter()
            .filter_map(|text| keys.read(&self.settings.url, text));
        let own = claims.filter(|claims| claims.marks.sid == session.sid);
        own.map(|claims| claims.issued_at).max().unwrap_or_default()
    }

    async fn find_sealed(&self, cookies: &Cookies<'_>) -> Result<Found, NoSession> {
        match &*self.store {
            Store::Cookie(_) => {
                let sessions = self.sealed(cookies, Purpose::Session, Session::from_bytes);
                let session = only(sessions, |session| session.sid, |session| session.last_used)?;
                Ok(Found {
                    session,
                    place: Place::Cookie,
                })
            }
            Store::Redis(redis) => {
                let tickets = self.sealed(cookies, Purpose::Ticket, Ticket::from_bytes);
                let ticket = only(tickets, |ticket| ticket.sid, |ticket| ticket.ends)?;
                let record = redis.get_session(&ticket).await?.ok_or(Why::Gone)?;
                Ok(Found {
                    session: record.session,
                    place: Place::Redis(ticket, record.generation),
                })
            }
        }
    }

    fn sealed<T>(
        &self,
        cookies: &Cookies<'_>,
        purpose: Purpose,
        read: fn(&[u8]) -> Option<T>,
    ) -> Vec<T> {
        let keys = self.keys.load();
        let name = self.settings.names.sealed();
        let values = cookies.candidates(name).into_iter();
        let opened =
            values.filter_map(|value| keys.open(self.settings.binding(purpose, name), &value));
        opened.filter_map(|content| read(&content)).collect()
    }

    /// Whether a session is still one.
    fn check(&self, session: &Session, state: &State, now: Timestamp) -> Result<(), Why> {
        if session.ends <= now || self.settings.lifetime <= now.since(session.began) {
            return Err(Why::Lifetime);
        }
        if self.settings.idle <= now.since(session.last_used) {
            return Err(Why::Idle);
        }
        if self.has_ended(session, state, now) {
            return Err(Why::Revoked);
        }
        Ok(())
    }

    fn has_ended(&self, session: &Session, state: &State, now: Timestamp) -> bool {
        let keys = self.keys.load();
        let at_provider = Some(keys.at_provider(session));
        state.has_ended(&keys.marks(session), at_provider, now)
    }

    /// When a session token that is made now has to end: never after the session, and not long after
    /// what the provider vouched for.
    fn token_ends(&self, session: &Session, now: Timestamp) -> Timestamp {
        let vouched_until = Timestamp::from_secs(session.tokens.expires_at);
        let at_most = vouched_until.max(now.after(SHORTEST)).min(session.ends);
        now.after(self.settings.token).min(at_most)
    }

    /// The cookie of a fresh session token.
    ///
    /// A provider may end its session while this one begins or goes on. Its logout ends what has been
    /// noted, and marks the provider's session before it looks for the last time. So whether that is
    /// marked is asked again here, once this session is noted: one of both sees the other.
    async fn put_token(
        &self,
        cookies: &Cookies<'_>,
        session: &Session,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, NoSession> {
        let (keys, ends) = (self.keys.load_full(), self.token_ends(session, now));
        let at_provider = keys.at_provider(session);
        let noted =
            self.store
                .note_at_provider(at_provider, session.sid, (ends, session.ends), now);
        noted.await?;
        if self.has_ended(session, &*self.store.ended(now).await?, now) {
            return Err(Why::Revoked.into());
        }
        let token = keys.mint(&self.settings.url, session, now, ends);
        self.put(cookies, self.settings.names.token(), &token, session, now)
    }

    /// The cookie of the sealed session.
    fn put_sealed(
        &self,
        cookies: &Cookies<'_>,
        session: &Session,
        place: &Place,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, NoSession> {
        let name = self.settings.names.sealed();
        let seal = |purpose, content: &[u8]| {
            self.keys
                .load()
                .seal(self.settings.binding(purpose, name), content, now)
        };
        let value = match place {
            Place::Cookie => {
                let value = seal(Purpose::Session, &session.to_bytes());
                if ROOMY < value.len() {
                    let mut session = session.clone();
                    session.tokens.id_token = None;
                    seal(Purpose::Session, &session.to_bytes())
                } else {
                    value
                }
            }
            Place::Redis(ticket, _) => seal(Purpose::Ticket, &ticket.to_bytes()),
        };
        self.put(cookies, name, &value, session, now)
    }

    fn put(
        &self,
        cookies: &Cookies<'_>,
        name: &str,
        value: &str,
        session: &Session,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, NoSession> {
        if MAX_VALUE < value.len() {
            return Err(Why::TooLarge.into());
        }
        Ok(self
            .settings
            .put(cookies, name, value, session.ends.since(now)))
    }
}

impl From<Why> for NoSession {
    fn from(why: Why) -> Self {
        Self::Ended {
            why,
            set_cookies: Vec::new(),
        }
    }
}

/// The latest of several that are one session. Those of two are as good as none: who put the other
/// one there nobody knows.
fn only<T, N: PartialEq, A: Ord>(
    found: Vec<T>,
    name: impl Fn(&T) -> N,
    age: impl Fn(&T) -> A,
) -> Result<T, Why> {
    let first = found.first().ok_or(Why::Absent)?;
    if found.iter().any(|other| name(other) != name(first)) {
        return Err(Why::Ambiguous);
    }
    found.into_iter().max_by_key(age).ok_or(Why::Absent)
}

/// How long a record may stay in Redis unused.
fn stays(session: &Session, idle: Duration, now: Timestamp) -> Duration {
    session.ends.since(now).min(idle + SHORTEST)
}
