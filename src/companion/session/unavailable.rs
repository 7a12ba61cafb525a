//! What cannot be told just now.

/// Something that has to be asked does not answer, so that nobody can tell: 503, and never "yes".
/// Its text is for the log and names no secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unavailable(String);

impl Unavailable {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
