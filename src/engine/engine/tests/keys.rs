//! Requests that wait for keys.

use super::*;

#[test]
fn a_request_with_a_known_key_waits_for_nothing() {
    let mut world = World::with_keys();
    for id in 0..3 {
        assert_eq!(world.arrives(id, bearer(&karma("blue-key"))), "rule");
    }
    assert!(world.calls.is_empty() && world.settle().is_empty());
    assert_eq!(world.waiting, 0);
}

#[test]
fn an_unknown_key_while_two_wait_lets_both_be_judged_once() {
    let mut world = World::with_keys();
    world.wait(Duration::from_secs(60));
    assert_eq!(world.arrives(1, bearer(&karma("new-key"))), "wait");
    assert_eq!(world.arrives(2, bearer(&karma("other-key"))), "wait");
    assert!(world.engine.wants_keys(blue()));
    assert!(!world.engine.wants_keys(KeySourceId::Companion));
    assert_eq!(world.waiting, 2);
    assert!(world.settle().is_empty(), "nothing has been read");
    // Others are evaluated meanwhile.
    assert_eq!(world.arrives(3, bearer(&karma("blue-key"))), "rule");

    world.wait(Duration::from_secs(1));
    world.keys(blue(), "new-key");
    let evaluated = [(1, "rule"), (2, "key-unknown")].map(|(id, said)| (id, said.to_owned()));
    assert_eq!(world.settle(), evaluated);
    assert!(world.settle().is_empty());
    assert_eq!(world.waiting, 0);
    assert!(!world.engine.wants_keys(blue()));
}

#[test]
fn keys_of_another_source_judge_again_and_leave_waiting_who_still_has_to() {
    let mut world = World::with_keys();
    world.wait(Duration::from_secs(60));
    assert_eq!(world.arrives(1, bearer(&karma("new-key"))), "wait");
    world.keys(KeySourceId::Companion, "sso-key");
    assert_eq!(world.settle(), [(1, "wait".to_owned())]);
    assert!(world.settle().is_empty());
    assert!(world.engine.is_waiting(RequestId(1)));
}

#[test]
fn a_wait_times_out() {
    let mut world = World::new();
    assert_eq!(world.arrives(1, bearer(&karma("blue-key"))), "wait");
    world.wait(Duration::from_millis(4_999));
    assert!(world.settle().is_empty());
    world.wait(Duration::from_millis(1));
    assert_eq!(world.settle(), [(1, "keys-unavailable".to_owned())]);
}

#[test]
fn a_client_that_leaves_is_not_judged_again() {
    let mut world = World::new();
    for id in 1..=3 {
        assert_eq!(world.arrives(id, bearer(&karma("blue-key"))), "wait");
    }
    assert!(world.engine.gone(RequestId(2)));
    assert!(!world.engine.gone(RequestId(2)) && !world.engine.gone(RequestId(9)));
    world.keys(blue(), "blue-key");
    // One more leaves after it was named.
    assert_eq!(
        world.engine.due(32, world.now),
        [RequestId(1), RequestId(3)]
    );
    assert!(world.engine.gone(RequestId(3)));
    assert!(
        world.engine.is_waiting(RequestId(1)),
        "it is not evaluated yet"
    );
    assert_eq!(world.evaluate(1), "rule");
    assert!(!world.engine.is_waiting(RequestId(1)));
    assert_eq!(world.waiting, 0);
}

#[test]
fn those_that_are_due_come_in_batches_and_in_order() {
    let mut world = World::new();
    for id in 0..70 {
        assert_eq!(world.arrives(id, bearer(&karma("blue-key"))), "wait");
    }
    world.keys(blue(), "blue-key");
    let batches = [
        world.settle(),
        world.settle(),
        world.settle(),
        world.settle(),
    ];
    assert_eq!(batches.each_ref().map(Vec::len), [32, 32, 6, 0]);
    let evaluated = batches.into_iter().flatten();
    assert!(evaluated.eq((0..70).map(|id| (id, "rule".to_owned()))));
}

#[test]
fn the_room_is_bounded() {
    let mut world = World::new();
    for id in 0..256 {
        assert_eq!(world.arrives(id, bearer(&karma("blue-key"))), "wait");
    }
    let said = world.arrives(256, bearer(&karma("blue-key")));
    assert_eq!(said, "keys-unavailable");
    assert_eq!(world.waiting, 256);
}
