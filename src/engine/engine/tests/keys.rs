//! Requests that wait for keys.

use super::*;

#[test]
fn a_request_with_a_known_key_does_not_wait() {
    let mut harness = Harness::with_keys();
    for id in 0..3 {
        assert_eq!(harness.receive(id, bearer(&karma("blue-key"))), "rule");
    }
    assert!(harness.calls.is_empty() && harness.evaluate_due().is_empty());
    assert_eq!(harness.waiting, 0);
}

#[test]
fn two_requests_with_unknown_keys_are_evaluated_once_after_a_fetch() {
    let mut harness = Harness::with_keys();
    harness.wait(Duration::from_secs(60));
    assert_eq!(harness.receive(1, bearer(&karma("new-key"))), "wait");
    assert_eq!(harness.receive(2, bearer(&karma("other-key"))), "wait");
    assert!(harness.engine.awaits_keys(blue()));
    assert!(!harness.engine.awaits_keys(KeySourceId::Companion));
    assert_eq!(harness.waiting, 2);
    assert!(harness.evaluate_due().is_empty(), "no keys were fetched");
    // Other requests do not wait.
    assert_eq!(harness.receive(3, bearer(&karma("blue-key"))), "rule");

    harness.wait(Duration::from_secs(1));
    harness.keys(blue(), "new-key");
    let evaluated = [(1, "rule"), (2, "key-unknown")].map(|(id, result)| (id, result.to_owned()));
    assert_eq!(harness.evaluate_due(), evaluated);
    assert!(harness.evaluate_due().is_empty());
    assert_eq!(harness.waiting, 0);
    assert!(!harness.engine.awaits_keys(blue()));
}

#[test]
fn keys_of_another_source_leave_a_request_waiting() {
    let mut harness = Harness::with_keys();
    harness.wait(Duration::from_secs(60));
    assert_eq!(harness.receive(1, bearer(&karma("new-key"))), "wait");
    harness.keys(KeySourceId::Companion, "sso-key");
    assert_eq!(harness.evaluate_due(), [(1, "wait".to_owned())]);
    assert!(harness.evaluate_due().is_empty());
    assert!(harness.engine.is_waiting(RequestId(1)));
}

#[test]
fn a_wait_times_out() {
    let mut harness = Harness::new();
    assert_eq!(harness.receive(1, bearer(&karma("blue-key"))), "wait");
    harness.wait(Duration::from_millis(4_999));
    assert!(harness.evaluate_due().is_empty());
    harness.wait(Duration::from_millis(1));
    assert_eq!(harness.evaluate_due(), [(1, "keys-unavailable".to_owned())]);
}

#[test]
fn a_disconnected_client_is_not_evaluated_again() {
    let mut harness = Harness::new();
    for id in 1..=3 {
        assert_eq!(harness.receive(id, bearer(&karma("blue-key"))), "wait");
    }
    assert!(harness.engine.request_ended(RequestId(2)));
    assert!(
        !harness.engine.request_ended(RequestId(2)) && !harness.engine.request_ended(RequestId(9))
    );
    harness.keys(blue(), "blue-key");
    // Another client disconnects after its request was due.
    assert_eq!(
        harness.engine.due(32, harness.now),
        [RequestId(1), RequestId(3)]
    );
    assert!(harness.engine.request_ended(RequestId(3)));
    assert!(
        harness.engine.is_waiting(RequestId(1)),
        "it is not evaluated yet"
    );
    assert_eq!(harness.evaluate(1), "rule");
    assert!(!harness.engine.is_waiting(RequestId(1)));
    assert_eq!(harness.waiting, 0);
}

#[test]
fn due_requests_are_returned_in_batches_and_in_order() {
    let mut harness = Harness::new();
    for id in 0..70 {
        assert_eq!(harness.receive(id, bearer(&karma("blue-key"))), "wait");
    }
    harness.keys(blue(), "blue-key");
    let batches = [
        harness.evaluate_due(),
        harness.evaluate_due(),
        harness.evaluate_due(),
        harness.evaluate_due(),
    ];
    assert_eq!(batches.each_ref().map(Vec::len), [32, 32, 6, 0]);
    let evaluated = batches.into_iter().flatten();
    assert!(evaluated.eq((0..70).map(|id| (id, "rule".to_owned()))));
}

#[test]
fn waiting_requests_are_limited_per_source() {
    let mut harness = Harness::new();
    for id in 0..256 {
        assert_eq!(harness.receive(id, bearer(&karma("blue-key"))), "wait");
    }
    let result = harness.receive(256, bearer(&karma("blue-key")));
    assert_eq!(result, "keys-unavailable");
    assert_eq!(harness.waiting, 256);
}
