//! `portcullis session-keys`: creates or rotates the session keys.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use portcullis_core::escape;

use crate::clock::now;
use crate::session::keys::{KeyFileChange, KeyFileError, make_or_rotate};

const EXAMPLE: &str = "\
Examples:
  portcullis session-keys --out session-keys     creates the file
  portcullis session-keys --out session-keys     again: adds a new key before the others
  kubectl create secret generic portcullis-session-keys --from-file=session-keys

The companion reloads the file when it changes. A new key is published at once. It signs and seals
ten minutes after it was created, when every replica and every filter has it. Nobody is signed out. The
file has at most eight keys; the oldest are removed. Until the newest key is in use, no key is added.

If the file may have leaked, delete it and create a new one. This signs everybody out, and is the only way to
invalidate the leaked keys.

Exit codes:
  0  the file is written, readable by its owner only, or its newest key is not in use yet
  1  the command line is invalid, or the file is not written, and an existing one is unchanged; standard
     error has the location and how to fix it";

/// Creates the keys that sign and seal sessions, or adds a new key to rotate them
///
/// The file is for `session.keys_file` of `portcullis serve`, the same in all replicas. Anyone who can
/// read it can sign in as any user.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The key file, created or rotated in place; a file that is not a key file is not changed
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the file. Returns the output: one line.
pub(crate) fn run(arguments: &Arguments) -> Result<String, KeyFileError> {
    let now = now();
    let written = make_or_rotate(&arguments.out, now)?;
    let file = arguments.out.display().to_string();
    let file = escape::line(&file);
    Ok(match written {
        KeyFileChange::Pending { use_after } => format!(
            "{file}: unchanged; its newest key will be in use in {} minutes; until then, no key is added",
            minutes(use_after.since(now)),
        ),
        KeyFileChange::Created => format!("{file}: created; its key is in use at once"),
        KeyFileChange::Rotated { keys, use_after } => format!(
            "{file}: rotated; a new key was added before {} and will be in use in {} minutes",
            match keys - 1 {
                1 => "1 other".to_owned(),
                others => format!("{others} others"),
            },
            minutes(use_after.since(now)),
        ),
    })
}

/// Rounded up.
const fn minutes(span: Duration) -> u64 {
    span.as_secs().div_ceil(60)
}
