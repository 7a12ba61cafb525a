//! The revocation list, and what every store must store with it.

use std::collections::BTreeMap;

use portcullis_core::session::{Id, Revocations, Revoked, SessionHandles};
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::RevocationBatch;
use crate::session::format_version;
use crate::session::record::{id, seconds};

#[cfg(test)]
mod tests;

/// The maximum number of used logout tokens that are stored. Of the provider that has most, the one that
/// expires first is dropped.
const MAX_LOGOUT_TOKENS: usize = 4096;

/// The revoked sessions, and the used logout tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RevocationState {
    /// Since when the list is complete.
    known_since: Timestamp,
    /// What filters must refuse.
    revocations: Revocations,
    /// Provider sessions that have ended, by our ids. Session tokens do not contain these ids, so filters
    /// can't use this list.
    provider_sessions: Revocations,
    /// The used logout tokens, and until when each could be replayed.
    used_logout_tokens: BTreeMap<Id, Timestamp>,
}

/// The state as JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    version: u32,
    #[serde(rename = "beginning", with = "seconds")]
    known_since: Timestamp,
    #[serde(borrow)]
    revocations: &'a RawValue,
    #[serde(borrow, rename = "at_providers")]
    provider_sessions: &'a RawValue,
    logout_tokens: Vec<UsedLogoutToken>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct UsedLogoutToken {
    #[serde(with = "id")]
    id: Id,
    #[serde(with = "seconds")]
    until: Timestamp,
}

impl RevocationState {
    /// The version of the JSON. Handles in version 1 do not begin with their provider, so its entries would
    /// revoke nothing now.
    const VERSION: u32 = 2;

    /// The maximum size of the JSON, in bytes.
    pub(in crate::session) const MAX_BYTES: usize = 2 * Revocations::MAX_BYTES + (1 << 20);

    /// An empty list, complete from now on.
    pub(in crate::session) fn new(now: Timestamp) -> Self {
        Self {
            known_since: Timestamp::from_secs(now.secs()),
            revocations: Revocations::default(),
            provider_sessions: Revocations::default(),
            used_logout_tokens: BTreeMap::new(),
        }
    }

    /// Parses the JSON. The error says what is invalid.
    pub(in crate::session) fn parse(text: &[u8]) -> Result<Self, String> {
        format_version::expect(Self::VERSION, text)?;
        let wire: Wire<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let list = |text: &RawValue| {
            let list = Revocations::parse(text.get().as_bytes());
            list.map_err(|error| error.to_string())
        };
        let used = wire.logout_tokens.iter().map(|one| (one.id, one.until));
        Ok(Self {
            known_since: wire.known_since,
            revocations: list(wire.revocations)?,
            provider_sessions: list(wire.provider_sessions)?,
            used_logout_tokens: used.collect(),
        })
    }

    /// The JSON.
    pub(in crate::session) fn to_json(&self) -> String {
        let list = |list: &Revocations| RawValue::from_string(list.to_json());
        let used = self.used_logout_tokens.iter();
        let written = list(&self.revocations).and_then(|revocations| {
            let provider_sessions = list(&self.provider_sessions)?;
            serde_json::to_string(&Wire {
                version: Self::VERSION,
                known_since: self.known_since,
                revocations: &revocations,
                provider_sessions: &provider_sessions,
                logout_tokens: used
                    .map(|(&id, &until)| UsedLogoutToken { id, until })
                    .collect(),
            })
        });
        // Numbers, text and valid JSON: serialization can't fail.
        written.unwrap_or_default()
    }

    /// Adds revocations. `false` if the logout token of the batch was used before. Then nothing is added,
    /// because it would revoke sessions that began since.
    pub(in crate::session) fn apply(&mut self, batch: &RevocationBatch, now: Timestamp) -> bool {
        self.prune(now);
        if let Some((token, until)) = batch.logout_token {
            if self.is_used(token) {
                return false;
            }
            self.store_used(token, until);
        }
        for revocation in &batch.revocations {
            let known = match revocation.revoked {
                Revoked::User(handle) => self.revocations.revoked_until(handle),
                Revoked::Session(_) | Revoked::Provider(_) => None,
            };
            let (list, began_by, ends) = (
                &mut self.revocations,
                revocation.began_by(known, now),
                revocation.ends,
            );
            match (revocation.revoked, revocation.user) {
                (Revoked::Session(sid), Some(user)) => {
                    list.revoke_session_of(user, sid, began_by, ends, now);
                }
                (revoked, _) => list.revoke(revoked, began_by, ends, now),
            }
        }
        for end in &batch.provider_sessions {
            let list = &mut self.provider_sessions;
            list.revoke_session_of(end.user, end.id, now, end.ends, now);
        }
        true
    }

    /// Whether this logout token was used before.
    pub(in crate::session) fn is_used(&self, logout_token: Id) -> bool {
        self.used_logout_tokens.contains_key(&logout_token)
    }

    /// Whether a session is revoked. `provider_session` is our id for its provider session.
    pub(crate) fn is_revoked(
        &self,
        handles: &SessionHandles,
        provider_session: Option<Id>,
        now: Timestamp,
    ) -> bool {
        // In that list the id of the provider session is in the place of the session's.
        let at_provider = |sid| SessionHandles { sid, ..*handles };
        let ended = |id| self.provider_sessions.revokes(&at_provider(id), now);
        self.revocations.revokes(handles, now) || provider_session.is_some_and(ended)
    }

    /// Whether exactly this provider session has ended since the session with these handles began.
    pub(in crate::session) fn has_ended_at_provider(
        &self,
        provider_session: Id,
        handles: &SessionHandles,
        now: Timestamp,
    ) -> bool {
        let at_provider = SessionHandles {
            sid: provider_session,
            ..*handles
        };
        self.provider_sessions.revokes_by_sid(&at_provider, now)
    }

    /// Since when the list is complete. A session that its provider last confirmed before may have been
    /// revoked, and the revocation lost.
    pub(crate) const fn known_since(&self) -> Timestamp {
        self.known_since
    }

    /// What filters must refuse.
    pub(crate) fn revocations(&self, now: Timestamp) -> Revocations {
        let mut list = self.revocations.clone();
        list.prune(now);
        list
    }

    /// The highest floor: all sessions of at least one provider that began by this time are revoked, in
    /// filters too, because the list was full of different users. 0 if it never was.
    pub(crate) fn floor(&self) -> Timestamp {
        self.revocations.highest_floor()
    }

    /// The highest floor of the list of ended provider sessions. It applies in the companion only.
    pub(crate) fn provider_floor(&self) -> Timestamp {
        self.provider_sessions.highest_floor()
    }

    /// How many revocations there are.
    pub(crate) const fn len(&self) -> usize {
        self.revocations.len() + self.provider_sessions.len()
    }

    fn prune(&mut self, now: Timestamp) {
        self.revocations.prune(now);
        self.provider_sessions.prune(now);
        self.used_logout_tokens.retain(|_, until| now < *until);
    }

    fn store_used(&mut self, token: Id, until: Timestamp) {
        if self.used_logout_tokens.len() >= MAX_LOGOUT_TOKENS {
            // Of the provider that has most, so that no other provider can make a token usable again.
            let mut counts: BTreeMap<Id, usize> = BTreeMap::new();
            for id in self.used_logout_tokens.keys() {
                *counts.entry(id.provider()).or_default() += 1;
            }
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            let most = most.map(|(provider, _)| provider);
            let of_most = self.used_logout_tokens.iter();
            let first = of_most
                .filter(|(id, _)| Some(id.provider()) == most)
                .min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(id, _)| *id) {
                self.used_logout_tokens.remove(&first);
            }
        }
        self.used_logout_tokens.insert(token, until);
    }
}
