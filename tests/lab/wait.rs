//! Waiting for what must become true, never for time to pass.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Long enough for a loaded machine to start any part of the lab.
pub const LONG: Duration = Duration::from_secs(60);

/// Looks until `probe` gives something, and returns it.
///
/// # Panics
/// When `limit` has passed, naming `what` was waited for.
pub async fn until<T>(what: &str, limit: Duration, probe: impl AsyncFnMut() -> Option<T>) -> T {
    match within(limit, probe).await {
        Some(found) => found,
        None => panic!("{what}: not within {limit:?}"),
    }
}

/// Looks until `probe` gives something or `limit` has passed. It looks once at least.
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

/// Looks until `probe` is true.
///
/// # Panics
/// When `limit` has passed, naming `what` was waited for.
pub async fn until_true(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> bool) {
    until(what, limit, async || probe().await.then_some(())).await;
}
