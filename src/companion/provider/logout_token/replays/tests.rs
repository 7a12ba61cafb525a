use std::time::Duration;

use super::*;

#[test]
fn b04_what_is_remembered_is_bounded_and_the_first_to_end_goes_first() {
    let now = Timestamp::from_secs(1000);
    let until = |n: usize| now.after(Duration::from_secs(10 + n as u64));
    let mut replays = Replays::default();
    for n in 0..=MAX {
        replays.remember(&n.to_string(), until(n), now);
    }
    assert_eq!(replays.0.len(), MAX);
    assert!(!replays.has("0", now));
    assert!(replays.has("1", now));
    assert!(replays.has(&MAX.to_string(), now));

    // What is over makes room for all.
    let later = until(MAX).after(Duration::from_secs(1));
    assert!(!replays.has("1", later));
    replays.remember("new", later.after(Duration::from_secs(1)), later);
    assert_eq!(replays.0.len(), 1);
}
