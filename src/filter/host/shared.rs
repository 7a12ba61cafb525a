//! Shared data: what all workers of one `vm_id` see.
//!
//! Every plugin with the same `vm_id` can write here, so what is read is judged like an answer from
//! the network. Nothing can be deleted, and nothing outlives the process.

use super::abi;
use super::error::Error;

/// A value and the version at which it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The bytes as they were written.
    pub value: Vec<u8>,
    /// The version, for [`set_shared_data`]; never 0 in Envoy.
    pub cas: u32,
}

/// What is kept under `key`; `None` if nobody has written it yet.
///
/// # Errors
/// What the host said, except for [`Error::NotFound`].
pub fn shared_data(key: &str) -> Result<Option<Shared>, Error> {
    match abi::shared_data(key.as_bytes()) {
        Ok((value, cas)) => Ok(Some(Shared { value, cas })),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes `value` under `key`: with a version only if that is still the latest, without one in any
/// case.
///
/// Envoy ignores the version of a key that does not exist yet, so two workers can both create one.
/// Who needs a single winner writes a seed without a version first and competes for the next.
///
/// # Errors
/// [`Error::CasMismatch`] if somebody wrote since, else what the host said.
pub fn set_shared_data(key: &str, value: &[u8], cas: Option<u32>) -> Result<(), Error> {
    const UNCONDITIONAL: u32 = 0;
    abi::set_shared_data(key.as_bytes(), value, cas.unwrap_or(UNCONDITIONAL))
}
