//! File descriptors. A connection takes one, and so do files and connections to providers and to Redis, which must not
//! fail because clients have taken all.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(test)]
mod tests;

/// How many are kept for everything but connections of clients, or half of all where there are few.
const RESERVED: u64 = 256;

/// How many connections the metrics listener accepts. Its clients are few: scrapers and health checks.
const METRICS_CONNECTIONS: u64 = 64;

/// How many connections each listener may accept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ConnectionLimits {
    /// The main listener.
    pub(crate) main: usize,
    /// The metrics listener, which has a limit of its own: its clients take none of the main listener's connections.
    pub(crate) metrics: usize,
}

/// Raises the limit of this process as far as that is necessary and allowed, and returns how many connections it may
/// accept: at most `wanted` at the main listener.
pub(crate) fn connections(wanted: usize) -> ConnectionLimits {
    let mut limit = getrlimit(Resource::Nofile);
    let others = RESERVED + METRICS_CONNECTIONS;
    let needed = u64::try_from(wanted).map_or(u64::MAX, |wanted| wanted.saturating_add(others));
    let possible = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    if limit.current.is_some_and(|current| current < possible) {
        let raised = Rlimit {
            current: Some(possible),
            ..limit
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    fitting(wanted, limit.current.unwrap_or(u64::MAX))
}

/// How many connections leave enough of these descriptors.
fn fitting(wanted: usize, descriptors: u64) -> ConnectionLimits {
    let left = descriptors - RESERVED.min(descriptors / 2);
    let metrics = METRICS_CONNECTIONS.min(left / 4);
    let count = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).max(1);
    ConnectionLimits {
        main: wanted.min(count(left - metrics)),
        metrics: count(metrics),
    }
}
