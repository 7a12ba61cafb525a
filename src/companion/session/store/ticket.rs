//! Tickets: the content of the session cookie if the session is in a store.
//!
//! The ticket contains the key of the record, and the record opens only with that key. So access to the
//! store alone reveals no session.

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::session::bytes;
use crate::session::keys::{open_with, seal_with};
use crate::session::record::{Session, id, seconds};
use crate::session::secret::SecretKey;
use crate::session::unavailable::Unavailable;

/// The maximum length of a record, in bytes, so that no provider decides how many sessions fit into a store.
pub(super) const MAX_RECORD: usize = 64 * 1024;

/// The reference to a session's record in a store. It is a credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::session) struct Ticket {
    version: u32,
    #[serde(with = "id")]
    pub(in crate::session) sid: Id,
    key: SecretKey,
    /// When the session ends at the latest, for the cookie's `Max-Age`.
    #[serde(with = "seconds")]
    pub(in crate::session) ends: Timestamp,
}

/// A record as it was loaded.
#[derive(Clone, Debug)]
pub(in crate::session) struct RecordRef {
    pub(in crate::session) ticket: Ticket,
    /// How often the session was refreshed. A writer sends the generation that it has read, so that it does
    /// not overwrite a newer session with an older one.
    pub(in crate::session) generation: u64,
}

/// Warns of a record that counts as absent.
pub(super) fn warn_of_size() {
    tracing::warn!(
        "a session's record in the session store is larger than 64 KiB and counts as absent; help: configure the \
         provider to send fewer groups"
    );
}

impl Ticket {
    const VERSION: u32 = 1;

    /// A ticket for a new session.
    pub(in crate::session) fn new(session: &Session) -> Self {
        Self {
            version: Self::VERSION,
            sid: session.sid,
            key: SecretKey::random(),
            ends: session.ends,
        }
    }

    /// The content to seal.
    pub(in crate::session) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Text and numbers: serialization can't fail.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads sealed content.
    pub(in crate::session) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ticket: Self = serde_json::from_slice(bytes).ok()?;
        (ticket.version == Self::VERSION).then_some(ticket)
    }

    /// Seals the record of the session. `url` is the policy's `sso.url`.
    pub(in crate::session) fn seal(&self, session: &Session, url: &str) -> Vec<u8> {
        seal_with(&self.key, &self.binding(url), &session.to_bytes())
    }

    /// The same for a store, which limits the size of records.
    pub(super) fn seal_bounded(
        &self,
        session: &Session,
        url: &str,
    ) -> Result<Vec<u8>, Unavailable> {
        let sealed = self.seal(session, url);
        if sealed.len() > MAX_RECORD {
            return Err(Unavailable::new(
                "the tokens and groups of this user at the provider are larger than 64 KiB",
            ));
        }
        Ok(sealed)
    }

    /// Whether a store accepts the record of the session.
    pub(in crate::session) fn has_room_for(&self, session: &Session, url: &str) -> bool {
        self.seal(session, url).len() <= MAX_RECORD
    }

    /// Opens a record. `None` if it was sealed with another key, is of another session, or is larger than a store
    /// accepts.
    pub(in crate::session) fn open(&self, sealed: &[u8], url: &str) -> Option<Session> {
        if sealed.len() > MAX_RECORD {
            warn_of_size();
            return None;
        }
        let content = open_with(&self.key, &self.binding(url), sealed)?;
        Session::from_bytes(&content).filter(|session| session.sid == self.sid)
    }

    fn binding(&self, url: &str) -> Vec<u8> {
        bytes::fields(&[b"record", self.sid.as_bytes(), url.as_bytes()])
    }
}
