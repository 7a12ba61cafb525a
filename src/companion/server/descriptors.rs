//! File descriptors. A connection takes one, and so do files and connections to providers and to Redis, which must not
//! fail because clients have taken all.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(test)]
mod tests;

/// How many are kept for everything but connections of clients, or half of all where there are few.
const RESERVED: u64 = 256;

/// Raises the limit of this process as far as that is necessary and allowed, and returns how many connections it may
/// accept: at most `wanted`.
pub(crate) fn connections(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted).map_or(u64::MAX, |wanted| wanted.saturating_add(RESERVED));
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
    limit
        .current
        .map_or(wanted, |current| fitting(wanted, current))
}

/// How many connections leave enough of these descriptors.
fn fitting(wanted: usize, descriptors: u64) -> usize {
    let left = descriptors - RESERVED.min(descriptors / 2);
    usize::try_from(left).map_or(wanted, |left| wanted.min(left.max(1)))
}
