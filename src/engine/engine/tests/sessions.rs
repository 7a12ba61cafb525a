//! Requests that wait for a fresh session token.

use portcullis_core::session::RevocationsRecord;

use super::*;

/// A `Set-Cookie` value with a session token of this user.
fn line(number: u8, now: Timestamp) -> String {
    format!(
        "__Secure-portcullis={}; Path=/; Secure",
        session(number, now)
    )
}

/// A harness in which session tokens from the start have expired.
fn later() -> Harness {
    let mut harness = Harness::with_keys();
    harness.wait(Duration::from_secs(400));
    harness.keys(KeySourceId::Companion, "sso-key");
    harness
}

fn old(number: u8) -> Vec<(&'static str, String)> {
    cookies(&session(number, START))
}

#[test]
fn concurrent_refreshes_share_one_call_per_session() {
    let mut harness = later();
    for id in 0..50 {
        let user = if id < 40 { 1 } else { 2 };
        assert_eq!(harness.receive(id, old(user)), "wait");
    }
    assert_eq!(harness.calls.len(), 2);
    assert_eq!(harness.calls[0].owner, Some(RequestId(0)));
    assert_eq!(harness.calls[1].owner, Some(RequestId(40)));
    assert_eq!(harness.calls[0].cluster, "portcullis");
    assert_eq!(harness.waiting, 50);

    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert_eq!(harness.engine.due_by_refresh(64).len(), 40);
    for id in 0..40 {
        assert_eq!(harness.evaluate(id), "rule");
        let response = harness.engine.response_changes(RequestId(id)).unwrap();
        assert_eq!(response.set_cookies().count(), 1);
        assert!(
            harness.engine.response_changes(RequestId(id)).is_none(),
            "once"
        );
    }
    harness.handle_response(1, 401, &[]);
    let evaluated = harness.evaluate_due();
    assert!(
        evaluated
            .iter()
            .all(|(_, result)| result == "session-expired")
    );
    assert_eq!(evaluated.len(), 10);
    assert_eq!((harness.waiting, harness.calls.len()), (0, 2));
    assert_eq!(harness.refreshes["refreshed"], 1);
    assert_eq!(harness.refreshes["ended"], 1);
}

#[test]
fn a_failed_refresh_call_ends_the_wait() {
    let mut harness = later();
    assert_eq!(harness.receive(1, old(1)), "wait");
    harness.fail_call(0);
    assert_eq!(harness.engine.due_by_refresh(32), [RequestId(1)]);
    assert_eq!(harness.evaluate(1), "session-unavailable");
    assert!(harness.engine.response_changes(RequestId(1)).is_none());
    assert_eq!(harness.refreshes["unavailable"], 1);
}

#[test]
fn a_call_whose_owner_disconnects_is_repeated_on_the_tick() {
    let mut harness = later();
    assert_eq!(harness.receive(1, old(1)), "wait");
    assert_eq!(harness.receive(2, old(1)), "wait");
    assert!(harness.engine.request_ended(RequestId(1)));
    harness.tick();
    harness.tick();
    assert_eq!(harness.calls.len(), 2);
    assert_eq!(harness.calls[1].owner, None);
    // The response to the first call is ignored.
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert!(harness.evaluate_due().is_empty());
    harness.handle_response(1, 200, &[&line(1, harness.now)]);
    assert_eq!(harness.evaluate_due(), [(2, "rule".to_owned())]);
}

#[test]
fn a_call_that_outlives_its_client_is_not_repeated() {
    let mut harness = later();
    harness.calls_end_with_request = false;
    assert_eq!(harness.receive(1, old(1)), "wait");
    assert_eq!(harness.receive(2, old(1)), "wait");
    assert!(harness.engine.request_ended(RequestId(1)));
    harness.tick();
    harness.tick();
    let [call] = &harness.calls[..] else {
        panic!("{:?}", harness.calls);
    };
    assert_eq!(call.owner, None);
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert_eq!(harness.evaluate_due(), [(2, "rule".to_owned())]);
}

#[test]
fn a_refresh_is_dropped_with_its_last_client() {
    let mut harness = later();
    assert_eq!(harness.receive(1, old(1)), "wait");
    assert!(harness.engine.request_ended(RequestId(1)));
    harness.tick();
    assert_eq!(harness.calls.len(), 1);
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert!(harness.evaluate_due().is_empty());
    assert_eq!(harness.waiting, 0);
}

#[test]
fn a_late_response_is_ignored() {
    let mut harness = later();
    assert_eq!(harness.receive(1, old(1)), "wait");
    harness.wait(Duration::from_secs(19));
    harness.tick();
    assert!(harness.evaluate_due().is_empty());
    harness.wait(Duration::from_secs(1));
    harness.tick();
    assert_eq!(
        harness.evaluate_due(),
        [(1, "session-unavailable".to_owned())]
    );
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert!(harness.evaluate_due().is_empty());
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert!(
        harness.evaluate_due().is_empty(),
        "a second response is ignored too"
    );
}

#[test]
fn a_request_that_waited_for_keys_does_not_own_its_refresh_call() {
    let mut harness = Harness::new();
    harness.wait(Duration::from_secs(400));
    assert_eq!(harness.receive(1, old(1)), "wait");
    assert!(harness.calls.is_empty() && harness.engine.awaits_keys(KeySourceId::Companion));
    harness.keys(KeySourceId::Companion, "sso-key");
    assert!(
        harness.engine.due_by_refresh(32).is_empty(),
        "its refresh has no outcome yet"
    );
    assert_eq!(harness.evaluate_due(), [(1, "wait".to_owned())]);
    assert_eq!(harness.calls[0].owner, None);
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    assert_eq!(harness.evaluate_due(), [(1, "rule".to_owned())]);
}

#[test]
fn a_refreshed_session_that_was_revoked_meanwhile_is_refused() {
    use portcullis_core::session::{Id, Revoked};

    let mut harness = later();
    assert_eq!(harness.receive(1, old(1)), "wait");
    let mut list = Revocations::default();
    let sid = Id::from_bytes([1; 16]);
    let ends = harness.now.after(Duration::from_secs(3600));
    list.revoke(Revoked::Session(sid), harness.now, ends, harness.now);
    let update = Update::Revocations(Arc::new(list), RevocationsRecord::default());
    harness.engine.update(update);
    harness.handle_response(0, 200, &[&line(1, harness.now)]);
    let [(1, result)] = &harness.evaluate_due()[..] else {
        panic!("not evaluated");
    };
    assert_ne!(result, "rule");
}
