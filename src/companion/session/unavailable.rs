//! A dependency that is unavailable.

/// The session store or the provider is unavailable: the response is 503, and never a success. The text is
/// for the log and contains no secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unavailable(String);

impl Unavailable {
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self(error.into())
    }
}
