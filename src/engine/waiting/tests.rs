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
fn a_wait_times_out_and_ends_if_the_clock_steps_back() {
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
        .iter()
        .map(|one| one.id.0)
        .collect();
    assert_eq!(due, [3]);
    assert_eq!(waiting_requests.len(), 1);
}

#[test]
fn due_requests_are_taken_in_batches_and_in_order() {
    let mut waiting_requests = WaitingRequests::default();
    for id in 1..=5 {
        waiting_requests.add(waiting(id, 0));
    }
    let mut take = || -> Vec<u64> {
        let taken = waiting_requests.take(2, |one| one.id != RequestId(2));
        taken.iter().map(|one| one.id.0).collect()
    };
    assert_eq!([take(), take(), take()], [vec![1, 3], vec![4, 5], vec![]]);
    assert_eq!(waiting_requests.len(), 1);
}

#[test]
fn waiting_requests_are_limited_per_source_and_in_total() {
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
        assert!(waiting_requests.has_room_for(&[at(4)]));
    }
    // The limit is reached, and a few may still wait for another source.
    for id in 0..16 {
        assert!(waiting_requests.has_room_for(&[at(4)]));
        waiting_requests.add(WaitingRequest {
            sources: vec![at(4)],
            ..waiting(id, 0)
        });
    }
    assert!(!waiting_requests.has_room_for(&[at(4)]));
    assert!(waiting_requests.has_room_for(&[at(5)]));
}

#[test]
fn awaited_sources_are_those_of_the_waiting_requests() {
    let mut waiting_requests = WaitingRequests::default();
    for (id, sources) in [(1, vec![0]), (2, vec![0, 1]), (3, vec![1, 2])] {
        waiting_requests.add(WaitingRequest {
            sources: sources.into_iter().map(at).collect(),
            ..waiting(id, 0)
        });
    }
    let awaits = |requests: &WaitingRequests| [0, 1, 2].map(|index| requests.awaits(at(index)));
    assert_eq!(awaits(&waiting_requests), [true, true, true]);
    assert!(waiting_requests.remove(RequestId(3)));
    assert_eq!(awaits(&waiting_requests), [true, true, false]);
    assert_eq!(waiting_requests.take(1, |_| true).len(), 1);
    assert_eq!(awaits(&waiting_requests), [true, true, false]);
    assert_eq!(waiting_requests.take(1, |_| true).len(), 1);
    assert_eq!(awaits(&waiting_requests), [false, false, false]);
}

/// Many trust entries can share an issuer, and then a request waits for the keys of all of them. The
/// bound is far from both: counting takes a second, and comparing all sources with all takes minutes.
#[test]
#[allow(clippy::disallowed_methods, reason = "the test measures time")]
fn requests_for_thousands_of_sources_are_counted_in_linear_time() {
    let began = std::time::Instant::now();
    let mut waiting_requests = WaitingRequests::default();
    let sources: Vec<KeySourceId> = (0..4000).map(at).collect();
    for id in 0..300 {
        if waiting_requests.has_room_for(&sources) {
            waiting_requests.add(WaitingRequest {
                sources: sources.clone(),
                ..waiting(id, 0)
            });
        }
    }
    assert_eq!(waiting_requests.len(), 256);
    let taken = began.elapsed();
    assert!(taken < Duration::from_secs(20), "{taken:?}");
}
