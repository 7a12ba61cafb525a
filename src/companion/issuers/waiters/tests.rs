use portcullis_core::trust::TrustId;

use super::*;

fn at(index: usize) -> KeySourceId {
    TrustId::at(index).into()
}

fn limits(trusts: usize) -> WaiterLimits {
    let sources: PerKeySource<()> = (0..trusts).map(|index| (at(index), ())).collect();
    WaiterLimits::new(&sources)
}

#[test]
fn waiters_for_one_issuer_leave_room_for_the_others() {
    let limits = limits(2);
    let permits: Vec<_> = (0..MAX_WAITING_PER_TRUST)
        .map(|_| limits.acquire(&[at(0)]).unwrap())
        .collect();
    assert!(limits.acquire(&[at(0)]).is_none());
    assert!(limits.acquire(&[at(1), at(0)]).is_none());
    assert!(limits.has_waiters(at(0)));
    // A failed acquire releases what it counted.
    assert!(!limits.has_waiters(at(1)));
    assert!(limits.acquire(&[at(1)]).is_some());
    drop(permits);
    assert!(!limits.has_waiters(at(0)));
    assert!(limits.acquire(&[at(0)]).is_some());
}

#[test]
fn the_number_of_waiters_is_bounded() {
    let limits = limits(8);
    let permits: Vec<_> = (0..MAX_WAITING)
        .map(|request| limits.acquire(&[at(request % 8)]).unwrap())
        .collect();
    assert!(limits.acquire(&[at(0)]).is_none());
    drop(permits);
    assert!(limits.acquire(&[at(0)]).is_some());
}
