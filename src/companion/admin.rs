//! The administrative socket: how a command reaches the companion that has opened the session store.
//!
//! It is a unix socket beside the state file or the database, which only the companion's own user can use: its mode is
//! 0600, and peers of other users are refused. It is no network endpoint. A request and its response are one line of
//! JSON each.

mod client;
mod server;

#[cfg(test)]
mod tests;

pub(crate) use client::call;
pub(crate) use server::{AdminServer, log};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::session::RevocationTarget;

/// The longest line, in bytes. A subject has at most 255 characters (OpenID Connect Core section 2).
const MAX_LINE: u64 = 16 * 1024;

/// How long either side waits for the other.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a command asks for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// To revoke sessions.
    Revoke(RevocationTarget),
}

/// What the companion has done.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Response {
    /// Nothing, because of this.
    Failed {
        /// The problem.
        problem: String,
    },
    /// Sessions are revoked.
    Revoked {
        /// The end of the revocation, in seconds since the epoch.
        ends: u64,
    },
}
