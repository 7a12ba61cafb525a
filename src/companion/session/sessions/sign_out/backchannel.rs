//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the provider ends sessions.

use std::collections::BTreeSet;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::super::Sessions;
use crate::session::outcome::LogoutOutcome;
use crate::session::revocations::{ProviderSessionEnd, Revocation, RevocationBatch};
use crate::session::store::LinkedSessions;
use crate::session::unavailable::Unavailable;

/// The claims of a verified logout token (Back-Channel Logout 1.0 section 2.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogoutClaims<'a> {
    /// The name of the provider.
    pub(crate) provider: &'a str,
    /// The person.
    pub(crate) sub: Option<&'a str>,
    /// The session at the provider. If it is named, only sessions that belong to it end.
    pub(crate) sid: Option<&'a str>,
    /// The id of the logout token.
    pub(crate) jti: &'a str,
    /// Until when the token could be replayed.
    pub(crate) until: Timestamp,
}

/// What a logout token ends.
#[derive(Default)]
struct Ending {
    revocations: Vec<Revocation>,
    provider_sessions: Vec<ProviderSessionEnd>,
    /// The sessions of which that is known.
    sids: BTreeSet<Id>,
}

impl Sessions {
    /// Revokes what a logout token names: the sessions of one session at the provider, or all
    /// sessions of the person where it names only a person. A token works once, because a replay
    /// would end sessions that began since.
    ///
    /// Session tokens do not carry the provider's `sid`. So every session is recorded with our id
    /// for its session at the provider and with its person. So filters learn which sessions end, and
    /// what a person causes is known to be theirs even where the token does not name them. A `sid`
    /// of no session here ends nothing. Where no session belongs to it, the person's sessions
    /// without a `sid` end, for one of them may. Where some sessions may be missing because the
    /// companion has lost them, all sessions of the person end rather than none.
    pub(crate) async fn backchannel_logout(
        &self,
        logout: &LogoutClaims<'_>,
        now: Timestamp,
    ) -> Result<LogoutOutcome, Unavailable> {
        let keys = self.keys.load_full();
        let person = logout.sub.map(|sub| keys.handle(logout.provider, sub));
        let ends = now.after(self.settings.lifetime);
        let everything = person.map(|person| Revocation::person(person, ends));
        let mut ending = Ending::default();
        let mut named: Vec<Id> = Vec::new();
        match logout.sid {
            None => ending.revocations.extend(everything),
            Some(sid) => {
                let id = keys.provider_session_by_sid(logout.provider, sid);
                named.push(id);
                let found = self.store.linked_sessions(id, now).await?;
                let is_unknown = found.sessions.is_empty();
                let complete = found.complete;
                ending.add(id, found, person, ends);
                if let (true, Some(sub)) = (is_unknown, logout.sub) {
                    let id = keys.provider_session_without_sid(logout.provider, sub);
                    named.push(id);
                    let found = self.store.linked_sessions(id, now).await?;
                    ending.add(id, found, person, ends);
                }
                if !complete {
                    ending.revocations.extend(everything);
                }
            }
        }
        let logout_token = (keys.logout_token(logout.provider, logout.jti), logout.until);
        let batch = ending.take(Some(logout_token));
        if !self.store.revoke(&batch, now).await? {
            return Ok(LogoutOutcome::Replayed);
        }
        // Sessions that were recorded meanwhile. One that is recorded later learns of the end then.
        for id in named {
            let found = self.store.end_provider_session(id, now).await?;
            ending.add(id, found, person, ends);
        }
        let late = ending.take(None);
        if !late.revocations.is_empty() {
            self.store.revoke(&late, now).await?;
        }
        let revocations = batch.revocations.len() + late.revocations.len();
        Ok(match revocations {
            0 => LogoutOutcome::UnknownSession,
            revocations => LogoutOutcome::Revoked { revocations },
        })
    }
}

impl Ending {
    /// Adds the sessions of a session at the provider, each once. `person` is whose they are where
    /// that was not recorded.
    fn add(&mut self, id: Id, found: LinkedSessions, person: Option<Id>, ends: Timestamp) {
        let mut people = BTreeSet::new();
        for session in found.sessions {
            if !self.sids.insert(session.sid) {
                continue;
            }
            let person = session.person.or(person);
            people.extend(person);
            let revocation = Revocation::session(session.sid, ends);
            match person {
                // Too many to name each of them.
                Some(_) if found.has_more => {}
                Some(person) => self.revocations.push(revocation.of(person)),
                None => self.revocations.push(revocation),
            }
        }
        for person in people {
            if found.has_more {
                self.revocations.push(Revocation::person(person, ends));
            }
            let end = ProviderSessionEnd { id, person, ends };
            self.provider_sessions.push(end);
        }
    }

    /// The batch of what was added since the last one.
    fn take(&mut self, logout_token: Option<(Id, Timestamp)>) -> RevocationBatch {
        RevocationBatch {
            revocations: std::mem::take(&mut self.revocations),
            provider_sessions: std::mem::take(&mut self.provider_sessions),
            logout_token,
        }
    }
}
