//! The `strip_headers` of all apps, and the lookup of a name among them.

use std::cmp::Ordering;

use super::App;
use crate::caller::headers::canonical;

#[cfg(test)]
mod tests;

/// The names of all apps, each once. Names that are equal to an app (see [`canonical`]) are one.
#[derive(Clone, Debug, Default)]
pub(super) struct StripHeaders(Vec<String>);

impl StripHeaders {
    /// The names of these apps.
    pub(super) fn of(apps: &[App]) -> Self {
        let mut names = Self::default();
        for name in apps.iter().flat_map(App::strip_headers) {
            if let Err(at) = names.find(name.as_bytes()) {
                names.0.insert(at, name.clone());
            }
        }
        names
    }

    /// Whether an app lists this name, in any spelling.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_ok()
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.0.binary_search_by(|known| -> Ordering {
            canonical(known.as_bytes()).cmp(canonical(name))
        })
    }
}
