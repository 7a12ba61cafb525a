//! What happens to the header fields of a request that is forwarded.

use std::convert::Infallible;

use portcullis_core::outcome::Outcome;

/// The changes of the header fields of a request that is forwarded; none where it is not.
#[derive(Debug, Default)]
pub(super) struct HeaderChanges {
    /// Names and values, also of credentials: see [`Self::shown`].
    pub(super) set: Vec<(String, String)>,
    /// Names.
    pub(super) removed: Vec<String>,
}

impl HeaderChanges {
    /// The changes that follow from an outcome.
    pub(super) fn of(outcome: &Outcome<'_>) -> Self {
        let mut changes = Self::default();
        let Outcome::Forward(verdict) = outcome else {
            return changes;
        };
        let result: Result<(), Infallible> = verdict.change_headers(|name, value| {
            changes.add(name, value);
            Ok(())
        });
        let Ok(()) = result;
        changes
    }

    /// The names and values that are set, without credentials.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(name, value)| {
            // The app's own cookies are not for the reader.
            let value = match &**name {
                "cookie" => "(without the session cookies)",
                _ => value,
            };
            (&**name, value)
        })
    }

    fn add(&mut self, name: &[u8], value: Option<&[u8]>) {
        let name = String::from_utf8_lossy(name).into_owned();
        match value {
            Some(value) => {
                // An identity header that the client sent is replaced.
                self.set
                    .push((name, String::from_utf8_lossy(value).into_owned()));
            }
            None if !self.removed.contains(&name) => self.removed.push(name),
            None => {}
        }
    }
}
