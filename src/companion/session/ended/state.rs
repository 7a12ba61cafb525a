//! What is known of ended sessions, wherever it is kept.

use std::collections::BTreeMap;

use portcullis_core::session::{Id, Mark, Marks, Revocations};
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

/// What ends now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// What filters are told, each until all of that would be over anyway.
    pub(crate) marks: Vec<(Mark, Timestamp)>,
    /// The provider's own session, under our name for it.
    pub(crate) at_provider: Option<(Id, Timestamp)>,
    /// The logout token that says so, and until when it could be shown again.
    pub(crate) logout_token: Option<(Id, Timestamp)>,
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
        for (mark, ends) in &ending.marks {
            self.revocations.end(*mark, now, *ends, now);
        }
        if let Some((id, ends)) = ending.at_provider {
            self.at_providers.end(Mark::Session(id), now, ends, now);
        }
        true
    }

    /// Whether a session has ended. `at_provider` is our name for the provider's own session.
    pub(crate) fn has_ended(&self, marks: &Marks, at_provider: Option<Id>, now: Timestamp) -> bool {
        let gone = |id| {
            let marks = Marks {
                sid: id,
                handle: id,
                ..*marks
            };
            self.at_providers.revokes(&marks, now)
        };
        self.revocations.revokes(marks, now) || at_provider.is_some_and(gone)
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
