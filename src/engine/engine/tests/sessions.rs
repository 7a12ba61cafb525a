//! Requests that wait for a fresh session token.

use super::*;

/// A `Set-Cookie` line with the token of this person.
fn line(number: u8, now: Timestamp) -> String {
    format!(
        "__Secure-portcullis={}; Path=/; Secure",
        session(number, now)
    )
}

/// A world in which session tokens of the start have expired.
fn later() -> World {
    let mut world = World::with_keys();
    world.wait(Duration::from_secs(400));
    world.keys(KeySourceId::Companion, "sso-key");
    world
}

fn old(number: u8) -> Vec<(&'static str, String)> {
    cookies(&session(number, START))
}

#[test]
fn a_storm_of_refreshes_is_one_call_for_each_session() {
    let mut world = later();
    for id in 0..50 {
        let person = if id < 40 { 1 } else { 2 };
        assert_eq!(world.arrives(id, old(person)), "wait");
    }
    assert_eq!(world.calls.len(), 2);
    assert_eq!(world.calls[0].owner, Some(RequestId(0)));
    assert_eq!(world.calls[1].owner, Some(RequestId(40)));
    assert_eq!(world.calls[0].cluster, "portcullis");
    assert_eq!(world.waiting, 50);

    world.reply(0, 200, &[&line(1, world.now)]);
    assert_eq!(world.engine.due_by_refresh(64).len(), 40);
    for id in 0..40 {
        assert_eq!(world.evaluate(id), "rule");
        let reply = world.engine.response(RequestId(id)).unwrap();
        assert_eq!(reply.set_cookies().count(), 1);
        assert!(world.engine.response(RequestId(id)).is_none(), "once");
    }
    world.reply(1, 401, &[]);
    let evaluated = world.settle();
    assert!(evaluated.iter().all(|(_, said)| said == "session-expired"));
    assert_eq!(evaluated.len(), 10);
    assert_eq!((world.waiting, world.calls.len()), (0, 2));
    assert_eq!(world.refreshes["refreshed"], 1);
    assert_eq!(world.refreshes["ended"], 1);
}

#[test]
fn a_call_that_fails_or_can_not_be_made_answers_those_who_wait() {
    let mut world = later();
    assert_eq!(world.arrives(1, old(1)), "wait");
    world.fails(0);
    assert_eq!(world.engine.due_by_refresh(32), [RequestId(1)]);
    assert_eq!(world.evaluate(1), "session-unavailable");
    assert!(world.engine.response(RequestId(1)).is_none());
    assert_eq!(world.refreshes["unavailable"], 1);
}

#[test]
fn a_call_whose_owner_leaves_is_made_again_on_the_tick() {
    let mut world = later();
    assert_eq!(world.arrives(1, old(1)), "wait");
    assert_eq!(world.arrives(2, old(1)), "wait");
    assert!(world.engine.gone(RequestId(1)));
    world.tick();
    world.tick();
    assert_eq!(world.calls.len(), 2);
    assert_eq!(world.calls[1].owner, None);
    // The first call's reply comes all the same, to nobody.
    world.reply(0, 200, &[&line(1, world.now)]);
    assert!(world.settle().is_empty());
    world.reply(1, 200, &[&line(1, world.now)]);
    assert_eq!(world.settle(), [(2, "rule".to_owned())]);
}

#[test]
fn the_last_client_that_leaves_takes_the_refresh_along() {
    let mut world = later();
    assert_eq!(world.arrives(1, old(1)), "wait");
    assert!(world.engine.gone(RequestId(1)));
    world.tick();
    assert_eq!(world.calls.len(), 1);
    world.reply(0, 200, &[&line(1, world.now)]);
    assert!(world.settle().is_empty());
    assert_eq!(world.waiting, 0);
}

#[test]
fn a_late_reply_is_ignored() {
    let mut world = later();
    assert_eq!(world.arrives(1, old(1)), "wait");
    world.wait(Duration::from_secs(5));
    world.tick();
    assert_eq!(world.settle(), [(1, "session-unavailable".to_owned())]);
    world.reply(0, 200, &[&line(1, world.now)]);
    assert!(world.settle().is_empty());
    world.reply(0, 200, &[&line(1, world.now)]);
    assert!(world.settle().is_empty(), "and so is its repetition");
}

#[test]
fn a_request_that_waited_for_keys_makes_a_call_that_nobody_owns() {
    let mut world = World::new();
    world.wait(Duration::from_secs(400));
    assert_eq!(world.arrives(1, old(1)), "wait");
    assert!(world.calls.is_empty() && world.engine.wants_keys(KeySourceId::Companion));
    world.keys(KeySourceId::Companion, "sso-key");
    assert!(
        world.engine.due_by_refresh(32).is_empty(),
        "it has to be asked first"
    );
    assert_eq!(world.settle(), [(1, "wait".to_owned())]);
    assert_eq!(world.calls[0].owner, None);
    world.reply(0, 200, &[&line(1, world.now)]);
    assert_eq!(world.settle(), [(1, "rule".to_owned())]);
}

#[test]
fn a_refreshed_session_that_was_revoked_meanwhile_is_refused() {
    use portcullis_core::session::{Id, Revoked};

    let mut world = later();
    assert_eq!(world.arrives(1, old(1)), "wait");
    let mut list = Revocations::default();
    let sid = Id::from_bytes([1; 16]);
    let ends = world.now.after(Duration::from_secs(3600));
    list.end(Revoked::Session(sid), world.now, ends, world.now);
    world
        .engine
        .revocations(Arc::new(list), RevocationsRecord::default());
    world.reply(0, 200, &[&line(1, world.now)]);
    let [(1, said)] = &world.settle()[..] else {
        panic!("not evaluated");
    };
    assert_ne!(said, "rule");
}
