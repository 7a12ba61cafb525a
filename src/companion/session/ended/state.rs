//! What is known of ended sessions, wherever it is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::session::{Id, Revocations, Revoked, SessionHandles};
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::session::record::{id, seconds};

#[cfg(test)]
mod tests;

/// How many logout tokens are remembered. Those that expire first go.
const MAX_LOGOUT_TOKENS: usize = 4096;

/// What is known of ended sessions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct State {
    /// When it began to be kept. What ended before, nobody knows.
    beginning: Timestamp,
    /// What filters must refuse.
    revocations: Revocations,
    /// Sessions of a provider that it has ended, under names of our own: a list of the same kind.
    /// Session tokens do not carry these names, so filters have no use for it.
    at_providers: Revocations,
    /// The logout tokens that have been heeded, and until when they could be shown again.
    heeded: BTreeMap<Id, Timestamp>,
}

/// From how many marks on the next of a person's sessions ends all of that person's. Otherwise one
/// person, who may sign in and out as often as they like, could fill the list alone, and a full list
/// ends what everybody else began.
const CROWDED: usize = Revocations::MAX_ENTRIES / 2;

/// By how much a session of which only the name is known may have begun ahead of the clock.
const AHEAD: Duration = Duration::from_secs(10);

/// What ends now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// What filters are told.
    pub(crate) marks: Vec<Over>,
    /// The provider's own session, under our name for it.
    pub(crate) at_provider: Vec<(Id, Timestamp)>,
    /// The logout token that says so, and until when it could be shown again.
    pub(crate) logout_token: Option<(Id, Timestamp)>,
}

/// What filters are told of one thing that ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Over {
    mark: Revoked,
    /// When it began, where it is one session and that is known.
    began: Option<Timestamp>,
    /// When all of it would be over anyway.
    ends: Timestamp,
    /// Whose session it is, and when all of theirs would be over anyway.
    person: Option<(Id, Timestamp)>,
}

/// The state as JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    version: u32,
    #[serde(with = "seconds")]
    beginning: Timestamp,
    #[serde(borrow)]
    revocations: &'a RawValue,
    #[serde(borrow)]
    at_providers: &'a RawValue,
    logout_tokens: Vec<Heeded>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Heeded {
    #[serde(with = "id")]
    id: Id,
    #[serde(with = "seconds")]
    until: Timestamp,
}

impl State {
    /// The longest text form that is read, in bytes.
    pub(super) const MAX_BYTES: usize = 2 * Revocations::MAX_BYTES + (1 << 20);

    /// Nothing has ended, and from now on it would be known.
    pub(in crate::session) fn begin(now: Timestamp) -> Self {
        Self {
            beginning: Timestamp::from_secs(now.secs()),
            revocations: Revocations::default(),
            at_providers: Revocations::default(),
            heeded: BTreeMap::new(),
        }
    }

    /// Reads the text form. The error says what is wrong with it.
    pub(in crate::session) fn parse(text: &[u8]) -> Result<Self, String> {
        let wire: Wire<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if wire.version != 1 {
            return Err("it is of a version that is not known here".to_owned());
        }
        let list = |text: &RawValue| {
            let list = Revocations::parse(text.get().as_bytes());
            list.map_err(|error| error.to_string())
        };
        let heeded = wire.logout_tokens.iter().map(|one| (one.id, one.until));
        Ok(Self {
            beginning: wire.beginning,
            revocations: list(wire.revocations)?,
            at_providers: list(wire.at_providers)?,
            heeded: heeded.collect(),
        })
    }

    /// The text form.
    pub(in crate::session) fn to_json(&self) -> String {
        let list = |list: &Revocations| RawValue::from_string(list.to_json());
        let heeded = self.heeded.iter();
        let written = list(&self.revocations).and_then(|revocations| {
            let at_providers = list(&self.at_providers)?;
            serde_json::to_string(&Wire {
                version: 1,
                beginning: self.beginning,
                revocations: &revocations,
                at_providers: &at_providers,
                logout_tokens: heeded.map(|(&id, &until)| Heeded { id, until }).collect(),
            })
        });
        // Numbers and text, and two lists that are JSON already: nothing can fail to be written.
        written.unwrap_or_default()
    }

    /// Notes that something ends now. `false`: the logout token has been heeded before, and nothing
    /// is noted again, for that would end what began since.
    pub(in crate::session) fn end(&mut self, ending: &Ending, now: Timestamp) -> bool {
        self.prune(now);
        if let Some((token, until)) = ending.logout_token {
            if self.heeded.contains_key(&token) {
                return false;
            }
            self.remember(token, until);
        }
        for over in &ending.marks {
            let over = if self.is_crowded() {
                over.widened()
            } else {
                *over
            };
            let before = over.before(now);
            self.revocations.end(over.mark, before, over.ends, now);
        }
        for (id, ends) in &ending.at_provider {
            self.at_providers
                .end(Revoked::Session(*id), now, *ends, now);
        }
        true
    }

    /// Whether a session has ended. `at_provider` is our name for the provider's own session.
    pub(crate) fn has_ended(
        &self,
        marks: &SessionHandles,
        at_provider: Option<Id>,
        now: Timestamp,
    ) -> bool {
        let gone = |id| self.has_ended_at_provider(id, marks.began, now);
        self.revocations.revokes(marks, now) || at_provider.is_some_and(gone)
    }

    /// Whether the provider's own session has ended since this moment.
    pub(in crate::session) fn has_ended_at_provider(
        &self,
        at_provider: Id,
        since: Timestamp,
        now: Timestamp,
    ) -> bool {
        let marks = SessionHandles {
            sid: at_provider,
            handle: at_provider,
            began: since,
        };
        self.at_providers.revokes(&marks, now)
    }

    /// Since when it is known what has ended. Who was last vouched for before that might have been
    /// signed out since.
    pub(crate) const fn beginning(&self) -> Timestamp {
        self.beginning
    }

    /// What filters must refuse.
    pub(crate) fn revocations(&self, now: Timestamp) -> Revocations {
        let mut list = self.revocations.clone();
        list.prune(now);
        list
    }

    /// Nothing that began then or earlier counts any more.
    pub(crate) const fn floor(&self) -> Timestamp {
        self.revocations.floor()
    }

    /// How many marks there are.
    pub(crate) const fn len(&self) -> usize {
        self.revocations.len() + self.at_providers.len()
    }

    const fn is_crowded(&self) -> bool {
        CROWDED <= self.revocations.len()
    }

    fn prune(&mut self, now: Timestamp) {
        self.revocations.prune(now);
        self.at_providers.prune(now);
        self.heeded.retain(|_, until| now < *until);
    }

    fn remember(&mut self, token: Id, until: Timestamp) {
        if self.heeded.len() >= MAX_LOGOUT_TOKENS {
            let first = self.heeded.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(id, _)| *id) {
                self.heeded.remove(&first);
            }
        }
        self.heeded.insert(token, until);
    }
}

// === impl Over ===

impl Over {
    /// All sessions of a person that began by now, until the last of them would be over anyway.
    pub(in crate::session) const fn person(handle: Id, ends: Timestamp) -> Self {
        Self {
            mark: Revoked::Person(handle),
            began: None,
            ends,
            person: None,
        }
    }

    /// One session, until it would be over anyway.
    pub(in crate::session) const fn session(sid: Id, ends: Timestamp) -> Self {
        Self {
            mark: Revoked::Session(sid),
            began: None,
            ends,
            person: None,
        }
    }

    /// The same session, which began then.
    pub(in crate::session) const fn began(self, began: Timestamp) -> Self {
        Self {
            began: Some(began),
            ..self
        }
    }

    /// The same session, of this person, of whose sessions the last would be over then.
    pub(in crate::session) const fn of(self, handle: Id, ends: Timestamp) -> Self {
        Self {
            person: Some((handle, ends)),
            ..self
        }
    }

    /// All sessions of its person, where that is known.
    fn widened(self) -> Self {
        let widened = self.person.map(|(handle, ends)| Self {
            began: self.began,
            ..Self::person(handle, ends)
        });
        widened.unwrap_or(self)
    }

    /// What began by when is ended. A session has its name for itself, so that its mark may be later
    /// than the clock; and it must be, where the session began by another clock that is ahead.
    fn before(&self, now: Timestamp) -> Timestamp {
        match (self.mark, self.began) {
            (_, Some(began)) => now.max(began),
            (Revoked::Person(_), None) => now,
            (Revoked::Session(_), None) => now.after(AHEAD),
        }
    }
}
