//! The names of keys in Redis.

use portcullis_core::session::Id;
use sha2::{Digest as _, Sha256};

use crate::session::bytes;

/// The names of one companion's keys in Redis. All replicas use the same names; another companion
/// in the same Redis uses others. The part in braces is the hash tag, which selects the cluster
/// node.
#[derive(Clone, Debug)]
pub(super) struct KeyNames {
    prefix: String,
}

impl KeyNames {
    /// The names of the companion at this `sso.url`.
    pub(super) fn new(url: &str) -> Self {
        let hash = Sha256::digest(bytes::fields(&[b"portcullis: a companion", url.as_bytes()]));
        let hash = bytes::encode(bytes::first::<6>(hash.into()));
        Self {
            prefix: format!("portcullis:{hash}"),
        }
    }

    /// A session's record.
    pub(super) fn session(&self, sid: Id) -> String {
        format!("{}:session:{{{sid}}}", self.prefix)
    }

    /// The lock for refreshing a session.
    pub(super) fn lock(&self, sid: Id) -> String {
        format!("{}:lock:{{{sid}}}", self.prefix)
    }

    /// The revocation list.
    pub(super) fn revocations(&self) -> String {
        format!("{}:ended", self.prefix)
    }

    /// The sessions that are linked to a provider session. Older releases have a list of another type at
    /// `at-provider`, and other handles at `of-provider`.
    pub(super) fn linked_sessions(&self, id: Id) -> String {
        format!("{}:linked:{id}", self.prefix)
    }

    /// When a provider session has ended. The key is on the same cluster node as
    /// [`KeyNames::linked_sessions`], so that one script can use both.
    pub(super) fn ended_provider_session(&self, id: Id) -> String {
        let node = self.linked_sessions(id);
        format!("{}:ended-at-provider:{{{node}}}", self.prefix)
    }

    /// A record that shows whether records can be written.
    pub(super) fn trial(&self, id: &str) -> String {
        format!("{}:trial:{id}", self.prefix)
    }

    /// The record of a completed sign-in attempt.
    pub(super) fn completed_attempt(&self, attempt: &str) -> String {
        format!("{}:login:{attempt}", self.prefix)
    }
}
