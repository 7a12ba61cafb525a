//! Revocations: the sessions that ended before they expired.

mod file;
mod revocation;
mod state;

pub(crate) use file::StateFileError;
pub(super) use file::{StateFile, UNWRITABLE_HELP as UNWRITABLE_STATE_HELP, lock};
pub(super) use revocation::{ProviderSessionEnd, Revocation, RevocationBatch};
pub(super) use state::RevocationState;
