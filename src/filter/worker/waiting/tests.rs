use portcullis_core::trust::TrustId;

use super::*;

fn at(index: usize) -> KeySourceId {
    TrustId::at(index).into()
}

fn waiting(id: u32, arrived: u64) -> Waiting {
    Waiting {
        id,
        arrived: Timestamp::from_secs(arrived),
        sources: vec![at(0)],
        news: Some(0),
        renewal: None,
    }
}

#[test]
fn patience_ends_by_time_and_by_a_clock_that_steps_back() {
    let patience = Duration::from_secs(5);
    let over = |millis| {
        let now = Timestamp::from_millis(millis);
        Waiting::over(Timestamp::from_secs(100), now, patience)
    };
    assert!(!over(100_000));
    assert!(!over(104_999));
    assert!(over(105_000));
    assert!(over(99_999));
}

#[test]
fn a_request_that_leaves_or_is_due_is_taken_once() {
    let mut room = WaitingRoom::default();
    for id in 1..=3 {
        room.enter(waiting(id, u64::from(id)));
    }
    assert!(room.leave(2));
    assert!(!room.leave(2));
    let due: Vec<u32> = room
        .take(10, |one| one.id == 3)
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(due, [3]);
    assert_eq!(room.len(), 1);
}

#[test]
fn those_that_are_due_leave_in_portions_and_in_order() {
    let mut room = WaitingRoom::default();
    for id in 1..=5 {
        room.enter(waiting(id, 0));
    }
    let mut take = || -> Vec<u32> {
        let taken = room.take(2, |one| one.id != 2);
        taken.into_iter().map(|one| one.id).collect()
    };
    assert_eq!([take(), take(), take()], [vec![1, 3], vec![4, 5], vec![]]);
    assert_eq!(room.len(), 1);
}

#[test]
fn the_room_is_bounded_for_each_trust_entry_and_as_a_whole() {
    let mut room = WaitingRoom::default();
    for trust in 0..4 {
        for id in 0..256 {
            assert!(room.has_room_for(&[at(trust)]));
            room.enter(Waiting {
                sources: vec![at(trust)],
                ..waiting(id, 0)
            });
        }
        assert!(!room.has_room_for(&[at(trust)]) && !room.has_room_for(&[at(4), at(trust)]));
        assert_eq!(room.has_room_for(&[at(4)]), trust < 3);
    }
}
