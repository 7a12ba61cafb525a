//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the provider ends sessions.

use std::collections::BTreeSet;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::super::Sessions;
use crate::session::outcome::{LoggedOut, LogoutOutcome};
use crate::session::revocations::{ProviderSessionEnd, Revocation, RevocationBatch};
use crate::session::store::LinkedSessions;
use crate::session::unavailable::Unavailable;

/// The claims of a verified logout token (Back-Channel Logout 1.0 section 2.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogoutClaims<'a> {
    /// The name of the provider.
    pub(crate) provider: &'a str,
    /// The user.
    pub(crate) sub: Option<&'a str>,
    /// The provider session. With it, only sessions that are linked to it end.
    pub(crate) sid: Option<&'a str>,
    /// The id of the logout token.
    pub(crate) jti: &'a str,
    /// Until when the token could be replayed.
    pub(crate) until: Timestamp,
}

/// The revocations of a logout token, as they are collected.
#[derive(Default)]
struct LogoutRevocations {
    revocations: Vec<Revocation>,
    provider_sessions: Vec<ProviderSessionEnd>,
    /// The sessions that are already revoked by these.
    sids: BTreeSet<Id>,
}

impl Sessions {
    /// Revokes the sessions that a logout token names: those of a provider session (`sid`), or all sessions
    /// of a user if it has no `sid`. A token can be used once, because a replay would revoke sessions that
    /// began since.
    ///
    /// Session tokens do not contain the provider's `sid`, so each session is linked to its provider
    /// session and to its user in the store. By these links filters learn which sessions are revoked, and
    /// the revocation list which user they belong to, even if the logout token does not name the user. If no
    /// session is linked to the `sid`, the user's sessions without a `sid` are revoked, because one of them
    /// may belong to it. If links may have been lost, all sessions of the user are revoked.
    ///
    /// The last write records that the token was used, and all others can be repeated. So if the store fails
    /// in between, the provider can send the token again.
    pub(crate) async fn backchannel_logout(
        &self,
        logout: &LogoutClaims<'_>,
        now: Timestamp,
    ) -> Result<LoggedOut, Unavailable> {
        let keys = self.keys.load_full();
        let logout_token = keys.logout_token(logout.provider, logout.jti);
        if self.store.revocations(now).await?.is_used(logout_token) {
            return Ok(LogoutOutcome::Replayed.into());
        }
        let user = logout.sub.map(|sub| keys.handle(logout.provider, sub));
        let ends = now.after(self.settings.lifetime);
        let all_of_user = user.map(|user| Revocation::user(user, ends));
        let mut collected = LogoutRevocations::default();
        let mut provider_sessions: Vec<Id> = Vec::new();
        match logout.sid {
            None => collected.revocations.extend(all_of_user),
            Some(sid) => {
                let id = keys.provider_session_by_sid(logout.provider, sid);
                provider_sessions.push(id);
                let found = self.store.linked_sessions(id, now).await?;
                let is_unknown = found.sessions.is_empty();
                let complete = found.complete;
                collected.add(id, found, user, ends);
                if let (true, Some(sub)) = (is_unknown, logout.sub) {
                    let id = keys.provider_session_without_sid(logout.provider, sub);
                    provider_sessions.push(id);
                    let found = self.store.linked_sessions(id, now).await?;
                    collected.add(id, found, user, ends);
                }
                if !complete {
                    collected.revocations.extend(all_of_user);
                }
            }
        }
        // With the sessions that were linked in the meantime. A session that is linked later learns of the end
        // then.
        for id in provider_sessions {
            let found = self.store.end_provider_session(id, now).await?;
            collected.add(id, found, user, ends);
        }
        let sids = collected.sids.clone();
        let batch = collected.into_batch((logout_token, logout.until));
        if !self.store.revoke(&batch, now).await? {
            return Ok(LogoutOutcome::Replayed.into());
        }
        let outcome = match batch.revocations.len() {
            0 => LogoutOutcome::UnknownSession,
            revocations => LogoutOutcome::Revoked { revocations },
        };
        Ok(LoggedOut { outcome, sids })
    }
}

impl LogoutRevocations {
    /// Adds the sessions that are linked to a provider session, without duplicates. `user` is their user
    /// if the link has none.
    fn add(&mut self, id: Id, found: LinkedSessions, user: Option<Id>, ends: Timestamp) {
        let mut users = BTreeSet::new();
        for session in found.sessions {
            if !self.sids.insert(session.sid) {
                continue;
            }
            let user = session.user.or(user);
            users.extend(user);
            let revocation = Revocation::session(session.sid, ends);
            match user {
                // Too many to name each of them.
                Some(_) if found.has_more => {}
                Some(user) => self.revocations.push(revocation.of(user)),
                None => self.revocations.push(revocation),
            }
        }
        for user in users {
            if found.has_more {
                self.revocations.push(Revocation::user(user, ends));
            }
            let end = ProviderSessionEnd { id, user, ends };
            self.provider_sessions.push(end);
        }
    }

    /// The batch, with the logout token that was used.
    fn into_batch(self, logout_token: (Id, Timestamp)) -> RevocationBatch {
        RevocationBatch {
            revocations: self.revocations,
            provider_sessions: self.provider_sessions,
            logout_token: Some(logout_token),
        }
    }
}
