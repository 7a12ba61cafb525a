//! A revocation: what it ends, and until when it is needed.

use std::time::Duration;

use portcullis_core::session::{Id, Revoked};
use portcullis_core::timestamp::Timestamp;

/// By how much a session of which only the id is known may have begun ahead of this clock.
const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// What is revoked at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationBatch {
    /// What filters must refuse.
    pub(crate) revocations: Vec<Revocation>,
    /// Sessions at the provider.
    pub(crate) provider_sessions: Vec<ProviderSessionEnd>,
    /// The logout token that asks for it, and until when it could be replayed.
    pub(crate) logout_token: Option<(Id, Timestamp)>,
}

/// The end of a session at the provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProviderSessionEnd {
    /// Our id for it.
    pub(in crate::session) id: Id,
    /// The handle of the person whose session it was.
    pub(in crate::session) person: Id,
    /// Until when this is needed.
    pub(in crate::session) ends: Timestamp,
}

/// The revocation of one session, or of all sessions of one person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Revocation {
    pub(super) revoked: Revoked,
    /// When the session began, where it is one session and that is known.
    began: Option<Timestamp>,
    /// When everything that it revokes has expired anyway.
    pub(super) ends: Timestamp,
    /// The handle of the person whose session it is, where that is known.
    pub(super) person: Option<Id>,
}

impl Revocation {
    /// All sessions of a person that began by now. The last of them expires at `ends`.
    pub(in crate::session) const fn person(handle: Id, ends: Timestamp) -> Self {
        Self {
            revoked: Revoked::User(handle),
            began: None,
            ends,
            person: None,
        }
    }

    /// One session, which expires at `ends`.
    pub(in crate::session) const fn session(sid: Id, ends: Timestamp) -> Self {
        Self {
            revoked: Revoked::Session(sid),
            began: None,
            ends,
            person: None,
        }
    }

    /// The same, for a session that began at this moment.
    pub(in crate::session) const fn began(self, began: Timestamp) -> Self {
        Self {
            began: Some(began),
            ..self
        }
    }

    /// The same, for a session of this person.
    pub(in crate::session) const fn of(self, handle: Id) -> Self {
        Self {
            person: Some(handle),
            ..self
        }
    }

    /// It revokes what began by this moment. The id of a session is its own, so the moment may be
    /// later than now; it must be where the session began by another clock that is ahead.
    pub(super) fn before(&self, now: Timestamp) -> Timestamp {
        match (self.revoked, self.began) {
            (_, Some(began)) => now.max(began),
            (Revoked::User(_), None) => now,
            (Revoked::Session(_), None) => now.after(CLOCK_SKEW),
        }
    }
}
