//! Time that a thread has used. Elapsed time would depend on the other programs of the machine.

use std::fs;
use std::time::Duration;

/// The CPU time of this thread; zero where the system does not report it.
#[must_use]
pub fn of_thread() -> Duration {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics
        .split(' ')
        .next()
        .and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}
