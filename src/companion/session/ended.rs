//! Ended sessions: what of them is known, and where it is kept.

mod file;
mod state;

pub(super) use file::StateFile;
pub(crate) use file::StateFileError;
pub(super) use state::{Ending, Over, State};
