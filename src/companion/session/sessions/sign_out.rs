//! Sessions that end before their time.

use std::collections::BTreeMap;

use portcullis_core::session::{Id, Mark};
use portcullis_core::timestamp::Timestamp;

use super::Sessions;
use crate::session::cookies::Cookies;
use crate::session::ended::Ending;
use crate::session::keys::Purpose;
use crate::session::login::Logins;
use crate::session::outcome::{LoggedOut, SignedOut};
use crate::session::record::Session;
use crate::session::redis::Ticket;
use crate::session::store::Store;
use crate::session::unavailable::Unavailable;

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
        // Whatever its cookie says, no session that began by now outlasts this.
        let by_now = now.after(self.settings.lifetime);
        let mut ending: BTreeMap<Id, Timestamp> = BTreeMap::new();
        let session = match &*self.store {
            Store::Cookie(_) => {
                let sessions = self.sealed(cookies, Purpose::Session, Session::from_bytes);
                ending.extend(sessions.iter().map(|own| (own.sid, own.ends.max(by_now))));
                sessions.into_iter().max_by_key(|own| own.last_used)
            }
            Store::Redis(redis) => {
                let tickets = self.sealed(cookies, Purpose::Ticket, Ticket::from_bytes);
                ending.extend(tickets.iter().map(|own| (own.sid, own.ends.max(by_now))));
                let record = match tickets.last() {
                    Some(ticket) => redis.get_session(ticket).await?,
                    None => None,
                };
                record.map(|record| record.session)
            }
        };
        // A session token alone ends its session as well.
        let keys = self.keys.load_full();
        for text in cookies.candidates(self.settings.names.token()) {
            if let Some(claims) = keys.read(&self.settings.url, &text) {
                ending.entry(claims.marks.sid).or_insert(by_now);
            }
        }
        if !ending.is_empty() {
            let marks = ending
                .iter()
                .map(|(sid, ends)| (Mark::Session(*sid), *ends));
            let marks = Ending {
                marks: marks.collect(),
                ..Ending::default()
            };
            self.store.end(&marks, now).await?;
        }
        if let Store::Redis(redis) = &*self.store {
            for sid in ending.keys() {
                redis.delete_session(*sid).await?;
            }
        }
        let mut set_cookies = self.settings.delete_session(cookies);
        set_cookies.extend(Logins::forget_done(&self.settings, cookies));
        Ok(SignedOut {
            // Two sessions have no one person to name to a provider.
            session: session.filter(|_| ending.len() == 1),
            set_cookies,
        })
    }

    /// Ends what a provider says is over: the one session that the logout token names or else, where
    /// it names only a person, all of theirs. A token is heeded once, because a second time it would
    /// end what began since.
    ///
    /// Session tokens do not carry the provider's name for its session. So our own name for it is
    /// kept with each session token that is made, which tells the filters within seconds; and it is
    /// marked by itself, for sealed sessions carry it. Where some may be missing, because the
    /// companion has started since, all of the person's sessions end rather than none.
    pub(crate) async fn end_for(
        &self,
        logout: &Logout<'_>,
        now: Timestamp,
    ) -> Result<LoggedOut, Unavailable> {
        let keys = self.keys.load_full();
        let ends = now.after(self.settings.lifetime);
        let person = logout
            .sub
            .map(|sub| Mark::Person(keys.handle(logout.idp, sub)));
        let at_provider = logout.sid.map(|sid| keys.provider_session(logout.idp, sid));
        let marks: Vec<Mark> = match at_provider {
            None => person.into_iter().collect(),
            Some(id) => {
                let known = self.store.at_provider(id, now).await?;
                let sids = known.sids.into_iter().map(Mark::Session);
                sids.chain(person.filter(|_| !known.all)).collect()
            }
        };
        let ending = Ending {
            marks: marks.iter().map(|mark| (*mark, ends)).collect(),
            at_provider: at_provider.map(|id| (id, ends)),
            logout_token: Some((keys.logout_token(logout.idp, logout.jti), logout.until)),
        };
        if !self.store.end(&ending, now).await? {
            return Ok(LoggedOut::Before);
        }
        Ok(match marks.len() {
            0 => LoggedOut::Nobody,
            marks => LoggedOut::Now { marks },
        })
    }
}
