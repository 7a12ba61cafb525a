//! Redis, or Valkey: where several replicas share what they know of sessions.
//!
//! Whatever goes wrong with it, the answer is "nobody can tell just now" and never "yes". What is
//! kept there of a session is sealed, so that whoever reads it learns nothing, and whoever writes to
//! it can make nobody up.

mod ended;
mod link;
mod names;
mod records;
mod sign_ins;
#[cfg(test)]
mod tests;

pub(crate) use link::{Kind, RedisSettings};
pub(super) use records::Ticket;

use ended::Cache;
use link::Link;
use names::Names;

use std::time::Duration;

/// What one companion, all replicas of it, keeps in Redis.
#[derive(Debug)]
pub(super) struct Redis {
    link: Link,
    names: Names,
    /// What records are bound to besides their key: the policy's `sso.url`.
    url: String,
    ended: Cache,
}

impl Redis {
    /// That of the companion at this `sso.url`. Nobody is asked yet.
    pub(super) fn new(settings: RedisSettings, url: &str) -> Self {
        Self {
            link: Link::new(settings),
            names: Names::new(url),
            url: url.to_owned(),
            ended: Cache::default(),
        }
    }
}

/// A script on one key. It runs whole or not at all, and nothing comes between.
fn script(code: &str, key: &str) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(code).arg(1).arg(key);
    command
}

/// A time to live. Redis takes none that is over for an error.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}
