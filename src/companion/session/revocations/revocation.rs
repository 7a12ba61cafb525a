//! A revocation: what it revokes, and until when it is needed.

use std::time::Duration;

use portcullis_core::session::{Id, Revoked};
use portcullis_core::timestamp::Timestamp;

/// By how much the start of a session may be ahead of this clock, if only its id is known.
const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// Revocations that are added at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationBatch {
    /// What filters must refuse.
    pub(crate) revocations: Vec<Revocation>,
    /// Provider sessions that have ended.
    pub(crate) provider_sessions: Vec<ProviderSessionEnd>,
    /// The logout token that requests them, and until when it could be replayed.
    pub(crate) logout_token: Option<(Id, Timestamp)>,
}

/// The end of a provider session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProviderSessionEnd {
    /// Our id for it.
    pub(in crate::session) id: Id,
    /// The handle of its user.
    pub(in crate::session) user: Id,
    /// Until when this is needed.
    pub(in crate::session) ends: Timestamp,
}

/// The revocation of one session, or of all sessions of one user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Revocation {
    pub(super) revoked: Revoked,
    /// When the session began, if it is one session and that is known.
    began: Option<Timestamp>,
    /// When everything that it revokes has expired.
    pub(super) ends: Timestamp,
    /// The handle of the session's user, if it is known.
    pub(super) user: Option<Id>,
}

impl Revocation {
    /// Revokes all sessions of a user that began by now. The last of them expires at `ends`.
    pub(in crate::session) const fn user(handle: Id, ends: Timestamp) -> Self {
        Self {
            revoked: Revoked::User(handle),
            began: None,
            ends,
            user: None,
        }
    }

    /// Revokes all sessions of a provider that began by now. The last of them expires at `ends`.
    pub(in crate::session) const fn provider(id: Id, ends: Timestamp) -> Self {
        Self {
            revoked: Revoked::Provider(id),
            began: None,
            ends,
            user: None,
        }
    }

    /// Revokes one session, which expires at `ends`.
    pub(in crate::session) const fn session(sid: Id, ends: Timestamp) -> Self {
        Self {
            revoked: Revoked::Session(sid),
            began: None,
            ends,
            user: None,
        }
    }

    /// The same, for a session that began at this time.
    pub(in crate::session) const fn began(self, began: Timestamp) -> Self {
        Self {
            began: Some(began),
            ..self
        }
    }

    /// The same, for a session of this user.
    pub(in crate::session) const fn of(self, handle: Id) -> Self {
        Self {
            user: Some(handle),
            ..self
        }
    }

    /// It revokes sessions that began by this time. For one session the time may be later than now, because
    /// another replica's clock may be ahead. `known` is the time of an earlier revocation of the user: a
    /// session that began since is dated up to a second after that, and so perhaps after now.
    pub(super) fn began_by(&self, known: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let since = known.map(|known| known.after(Duration::from_secs(1)));
        match (self.revoked, self.began) {
            (_, Some(began)) => now.max(began),
            (Revoked::User(_) | Revoked::Provider(_), None) => {
                now.max(since.unwrap_or_default().min(now.after(CLOCK_SKEW)))
            }
            (Revoked::Session(_), None) => now.after(CLOCK_SKEW),
        }
    }
}
