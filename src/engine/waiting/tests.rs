use portcullis_core::trust::TrustId;

use super::*;

fn at(index: usize) -> KeySourceId {
    TrustId::at(index).into()
}

fn waiting(id: u64, arrived: u64) -> WaitingRequest {
    WaitingRequest {
        id: RequestId(id),
        arrived: Timestamp::from_secs(arrived),
        sources: vec![at(0)],
        keys_version: Some(0),
        refreshed: None,
    }
}

#[test]
fn a_wait_ends_by_time_and_by_a_clock_that_steps_back() {
    let timeout = Duration::from_secs(5);
    let over = |millis| {
        let now = Timestamp::from_millis(millis);
        is_timed_out(Timestamp::from_secs(100), now, timeout)
    };
    assert!(!over(100_000));
    assert!(!over(104_999));
    assert!(over(105_000));
    assert!(over(99_999));
}

#[test]
fn a_request_that_is_removed_or_due_is_taken_once() {
    let mut waiting_requests = WaitingRequests::default();
    for id in 1..=3 {
        waiting_requests.add(waiting(id, id));
    }
    assert!(waiting_requests.remove(RequestId(2)));
    assert!(!waiting_requests.remove(RequestId(2)));
    let due: Vec<u64> = waiting_requests
        .take(10, |one| one.id == RequestId(3))
        .map(|one| one.id.0)
        .collect();
    assert_eq!(due, [3]);
    assert_eq!(waiting_requests.len(), 1);
}

#[test]
fn those_that_are_due_are_taken_in_batches_and_in_order() {
    let mut waiting_requests = WaitingRequests::default();
    for id in 1..=5 {
        waiting_requests.add(waiting(id, 0));
    }
    let mut take = || -> Vec<u64> {
        let taken = waiting_requests.take(2, |one| one.id != RequestId(2));
        taken.map(|one| one.id.0).collect()
    };
    assert_eq!([take(), take(), take()], [vec![1, 3], vec![4, 5], vec![]]);
    assert_eq!(waiting_requests.len(), 1);
}

#[test]
fn the_room_is_bounded_for_each_trust_entry_and_as_a_whole() {
    let mut waiting_requests = WaitingRequests::default();
    for trust in 0..4 {
        for id in 0..256 {
            assert!(waiting_requests.has_room_for(&[at(trust)]));
            waiting_requests.add(WaitingRequest {
                sources: vec![at(trust)],
                ..waiting(id, 0)
            });
        }
        assert!(
            !waiting_requests.has_room_for(&[at(trust)])
                && !waiting_requests.has_room_for(&[at(4), at(trust)])
        );
        assert_eq!(waiting_requests.has_room_for(&[at(4)]), trust < 3);
    }
}
