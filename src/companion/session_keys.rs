//! `portcullis session-keys`: makes the keys of sessions, or puts a fresh one in front of them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use portcullis_core::timestamp::Timestamp;

use crate::session::keys::{KeyFileChange, KeyFileError, make_or_rotate};

const EXAMPLE: &str = "\
Examples:
  portcullis session-keys --out session-keys     makes the file where there is none
  portcullis session-keys --out session-keys     again: a fresh key in front of those that are there
  kubectl create secret generic portcullis-session-keys --from-file=session-keys

The companion reads the file again when it changes. A fresh key is published at once, and signs and
seals ten minutes after it was made: by then every replica and every filter knows it. Nobody is
signed out. The file holds eight keys at most, and the oldest go. While the newest is not used yet,
nothing is done.

If the file may have been seen by others, move it away and make another: that signs everybody out,
and is the only thing that makes what was seen worthless.

Exit codes:
  0  the file is written, readable by its owner alone, or its newest key is not used yet
  1  it is not, and what was there is untouched; standard error names the place and how to fix it
  2  the command line is wrong";

/// Makes the keys that sign and seal sessions or, where there are some, puts a fresh one in front
///
/// The file is for `session.keys_file` of `portcullis serve`, the same in all replicas. Whoever has
/// it can sign in as anybody.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The key file, made or rotated in place; a file that is no key file is left alone
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the file. What comes back belongs on standard output: one line that says what was done.
pub(crate) fn run(arguments: &Arguments) -> Result<String, KeyFileError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let written = make_or_rotate(&arguments.out, now)?;
    let file = arguments.out.display();
    Ok(match written {
        KeyFileChange::Pending { use_after } => format!(
            "{file}: left as it is; its newest key is used in {} minutes, and no other is made before",
            minutes(use_after.since(now)),
        ),
        KeyFileChange::Created => format!("{file}: made; its key is used at once"),
        KeyFileChange::Rotated { keys, use_after } => format!(
            "{file}: rotated; a fresh key stands before {} and is used in {} minutes",
            match keys - 1 {
                1 => "1 other".to_owned(),
                others => format!("{others} others"),
            },
            minutes(use_after.since(now)),
        ),
    })
}

/// As many as it takes, the last one begun.
const fn minutes(span: Duration) -> u64 {
    span.as_secs().div_ceil(60)
}
