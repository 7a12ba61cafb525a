use super::*;
use crate::fixtures::policy;

const NOW: Timestamp = Timestamp::from_secs(100);
const TIMEOUT: Duration = Duration::from_secs(5);

fn sid(number: u8) -> Id {
    Id::from_bytes([number; 16])
}

fn refresh(session: u8, call: Option<(CallId, Option<RequestId>)>, waiting: &[u64]) -> Refresh {
    let waiting = waiting
        .iter()
        .map(|id| WaitingRequest::new(RequestId(*id), NOW));
    Refresh {
        sid: sid(session),
        user: sid(session),
        cookies: "__Secure-portcullis=secret".to_owned(),
        began: NOW,
        call,
        waiting: waiting.collect(),
    }
}

fn ids(waiting: &[WaitingRequest]) -> Vec<u64> {
    waiting.iter().map(|waiting| waiting.id.0).collect()
}

#[test]
fn a_response_ends_the_wait_of_its_session_once() {
    let mut refreshes = Refreshes {
        refreshes: vec![
            refresh(1, Some((CallId(4), None)), &[10, 11]),
            refresh(2, Some((CallId(8), Some(RequestId(12)))), &[12]),
        ],
        last_call: 100,
    };
    assert_eq!(refreshes.len(), 3);
    assert!(refreshes.has(RequestId(12)) && !refreshes.has(RequestId(13)));
    assert!(refreshes.take(CallId(12)).is_none());
    let (session, waiting) = refreshes.take(CallId(4)).unwrap();
    assert_eq!((session, ids(&waiting)), (sid(1), vec![10, 11]));
    assert!(refreshes.take(CallId(4)).is_none());
    assert_eq!(refreshes.len(), 1);
}

#[test]
fn only_a_call_whose_owner_disconnects_must_be_repeated() {
    let by = Some((CallId(4), Some(RequestId(10))));
    let mut refreshes = Refreshes {
        refreshes: vec![refresh(1, by, &[10, 11, 12])],
        last_call: 100,
    };
    assert!(refreshes.remove(RequestId(11)) && !refreshes.remove(RequestId(11)));
    assert_eq!(refreshes.refreshes[0].call, by);
    assert!(refreshes.remove(RequestId(10)));
    assert_eq!(refreshes.refreshes[0].call, None, "it must be repeated");
    assert!(refreshes.take(CallId(4)).is_none());
    assert!(refreshes.remove(RequestId(12)));
    assert_eq!(refreshes.len(), 0, "no request waits any more");
    let mut effects = VecDeque::new();
    let policy = policy();
    let sso = policy.sso().unwrap();
    refreshes.retry(sso, NOW, TIMEOUT, &mut effects);
    assert!(effects.is_empty(), "nobody waits for another call");
    // The companion may still work on it.
    assert_eq!(refreshes.refreshes.len(), 1);
    refreshes.retry(sso, NOW.after(TIMEOUT), TIMEOUT, &mut effects);
    assert!(refreshes.refreshes.is_empty() && effects.is_empty());
}

/// Requests that are sent and reset at once, as over HTTP/2. The companion works on each call all the same.
#[test]
fn refreshes_count_towards_the_limits_after_their_requests_are_reset() {
    let mut refreshes = Refreshes::default();
    for number in 0..4 {
        let mut reset = refresh(
            1,
            Some((CallId(number), Some(RequestId(number)))),
            &[number],
        );
        reset.cookies = number.to_string();
        refreshes.refreshes.push(reset);
    }
    for number in 0..4 {
        assert!(refreshes.remove(RequestId(number)));
    }
    assert_eq!((refreshes.len(), refreshes.refreshes.len()), (0, 4));
    for session in 2..130 {
        let mut other = refresh(session, None, &[]);
        other.user = sid(2);
        refreshes.refreshes.push(other);
    }
    assert!(!refreshes.has_room_for(sid(200), sid(2)), "128 of one user");
    assert!(refreshes.has_room_for(sid(200), sid(200)));
    while refreshes.refreshes.len() < 1024 {
        refreshes.refreshes.push(refresh(3, None, &[]));
    }
    assert!(!refreshes.has_room_for(sid(200), sid(200)), "1,024 of all");
}

#[test]
fn a_call_whose_owner_is_gone_is_repeated_once_and_times_out() {
    let policy = policy();
    let sso = policy.sso().unwrap();
    let mut refreshes = Refreshes {
        refreshes: vec![
            refresh(1, None, &[10, 11]),
            refresh(2, Some((CallId(4), None)), &[12]),
        ],
        last_call: 100,
    };
    let mut effects = VecDeque::new();
    assert!(refreshes.retry(sso, NOW, TIMEOUT, &mut effects).is_empty());
    let Some(Effect::Call(call)) = effects.pop_front() else {
        panic!("no call");
    };
    assert_eq!((call.id, call.owner), (CallId(101), None));
    assert!(refreshes.retry(sso, NOW, TIMEOUT, &mut effects).is_empty());
    assert!(effects.is_empty(), "one call is enough");
    let late = NOW.after(TIMEOUT);
    let timed_out = refreshes.retry(sso, late, TIMEOUT, &mut effects);
    assert_eq!(ids(&timed_out), [10, 11, 12]);
    assert!(refreshes.refreshes.is_empty() && effects.is_empty());
}

#[test]
fn waiting_requests_are_limited_per_session_per_user_and_in_total() {
    let one: Vec<u64> = (0..63).collect();
    let mut refreshes = Refreshes {
        refreshes: vec![refresh(1, None, &one)],
        last_call: 100,
    };
    let has_room =
        |refreshes: &Refreshes, session, user| refreshes.has_room_for(sid(session), sid(user));
    assert!(has_room(&refreshes, 1, 1));
    // Other cookies of the same session need another call, and count for the same limit.
    refreshes.refreshes.push(refresh(1, None, &[63]));
    assert!(!has_room(&refreshes, 1, 1) && has_room(&refreshes, 2, 2));
    // Another session of the same user.
    let mut second = refresh(2, None, &one);
    second.user = sid(1);
    refreshes.refreshes.push(second);
    assert!(has_room(&refreshes, 3, 1));
    let mut third = refresh(3, None, &[1]);
    third.user = sid(1);
    refreshes.refreshes.push(third);
    assert!(!has_room(&refreshes, 4, 1) && has_room(&refreshes, 4, 4));
    for session in 4..18 {
        refreshes.refreshes.push(refresh(session, None, &one));
    }
    assert_eq!(refreshes.len(), 128 + 14 * 63);
    for session in 18..32 {
        assert!(has_room(&refreshes, 200, 200));
        refreshes.refreshes.push(refresh(session, None, &[1000]));
    }
    assert_eq!(refreshes.len(), 1024);
    assert!(!has_room(&refreshes, 200, 200));
}

#[test]
fn debug_output_has_no_secret() {
    let text = format!("{:?}", refresh(1, None, &[1]));
    assert!(!text.contains("secret"), "{text}");
}
