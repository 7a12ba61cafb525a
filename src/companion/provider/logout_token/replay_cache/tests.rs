use std::time::Duration;

use super::*;

#[test]
fn b04_the_replay_cache_is_bounded_and_drops_what_expires_first() {
    let now = Timestamp::from_secs(1000);
    let until = |n: usize| now.after(Duration::from_secs(10 + n as u64));
    let mut replay_cache = ReplayCache::default();
    for n in 0..=MAX {
        replay_cache.insert(&n.to_string(), until(n), now);
    }
    assert_eq!(replay_cache.0.len(), MAX);
    assert!(!replay_cache.contains("0", now));
    assert!(replay_cache.contains("1", now));
    assert!(replay_cache.contains(&MAX.to_string(), now));

    // Expired entries make room.
    let later = until(MAX).after(Duration::from_secs(1));
    assert!(!replay_cache.contains("1", later));
    replay_cache.insert("new", later.after(Duration::from_secs(1)), later);
    assert_eq!(replay_cache.0.len(), 1);
}
