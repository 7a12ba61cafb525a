//! The names of what is kept in Redis.

use portcullis_core::session::Id;
use sha2::{Digest as _, Sha256};

use crate::session::bytes;

/// The names of what one companion keeps in Redis. All replicas of it have the same, and another one
/// beside it has others. The parts in braces decide which node of a cluster has it.
#[derive(Clone, Debug)]
pub(super) struct Names {
    start: String,
}

impl Names {
    /// Those of the companion at this `sso.url`.
    pub(super) fn new(url: &str) -> Self {
        let hash = Sha256::digest(bytes::fields(&[b"portcullis: a companion", url.as_bytes()]));
        let hash = bytes::encode(bytes::first::<6>(hash.into()));
        Self {
            start: format!("portcullis:{hash}"),
        }
    }

    /// A session's record.
    pub(super) fn session(&self, sid: Id) -> String {
        format!("{}:session:{{{sid}}}", self.start)
    }

    /// Who may redeem a session's refresh token.
    pub(super) fn lock(&self, sid: Id) -> String {
        format!("{}:lock:{{{sid}}}", self.start)
    }

    /// The state of ended sessions.
    pub(super) fn ended(&self) -> String {
        format!("{}:ended", self.start)
    }

    /// Our sessions that belong to one of a provider's. An older companion has a list of
    /// another type at `at-provider`.
    pub(super) fn at_provider(&self, id: Id) -> String {
        format!("{}:of-provider:{id}", self.start)
    }

    /// That a sign-in has come to its end.
    pub(super) fn login(&self, attempt: &str) -> String {
        format!("{}:login:{attempt}", self.start)
    }
}
