//! What the rules of a policy give, one entry at a time.

use portcullis_core::policy::Rule;

/// Who may send the requests of a public rule.
pub(crate) const EVERYBODY: &str = "everybody";

/// An entry of `allow`, or a public rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Grant {
    /// Its place in `allow`; `None` for a public rule.
    pub(crate) entry: Option<usize>,
    /// Whom it allows, as the policy has it.
    pub(crate) callers: String,
}

impl Grant {
    /// Those of a rule.
    pub(crate) fn of(rule: &Rule) -> impl Iterator<Item = Self> {
        let public = rule.is_public().then(|| Self {
            entry: None,
            callers: EVERYBODY.to_owned(),
        });
        let entries = rule.allow().iter().enumerate();
        public.into_iter().chain(entries.map(|(index, entry)| Self {
            entry: Some(index),
            callers: entry.to_string(),
        }))
    }
}
