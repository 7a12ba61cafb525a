//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the provider ends sessions.

use std::collections::BTreeSet;

use portcullis_core::timestamp::Timestamp;

use super::super::Sessions;
use crate::session::outcome::LogoutOutcome;
use crate::session::revocations::{Revocation, RevocationBatch};
use crate::session::unavailable::Unavailable;

/// The claims of a verified logout token (Back-Channel Logout 1.0 section 2.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogoutClaims<'a> {
    /// The name of the provider.
    pub(crate) idp: &'a str,
    /// The person.
    pub(crate) sub: Option<&'a str>,
    /// The session at the provider. If it is named, only sessions that belong to it end.
    pub(crate) sid: Option<&'a str>,
    /// The id of the logout token.
    pub(crate) jti: &'a str,
    /// Until when the token could be replayed.
    pub(crate) until: Timestamp,
}

impl Sessions {
    /// Revokes what a logout token names: the sessions of one session at the provider, or all
    /// sessions of the person where it names only a person. A token works once, because a replay
    /// would end sessions that began since.
    ///
    /// Session tokens do not carry the provider's `sid`. So our id for the provider session is
    /// recorded with every session token that is issued, which tells filters within seconds; and
    /// the provider session is revoked by itself, because sealed sessions carry its `sid`. Where no
    /// session belongs to it, the person's sessions without a `sid` end, for one of them may. Where
    /// some sessions may be missing because the companion has restarted, all sessions of the person
    /// end rather than none.
    pub(crate) async fn backchannel_logout(
        &self,
        logout: &LogoutClaims<'_>,
        now: Timestamp,
    ) -> Result<LogoutOutcome, Unavailable> {
        let keys = self.keys.load_full();
        let ends = now.after(self.settings.lifetime);
        let handle = logout.sub.map(|sub| keys.handle(logout.idp, sub));
        let person = handle.map(|handle| Revocation::person(handle, ends));
        let session = |sid| {
            let revocation = Revocation::session(sid, ends);
            handle.map_or(revocation, |handle| revocation.of(handle, ends))
        };
        let named = logout
            .sid
            .map(|sid| keys.provider_session_by_sid(logout.idp, sid));
        let mut provider_sessions = Vec::from_iter(named);
        let mut seen = BTreeSet::new();
        let revocations: Vec<Revocation> = match named {
            None => person.into_iter().collect(),
            Some(id) => {
                let mut found = self.store.sessions_at_provider(id, now).await?;
                if let (true, Some(sub)) = (found.sids.is_empty(), logout.sub) {
                    let without_sid = keys.provider_session_without_sid(logout.idp, sub);
                    found = self.store.sessions_at_provider(without_sid, now).await?;
                    provider_sessions.push(without_sid);
                }
                seen.extend(&found.sids);
                let sids = found.sids.into_iter().map(session);
                sids.chain(person.filter(|_| !found.complete)).collect()
            }
        };
        let batch = RevocationBatch {
            revocations,
            provider_sessions: provider_sessions.iter().map(|id| (*id, ends)).collect(),
            logout_token: Some((keys.logout_token(logout.idp, logout.jti), logout.until)),
        };
        if !self.store.revoke(&batch, now).await? {
            return Ok(LogoutOutcome::Replayed);
        }
        // Sessions that were recorded meanwhile. One that is recorded later sees the revocation.
        let mut late = Vec::new();
        for id in provider_sessions {
            let found = self.store.sessions_at_provider(id, now).await?;
            let sids = found.sids.into_iter().filter(|sid| seen.insert(*sid));
            late.extend(sids.map(session));
        }
        let count = batch.revocations.len() + late.len();
        if !late.is_empty() {
            let batch = RevocationBatch {
                revocations: late,
                ..RevocationBatch::default()
            };
            self.store.revoke(&batch, now).await?;
        }
        Ok(match count {
            0 => LogoutOutcome::UnknownSession,
            revocations => LogoutOutcome::Revoked { revocations },
        })
    }
}
