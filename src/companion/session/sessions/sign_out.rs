//! Sessions that end before their time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis_core::session::{Id, SessionHandles};
use portcullis_core::timestamp::Timestamp;

use super::Sessions;
use crate::session::cookies::Cookies;
use crate::session::ended::{Ending, Over};
use crate::session::keys::Purpose;
use crate::session::login::Logins;
use crate::session::outcome::{LoggedOut, SignedOut};
use crate::session::record::Session;
use crate::session::redis::Ticket;
use crate::session::store::Store;
use crate::session::unavailable::Unavailable;

/// How much the clocks of filters may differ from this one, and how long an answer may be under way.
const SKEW: Duration = Duration::from_secs(60);

/// What a logout token says (OpenID Connect Back-Channel Logout 1.0 section 2.4), once it has been
/// believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logout<'a> {
    /// The name of the provider.
    pub(crate) idp: &'a str,
    /// Whose sessions end.
    pub(crate) sub: Option<&'a str>,
    /// Which of the provider's sessions ends. If it is named, no other does.
    pub(crate) sid: Option<&'a str>,
    /// The name of the logout token itself.
    pub(crate) jti: &'a str,
    /// Until when it could be shown again.
    pub(crate) until: Timestamp,
}

/// A session that a request for a sign-out shows.
struct Shown {
    marks: SessionHandles,
    /// When it is over by itself.
    ends: Timestamp,
    /// When the last of its session tokens ends that the request shows.
    token_ends: Timestamp,
}

impl Shown {
    fn of(marks: SessionHandles, ends: Timestamp) -> Self {
        Self {
            marks,
            ends,
            token_ends: Timestamp::default(),
        }
    }
}

impl Sessions {
    /// Ends the session of this browser: all that the request shows of sessions, whether or not
    /// they agree. When this returns well, no filter lets it through for more than a few seconds, and
    /// no copy of the cookies is of any use.
    ///
    /// # Errors
    /// Where it cannot be kept that it is over. The cookies should stay then, so that it can be
    /// tried again.
    pub(crate) async fn end(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
    ) -> Result<SignedOut, Unavailable> {
        let keys = self.keys.load_full();
        let mut shown: BTreeMap<Id, Shown> = BTreeMap::new();
        let session = match &*self.store {
            Store::Cookie(_) => {
                let sessions = self.sealed(cookies, Purpose::Session, Session::from_bytes);
                let seen = |own: &Session| (own.sid, Shown::of(keys.marks(own), own.ends));
                shown.extend(sessions.iter().map(seen));
                sessions.into_iter().max_by_key(|own| own.last_used)
            }
            Store::Redis(redis) => {
                let mut session = None;
                for ticket in self.sealed(cookies, Purpose::Ticket, Ticket::from_bytes) {
                    // Where there is no record the ticket is worth nothing already.
                    if let Some(record) = redis.get_session(&ticket).await? {
                        let marks = keys.marks(&record.session);
                        shown.insert(ticket.sid, Shown::of(marks, ticket.ends));
                        session = Some(record.session);
                    }
                }
                session
            }
        };
        // A session token alone ends its session as well.
        for text in cookies.candidates(self.settings.names.token()) {
            if let Some(claims) = keys.read(&self.settings.url, &text) {
                let marks = claims.marks;
                let lasts = marks.began.after(self.settings.lifetime);
                let own = shown
                    .entry(marks.sid)
                    .or_insert_with(|| Shown::of(marks, lasts));
                own.token_ends = own.token_ends.max(claims.expires_at);
            }
        }
        if let Store::Redis(redis) = &*self.store {
            // Before they are marked: the mark lasts no longer than their session tokens.
            for sid in shown.keys() {
                redis.delete_session(*sid).await?;
            }
        }
        self.mark(shown.values(), now).await?;
        let mut set_cookies = self.settings.delete_session(cookies);
        set_cookies.extend(Logins::forget_done(&self.settings, cookies));
        Ok(SignedOut {
            // Two sessions have no one person to name to a provider.
            session: session.filter(|_| shown.len() == 1),
            set_cookies,
        })
    }

    /// Whether the request shows anything that may be a session.
    pub(crate) fn are_shown(&self, cookies: &Cookies<'_>) -> bool {
        !self.settings.delete_session(cookies).is_empty()
    }

    /// SessionHandles what is not over yet. What is over by itself, or marked, needs no mark: else whoever
    /// keeps old cookies could show them again and again, until the list is full of them.
    async fn mark(
        &self,
        shown: impl Iterator<Item = &Shown>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let state = self.store.ended(now).await?;
        // No session that began by now outlasts this.
        let all_over = now.after(self.settings.lifetime);
        let lives = |own: &&Shown| now < own.ends && !state.has_ended(&own.marks, None, now);
        let marks = shown.filter(lives).map(|own| {
            let ends = match &*self.store {
                Store::Cookie(_) => own.ends.max(all_over),
                // Its record is gone, and what is left are tokens that have been made of it.
                Store::Redis(_) => own
                    .token_ends
                    .max(now.after(self.settings.token))
                    .after(SKEW),
            };
            let over = Over::session(own.marks.sid, ends).began(own.marks.began);
            over.of(own.marks.handle, ends.max(all_over))
        });
        let ending = Ending {
            marks: marks.collect(),
            ..Ending::default()
        };
        if !ending.marks.is_empty() {
            self.store.end(&ending, now).await?;
        }
        Ok(())
    }

    /// Ends what a provider says is over: the one session that the logout token names or else, where
    /// it names only a person, all of theirs. A token is heeded once, because a second time it would
    /// end what began since.
    ///
    /// Session tokens do not carry the provider's name for its session. So our own name for it is
    /// kept with each session token that is made, which tells the filters within seconds; and it is
    /// marked by itself, for sealed sessions carry it. Where no session of that name is known, those of
    /// the person end that their provider gave no name, which one of them may be. Where some may be
    /// missing, because the companion has started since, all of the person's sessions end rather than
    /// none.
    pub(crate) async fn end_for(
        &self,
        logout: &Logout<'_>,
        now: Timestamp,
    ) -> Result<LoggedOut, Unavailable> {
        let keys = self.keys.load_full();
        let ends = now.after(self.settings.lifetime);
        let handle = logout.sub.map(|sub| keys.handle(logout.idp, sub));
        let person = handle.map(|handle| Over::person(handle, ends));
        let of = |sid| {
            let over = Over::session(sid, ends);
            handle.map_or(over, |handle| over.of(handle, ends))
        };
        let named = logout.sid.map(|sid| keys.provider_session(logout.idp, sid));
        let mut at_provider = Vec::from_iter(named);
        let mut seen = BTreeSet::new();
        let marks: Vec<Over> = match named {
            None => person.into_iter().collect(),
            Some(id) => {
                let mut known = self.store.at_provider(id, now).await?;
                if let (true, Some(sub)) = (known.sids.is_empty(), logout.sub) {
                    let nameless = keys.nameless_sessions(logout.idp, sub);
                    known = self.store.at_provider(nameless, now).await?;
                    at_provider.push(nameless);
                }
                seen.extend(&known.sids);
                let sids = known.sids.into_iter().map(of);
                sids.chain(person.filter(|_| !known.all)).collect()
            }
        };
        let mut ending = Ending {
            marks,
            at_provider: at_provider.iter().map(|id| (*id, ends)).collect(),
            logout_token: Some((keys.logout_token(logout.idp, logout.jti), logout.until)),
        };
        if !self.store.end(&ending, now).await? {
            return Ok(LoggedOut::Before);
        }
        // What was noted while that was written. Whoever notes later sees that it is written.
        let mut late = Vec::new();
        for id in at_provider {
            let known = self.store.at_provider(id, now).await?;
            let sids = known.sids.into_iter().filter(|sid| seen.insert(*sid));
            late.extend(sids.map(of));
        }
        let count = ending.marks.len() + late.len();
        if !late.is_empty() {
            ending = Ending {
                marks: late,
                ..Ending::default()
            };
            self.store.end(&ending, now).await?;
        }
        Ok(match count {
            0 => LoggedOut::Nobody,
            marks => LoggedOut::Now { marks },
        })
    }
}
