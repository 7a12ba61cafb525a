use portcullis_core::policy::Policy;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(100);
const PATIENCE: Duration = Duration::from_secs(5);

fn sid(number: u8) -> Id {
    Id::from_bytes([number; 16])
}

fn call(session: u8, asked: Option<(u32, Sender)>, waiting: &[u32]) -> Call {
    let waiting = waiting.iter().map(|id| Waiting::new(*id, NOW));
    Call {
        sid: sid(session),
        cookies: "__Secure-portcullis=secret".to_owned(),
        began: NOW,
        asked,
        waiting: waiting.collect(),
    }
}

fn ids(waiting: &[Waiting]) -> Vec<u32> {
    waiting.iter().map(|waiting| waiting.id).collect()
}

fn policy() -> Policy {
    let policy = r#"{
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": [{"name": "app", "hosts": ["app.example.com"],
            "rules": [{"name": "all", "allow": [{"from": "sso", "anyone": true}]}]}]
    }"#;
    Policy::from_json(policy).unwrap()
}

#[test]
fn a_reply_is_for_those_who_wait_for_it_and_comes_once() {
    let mut refreshes = Refreshes {
        calls: vec![
            call(1, Some((4, Sender::Root)), &[10, 11]),
            call(2, Some((8, Sender::Request(12))), &[12]),
        ],
    };
    assert_eq!(refreshes.len(), 3);
    assert!(refreshes.has(12) && !refreshes.has(13));
    assert!(refreshes.take(12).is_none());
    let (session, waiting) = refreshes.take(4).unwrap();
    assert_eq!((session, ids(&waiting)), (sid(1), vec![10, 11]));
    assert!(refreshes.take(4).is_none());
    assert_eq!(refreshes.len(), 1);
}

#[test]
fn who_leaves_takes_nobodys_reply_along() {
    let by = Some((4, Sender::Request(10)));
    let mut refreshes = Refreshes {
        calls: vec![call(1, by, &[10, 11, 12])],
    };
    assert!(refreshes.leave(11) && !refreshes.leave(11));
    assert_eq!(refreshes.calls[0].asked, by);
    assert!(refreshes.leave(10));
    assert_eq!(refreshes.calls[0].asked, None, "it has to be asked again");
    assert!(refreshes.take(4).is_none());
    assert!(refreshes.leave(12));
    assert!(refreshes.calls.is_empty(), "nobody waits any more");
}

#[test]
fn who_can_not_be_asked_again_keeps_nobody_waiting() {
    let policy = policy();
    let sso = policy.sso().unwrap();
    let mut refreshes = Refreshes {
        calls: vec![
            call(1, None, &[10, 11]),
            call(2, Some((4, Sender::Root)), &[12]),
        ],
    };
    // There is no host here that would take a call.
    assert_eq!(ids(&refreshes.ask_again(sso, NOW, PATIENCE)), [10, 11]);
    assert!(refreshes.ask_again(sso, NOW, PATIENCE).is_empty());
    let late = NOW.after(PATIENCE);
    assert_eq!(ids(&refreshes.ask_again(sso, late, PATIENCE)), [12]);
    assert!(refreshes.calls.is_empty());
}

#[test]
fn the_room_is_bounded_for_each_session_and_as_a_whole() {
    let one: Vec<u32> = (0..127).collect();
    let mut refreshes = Refreshes {
        calls: vec![call(1, None, &one)],
    };
    assert!(refreshes.has_room_for(sid(1)));
    // Other cookies of the same session are another call, and no more room.
    refreshes.calls.push(call(1, None, &[127]));
    assert!(!refreshes.has_room_for(sid(1)) && refreshes.has_room_for(sid(2)));
    for session in 2..129 {
        refreshes.calls.push(call(session, None, &[1000]));
    }
    assert_eq!(refreshes.len(), 255);
    assert!(refreshes.has_room_for(sid(200)));
    refreshes.calls.push(call(200, None, &[1000]));
    assert!(!refreshes.has_room_for(sid(201)));
}

#[test]
fn a_call_tells_no_secret() {
    let text = format!("{:?}", call(1, None, &[1]));
    assert!(!text.contains("secret"), "{text}");
}
