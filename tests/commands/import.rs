//! `portcullis import oauth2-proxy`, as an operator runs it.

mod errors;
mod forward_auth;
mod snapshots;

use std::path::{Path, PathBuf};

/// The folder of the inputs and expected outputs.
fn inputs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/commands/import")
}
