use super::*;

#[test]
fn waiters_for_one_issuer_leave_room_for_the_others() {
    let limits = WaiterLimits::new(2);
    let crowd: Vec<_> = (0..MAX_WAITING_PER_TRUST)
        .map(|_| limits.acquire(&[0]).unwrap())
        .collect();
    assert!(limits.acquire(&[0]).is_none());
    assert!(limits.acquire(&[1, 0]).is_none());
    assert!(limits.has_waiters(0));
    // A failed acquire releases what it counted.
    assert!(!limits.has_waiters(1));
    assert!(limits.acquire(&[1]).is_some());
    drop(crowd);
    assert!(!limits.has_waiters(0));
    assert!(limits.acquire(&[0]).is_some());
}

#[test]
fn the_number_of_waiters_is_bounded() {
    let limits = WaiterLimits::new(8);
    let permits: Vec<_> = (0..MAX_WAITING)
        .map(|request| limits.acquire(&[request % 8]).unwrap())
        .collect();
    assert!(limits.acquire(&[0]).is_none());
    drop(permits);
    assert!(limits.acquire(&[0]).is_some());
}
