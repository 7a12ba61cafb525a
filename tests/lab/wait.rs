//! Waiting for a condition, never for a fixed time.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// The interval between two probes.
const PAUSE: Duration = Duration::from_millis(20);

/// Long enough for any program of the lab to start on a loaded machine.
pub const LONG: Duration = Duration::from_secs(60);

/// Polls until `probe` returns something, and returns it.
///
/// # Panics
/// If `limit` has passed; the message contains `what`.
pub async fn until<T>(what: &str, limit: Duration, probe: impl AsyncFnMut() -> Option<T>) -> T {
    match within(limit, probe).await {
        Some(found) => found,
        None => panic!("timed out after {limit:?}: {what}"),
    }
}

/// Polls until `probe` returns something or `limit` has passed. It probes at least once.
pub async fn within<T>(limit: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return Some(found);
        }
        if start.elapsed() > limit {
            return None;
        }
        sleep(PAUSE).await;
    }
}

/// Polls until `probe` is true.
///
/// # Panics
/// If `limit` has passed; the message contains `what`.
pub async fn until_true(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> bool) {
    until(what, limit, async || probe().await.then_some(())).await;
}
