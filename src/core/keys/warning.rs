//! Warnings about fetched keys, with the same text in the filter and the companion.

use std::fmt;

use crate::jwk::{KeySet, Skipped};

/// The maximum number of skipped keys of a set that are named. An issuer can publish thousands, and another set
/// every few seconds.
const MAX_NAMED: usize = 8;

/// A warning about the keys of one trust entry. Its Display is the log message.
#[derive(Clone, Copy)]
pub enum KeyWarning<'a> {
    /// A fetch failed.
    FetchFailed {
        /// The name of the trust entry.
        trust: &'a str,
        /// Where they were fetched from: a URL, or a cluster.
        from: &'a dyn fmt::Display,
        /// Why it failed.
        error: &'a dyn fmt::Display,
        /// Whether keys are cached from an earlier fetch, or given inline.
        is_cached: bool,
    },
    /// A set lists a key that can't be used here.
    Skipped {
        /// The name of the trust entry.
        trust: &'a str,
        /// The key.
        skipped: &'a Skipped,
    },
    /// A set lists further keys that can't be used here.
    MoreSkipped {
        /// The name of the trust entry.
        trust: &'a str,
        /// How many.
        count: usize,
    },
}

impl<'a> KeyWarning<'a> {
    /// The warnings about the skipped keys of a fetched set, if it differs from `before`: a few, and how many
    /// more there are.
    pub fn of_skipped(
        trust: &'a str,
        set: Option<&'a KeySet>,
        before: Option<&KeySet>,
    ) -> impl Iterator<Item = Self> {
        let changed = set.filter(|set| Some(*set) != before);
        let skipped = changed.map_or(&[][..], KeySet::skipped);
        let count = skipped.len().saturating_sub(MAX_NAMED);
        let named = skipped.iter().take(MAX_NAMED);
        let more = (count > 0).then_some(Self::MoreSkipped { trust, count });
        named
            .map(move |skipped| Self::Skipped { trust, skipped })
            .chain(more)
    }
}

/// The same as its Display, which repeats nothing secret.
impl fmt::Debug for KeyWarning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyWarning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FetchFailed {
                trust,
                from,
                error,
                is_cached,
            } => {
                write!(
                    f,
                    "trust {trust}: the keys could not be fetched from {from}: {error}; "
                )?;
                f.write_str(if *is_cached {
                    "the cached keys stay in use"
                } else {
                    "no keys are cached"
                })
            }
            Self::Skipped { trust, skipped } => {
                let Skipped { position, why } = skipped;
                write!(
                    f,
                    "trust {trust}: key {position} of the key set {why}; it is skipped"
                )
            }
            Self::MoreSkipped { trust, count } => {
                write!(
                    f,
                    "trust {trust}: {count} more keys of the key set are skipped"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
