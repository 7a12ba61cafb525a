//! The text form of the owners of keys: lines of words, which take less code than JSON.
//!
//! `entry NAME`, `owner KEY NAME SOURCE` and `candidate KEY NAME SOURCE` (several for one ambiguous key),
//! and after an owner its checks: `unobserved NAME`, `unfetched NAME` or `waiting NAME NUMBER FLAGS`.

use super::check::{Attempt, Check, CheckState};
use super::{KeyOwners, KeyState, KnownKey, MAX_ENTRIES, MAX_KEYS, Owner};
use crate::jwk::Thumbprint;

/// The first line: the version of the text form.
const FORMAT: &str = "owners 1";

/// The longest text form, in bytes.
const MAX_TEXT: usize = 2 << 20;

/// The source of an owner without one.
const NO_SOURCE: &str = "-";

/// The text is not a valid record of owners. A worker that reads one replaces it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the shared record of key owners is corrupted, or another release wrote it")]
pub struct KeyOwnersError(());

impl KeyOwners {
    /// The text form.
    pub fn to_text(&self) -> String {
        let mut text = FORMAT.to_owned();
        for name in &self.entries {
            write(&mut text, &["entry", name]);
        }
        for known in &self.keys {
            let key = known.key.to_string();
            let mut owner = |word, owner: &Owner| {
                let source = owner.source.as_deref().unwrap_or(NO_SOURCE);
                write(&mut text, &[word, &key, &owner.name, source]);
            };
            match &known.state {
                KeyState::Owned {
                    owner: first,
                    checks,
                } => {
                    owner("owner", first);
                    for check in checks {
                        check.write(&mut text);
                    }
                }
                KeyState::Ambiguous { candidates } => {
                    for candidate in candidates {
                        owner("candidate", candidate);
                    }
                }
            }
        }
        text.push('\n');
        text
    }

    /// Parses the text form. It comes from memory that other plugins may share, so it is parsed as
    /// strictly as a response from the network.
    pub fn from_text(text: &[u8]) -> Result<Self, KeyOwnersError> {
        Self::parse(text).ok_or(KeyOwnersError(()))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FORMAT {
            return None;
        }
        let mut owners = Self::default();
        for line in lines {
            owners.parse_line(line)?;
        }
        let is_bounded = owners.entries.len() <= MAX_ENTRIES && owners.keys.len() <= MAX_KEYS;
        is_bounded.then_some(owners)
    }

    fn parse_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let (kind, name) = (words.next()?, words.next()?);
        match kind {
            "entry" => self.entries.push(name.to_owned()),
            "owner" | "candidate" => {
                let key = Thumbprint::parse(name)?;
                let owner = Owner {
                    name: words.next()?.to_owned(),
                    source: Some(words.next()?)
                        .filter(|source| *source != NO_SOURCE)
                        .map(str::to_owned),
                };
                self.parse_owner(kind == "owner", key, owner)?;
            }
            _ => {
                let state = match kind {
                    "unobserved" => CheckState::Unobserved,
                    "unfetched" => CheckState::Unfetched,
                    "waiting" => {
                        let number = words.next()?.parse().ok()?;
                        let flags = words.next()?;
                        let flags: u8 = flags.parse().ok().filter(|flags| *flags < 4)?;
                        CheckState::Waiting(Attempt {
                            number,
                            in_progress: flags & 1 != 0,
                            is_first: flags & 2 != 0,
                        })
                    }
                    _ => return None,
                };
                let KeyState::Owned { checks, .. } = &mut self.keys.last_mut()?.state else {
                    return None;
                };
                let entry = name.to_owned();
                checks.push(Check { entry, state });
            }
        }
        words.next().is_none().then_some(())
    }

    fn parse_owner(&mut self, is_owner: bool, key: Thumbprint, owner: Owner) -> Option<()> {
        let state = match self.keys.last_mut().filter(|known| known.key == key) {
            Some(known) => {
                let KeyState::Ambiguous { candidates } = &mut known.state else {
                    return None;
                };
                candidates.push(owner);
                return (!is_owner).then_some(());
            }
            None if is_owner => KeyState::Owned {
                owner,
                checks: Vec::new(),
            },
            None => KeyState::Ambiguous {
                candidates: vec![owner],
            },
        };
        self.keys.push(KnownKey { key, state });
        Some(())
    }
}

impl Check {
    fn write(&self, text: &mut String) {
        match self.state {
            CheckState::Unobserved => write(text, &["unobserved", &self.entry]),
            CheckState::Unfetched => write(text, &["unfetched", &self.entry]),
            CheckState::Waiting(attempt) => {
                let flags = match (attempt.in_progress, attempt.is_first) {
                    (false, false) => "0",
                    (true, false) => "1",
                    (false, true) => "2",
                    (true, true) => "3",
                };
                let number = attempt.number.to_string();
                write(text, &["waiting", &self.entry, &number, flags]);
            }
        }
    }
}

/// Adds a line. Names of trust entries, keys and sources contain no spaces.
fn write(text: &mut String, words: &[&str]) {
    let mut before = '\n';
    for word in words {
        text.push(before);
        text.push_str(word);
        before = ' ';
    }
}
