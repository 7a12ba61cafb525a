use std::ops::Range;

use super::*;

const START: u64 = 1_800_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(START + seconds)
}

fn id(number: u32) -> Id {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

/// The session with this number, of the user with that number.
fn session(sid: u32, user: u32, began: u64) -> SessionHandles {
    SessionHandles {
        sid: id(sid),
        handle: id(user),
        began: at(began),
    }
}

/// A list full of sessions, all with the end `ends` and each with another `before`.
fn full(ends: u64, before: fn(u64) -> u64) -> Revocations {
    let entries = (0..Revocations::MAX_ENTRIES).map(|number| {
        let sid = id(u32::try_from(number).unwrap());
        let before = at(before(u64::try_from(number).unwrap())).secs();
        let ends = at(ends).secs();
        format!(r#"{{"sid":"{sid}","before":{before},"ends":{ends}}}"#)
    });
    let entries: Vec<String> = entries.collect();
    let text = format!(
        r#"{{"version":1,"floor":0,"entries":[{}]}}"#,
        entries.join(",")
    );
    Revocations::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_sid_revokes_only_its_own_session() {
    let mut list = Revocations::default();
    list.revoke(Revoked::Session(id(1)), at(100), at(1000), at(100));
    assert!(list.revokes(&session(1, 9, 50), at(100)));
    assert!(!list.revokes(&session(2, 9, 50), at(100)));
    assert!(
        !list.revokes(&session(9, 1, 50), at(100)),
        "a sid is not a handle"
    );
}

#[test]
fn a_user_is_signed_out_of_all_sessions_and_can_sign_in_again() {
    let mut list = Revocations::default();
    list.revoke(Revoked::User(id(7)), at(100), at(1000), at(100));
    for (began, ended) in [(0, true), (99, true), (100, true), (101, false)] {
        assert_eq!(
            list.revokes(&session(1, 7, began), at(100)),
            ended,
            "{began}"
        );
    }
    assert!(!list.revokes(&session(1, 8, 0), at(100)));
}

#[test]
fn an_entry_is_kept_and_applies_until_its_end() {
    let mut list = Revocations::default();
    list.revoke(Revoked::Session(id(1)), at(100), at(1000), at(100));
    assert!(list.revokes(&session(1, 1, 50), at(999)));
    assert!(!list.revokes(&session(1, 1, 50), at(1000)));
    list.prune(at(999));
    assert_eq!(list.len(), 1);
    list.prune(at(1000));
    assert!(list.is_empty());
}

#[test]
fn merging_lists_loses_no_entry_before_its_end() {
    let mut filters = Revocations::default();
    filters.revoke(Revoked::Session(id(1)), at(100), at(1000), at(100));
    filters.revoke(Revoked::Session(id(2)), at(100), at(500), at(100));
    let mut companions = Revocations::default();
    companions.revoke(Revoked::Session(id(2)), at(300), at(480), at(300));
    companions.revoke(Revoked::User(id(3)), at(300), at(2000), at(300));
    companions.raise_floor(at(10));
    let now = at(450);
    filters.merge(&companions, now);
    for (handles, ended) in [
        (session(1, 9, 100), true),
        (session(2, 9, 300), true),
        (session(2, 9, 301), false),
        (session(9, 3, 300), true),
        (session(9, 9, 10), true),
        (session(9, 9, 11), false),
    ] {
        assert_eq!(filters.revokes(&handles, now), ended, "{handles:?}");
    }
    // A companion that has lost its state removes nothing.
    filters.merge(&Revocations::default(), at(460));
    assert!(filters.revokes(&session(1, 9, 100), at(460)));
    assert_eq!(filters.floor(), at(10));
    let mut other = companions.clone();
    other.merge(&filters, at(460));
    assert_eq!(other.floor(), filters.floor());
    assert!(other.revokes(&session(1, 9, 100), at(460)));
}

/// A companion whose clock was wrong, once. Nothing else ends a floor.
#[test]
fn of_a_floor_in_the_future_a_minute_counts() {
    for (floor, expected) in [
        (100, 100),
        (159, 159),
        (160, 160),
        (161, 160),
        (10_000, 160),
    ] {
        let mut ahead = Revocations::default();
        ahead.raise_floor(at(floor));
        let mut list = Revocations::default();
        list.merge(&ahead, at(100));
        list.merge(&Revocations::default(), at(101));
        assert_eq!(list.floor(), at(expected));
        assert!(list.revokes(&session(1, 1, expected), at(101)));
        assert!(!list.revokes(&session(1, 1, expected + 1), at(101)));
    }
}

#[test]
fn a_full_list_never_revokes_less() {
    let mut list = full(100_000, |number| number);
    let most = u32::try_from(Revocations::MAX_ENTRIES).unwrap();
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
    assert_eq!(list.floor(), Timestamp::default());
    list.revoke(Revoked::User(id(1)), at(50_000), at(100_000), at(0));
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
    assert_eq!(
        list.floor(),
        at(0),
        "the oldest was removed, and the floor has risen to it"
    );
    for number in 0..most {
        let handles = session(number, u32::MAX, 0);
        assert!(list.revokes(&handles, at(60_000)), "{number}");
    }
    assert!(list.revokes(&session(u32::MAX, 1, 40_000), at(60_000)));
    assert!(!list.revokes(&session(u32::MAX, u32::MAX, 1), at(60_000)));
}

/// Revokes one session of this user.
fn revoke_one(list: &mut Revocations, user: u32, sid: u32, before: u64) {
    list.revoke_session_of(id(user), id(sid), at(before), at(100_000), at(0));
}

/// A list with these entries: a session, its user, and until when it must have begun.
fn list_of(entries: impl Iterator<Item = (u32, u32, u64)>) -> Revocations {
    list_of_users(entries.map(|(sid, user, before)| (sid, id(user), before)))
}

/// The same with the handles of the users.
fn list_of_users(entries: impl Iterator<Item = (u32, Id, u64)>) -> Revocations {
    let entries = entries.map(|(sid, user, before)| {
        let (sid, before, ends) = (id(sid), at(before).secs(), at(100_000).secs());
        format!(r#"{{"sid":"{sid}.{user}","before":{before},"ends":{ends}}}"#)
    });
    let entries: Vec<String> = entries.collect();
    let text = format!(
        r#"{{"version":1,"floor":0,"entries":[{}]}}"#,
        entries.join(",")
    );
    Revocations::parse(text.as_bytes()).unwrap()
}

const MOST: u32 = 4096;

#[test]
fn the_entries_of_one_user_do_not_fill_the_list() {
    assert_eq!(usize::try_from(MOST), Ok(Revocations::MAX_ENTRIES));
    // All entries but two are those of other users.
    let users = MOST - 2;
    let others = (0..users).map(|other| (2_000_000 + other, 1_000_000 + other, 10));
    let others = list_of(others);
    for sessions in [1, 2, 3, 4, 500] {
        let mut list = others.clone();
        for sid in 0..sessions {
            revoke_one(&mut list, 7, sid, 20 + u64::from(sid));
        }
        assert_eq!(list.floor(), Timestamp::default(), "{sessions}");
        assert!(list.len() <= Revocations::MAX_ENTRIES);
        let now = at(50_000);
        for sid in 0..sessions {
            let ended = session(sid, 7, 20 + u64::from(sid));
            assert!(list.revokes(&ended, now), "{sid}");
        }
        for other in 0..users {
            let (sid, user) = (2_000_000 + other, 1_000_000 + other);
            assert!(list.revokes(&session(sid, user, 10), now), "{other}");
            // Their other sessions stay valid.
            let another = session(4_000_000 + other, user, 10);
            assert!(!list.revokes(&another, now), "{other}");
        }
        let handles = session(3_000_000, 8, 1);
        assert!(!list.revokes(&handles, now), "a user without entries");
    }
}

#[test]
fn the_entries_of_the_user_who_has_most_are_merged_first() {
    // Ada has two entries, and Mallory the rest.
    let mut list = list_of((0..MOST).map(|sid| (sid, if sid < 2 { 1 } else { 2 }, 10)));
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
    revoke_one(&mut list, 3, MOST, 10);
    assert_eq!(list.len(), 4);
    assert!(!list.revokes(&session(MOST + 1, 1, 10), at(20)), "Ada");
    assert!(list.revokes(&session(MOST + 1, 2, 10), at(20)), "Mallory");
    assert!(!list.revokes(&session(MOST + 1, 2, 11), at(20)), "later");
}

#[test]
fn only_different_users_raise_the_floor() {
    // Each user has two entries.
    let mut list = list_of((0..MOST).map(|sid| (sid, sid / 2, 1 + u64::from(sid / 2))));
    for user in MOST..MOST + MOST / 2 {
        revoke_one(&mut list, user, user, 5000);
    }
    assert_eq!(list.floor(), Timestamp::default());
    assert_eq!(list.len(), Revocations::MAX_ENTRIES, "all were merged");
    for user in 2 * MOST..2 * MOST + 3 {
        revoke_one(&mut list, user, user, 5000);
    }
    assert_eq!(list.floor(), at(3));
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
}

/// The handle of a user of this provider.
fn user_of(provider: u32, user: u32) -> Id {
    let mut bytes = *id(provider).as_bytes();
    bytes[8..12].copy_from_slice(&user.to_be_bytes());
    Id::from_bytes(bytes)
}

/// A session of that user, which began then.
fn session_of(provider: u32, user: u32, began: u64) -> SessionHandles {
    SessionHandles {
        handle: user_of(provider, user),
        ..session(u32::MAX, 0, began)
    }
}

/// Revokes all sessions of as many different users of a provider, each a second later.
fn revoke_users(list: &mut Revocations, provider: u32, users: Range<u32>) {
    for user in users {
        let before = at(10 + u64::from(user));
        let user = Revoked::User(user_of(provider, user));
        list.revoke(user, before, at(100_000), at(0));
    }
}

#[test]
fn the_entries_of_one_provider_cost_that_provider_alone() {
    const USERS: u32 = MOST + 300;
    let mut list = Revocations::default();
    revoke_users(&mut list, 1, 0..10);
    revoke_users(&mut list, 2, 0..USERS);
    assert_eq!(list.floor(), Timestamp::default());
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
    let now = at(50_000);
    for user in 0..USERS {
        let began = 10 + u64::from(user);
        assert!(list.revokes(&session_of(2, user, began), now), "{user}");
        assert_eq!(list.revokes(&session_of(1, user, began), now), user < 10);
    }
    let floor = list.highest_floor();
    let removed = USERS + 10 + 1 - MOST;
    assert_eq!(
        floor,
        at(10 + u64::from(removed) - 1),
        "no higher than it must be"
    );
    for (provider, began, is_revoked) in [
        (2, u64::from(removed) + 9, true),
        (2, u64::from(removed) + 10, false),
        (1, 0, false),
        (3, 0, false),
    ] {
        let handles = session_of(provider, u32::MAX, began);
        assert_eq!(list.revokes(&handles, now), is_revoked, "{handles:?}");
    }
    let again = Revocations::parse(list.to_json().as_bytes());
    assert_eq!(again.as_ref(), Ok(&list));
    // The same after a filter has merged it with another full list.
    let mut filters = Revocations::default();
    revoke_users(&mut filters, 1, 10..20);
    revoke_users(&mut filters, 2, USERS..USERS + MOST);
    filters.merge(&list, now);
    assert_eq!(filters.floor(), Timestamp::default());
    assert!(!filters.revokes(&session_of(1, u32::MAX, 0), now));
    assert!(filters.revokes(&session_of(1, 19, 0), now));
    assert!(filters.revokes(&session_of(2, u32::MAX, 10), now));
}

#[test]
fn the_provider_with_most_entries_is_merged_first() {
    let mut list = Revocations::default();
    revoke_users(&mut list, 1, 0..100);
    revoke_users(&mut list, 2, 0..MOST - 100);
    // The third provider fills the list, and has fewer entries than the second.
    revoke_users(&mut list, 3, 0..300);
    let now = at(50_000);
    assert!(list.revokes(&session_of(2, u32::MAX, 10), now));
    assert!(!list.revokes(&session_of(1, u32::MAX, 10), now));
    assert!(!list.revokes(&session_of(3, u32::MAX, 10), now));
    assert_eq!(list.floor(), Timestamp::default());
}

#[test]
fn the_users_of_another_provider_are_not_merged_first() {
    let mut list = Revocations::default();
    // Two of Ada's sessions are revoked, and as many as one user may have of Bob's.
    let users = [(user_of(1, 1), 2), (user_of(1, 2), 64)];
    for (user, sessions) in users {
        for sid in 0..sessions {
            list.revoke_session_of(user, id(sid), at(10), at(100_000), at(0));
        }
    }
    // Mallory's sessions are revoked one after the other, then those of many users of provider 2.
    for sid in 0..MOST {
        list.revoke_session_of(user_of(1, 3), id(sid), at(10), at(100_000), at(0));
    }
    assert!(list.len() <= Revocations::MAX_ENTRIES);
    revoke_users(&mut list, 2, 0..MOST);
    let now = at(50_000);
    for (user, sessions) in users {
        let other = SessionHandles {
            handle: user,
            ..session(u32::MAX, 0, 10)
        };
        assert!(!list.revokes(&other, now), "another session of {user}");
        for sid in 0..sessions {
            let ended = SessionHandles {
                sid: id(sid),
                ..other
            };
            assert!(list.revokes(&ended, now), "{sid} of {user}");
        }
    }
    assert!(list.revokes(&session_of(1, 3, 10), now), "Mallory");
    assert_eq!(list.floor(), Timestamp::default());
}

#[test]
fn two_full_lists_are_merged_in_linear_time() {
    // Each user has two entries, and all are of one provider.
    let list =
        |first: u32| list_of_users((first..first + MOST).map(|sid| (sid, user_of(1, sid / 2), 10)));
    let (mut one, other) = (list(0), list(MOST));
    one.merge(&other, at(0));
    assert_eq!(one.len(), Revocations::MAX_ENTRIES);
    assert_eq!(
        one.highest_floor(),
        Timestamp::default(),
        "only users are merged"
    );
    for user in 0..MOST {
        assert!(one.revokes(&session_of(1, user, 10), at(20)), "{user}");
    }
}

#[test]
fn the_order_of_a_list_does_not_matter() {
    let list = list_of((0..500).map(|sid| (sid * 7919 % 500, sid % 20, u64::from(sid))));
    let text = list.to_json();
    let (start, entries) = text.split_once('[').unwrap();
    let entries = entries.trim_end_matches("]}");
    let mut entries: Vec<&str> = entries.split_inclusive("},").collect();
    entries.reverse();
    let mut reversed: Vec<&str> = entries
        .iter()
        .map(|one| one.trim_end_matches(','))
        .collect();
    // Of two entries for one target, the later times apply.
    let early = reversed[0].replace("1800000", "1700000");
    reversed.push(&early);
    let text = format!("{start}[{}]}}", reversed.join(","));
    assert_eq!(Revocations::parse(text.as_bytes()).unwrap(), list);
}

#[test]
fn very_many_small_groups_are_merged_at_once() {
    // Each provider has three users with one entry, or two with two each. Merging one group at a time would take
    // as many passes over the list as it has groups.
    for entries_of_user in [1, 2] {
        let count = u32::try_from(Revocations::MAX_ENTRIES * 5 / 4).unwrap();
        let entries = |sids: Range<u32>| {
            list_of_users(sids.map(|sid| {
                let user = sid / entries_of_user;
                (sid, user_of(sid / (entries_of_user + 2), user), 10)
            }))
        };
        // A response has room for fewer.
        let mut list = entries(0..count / 2);
        list.merge(&entries(count / 2..count), at(0));
        assert!(list.len() <= Revocations::MAX_ENTRIES);
        assert!(
            list.len() > Revocations::MAX_ENTRIES * 9 / 10,
            "{}",
            list.len()
        );
        assert_eq!(list.floor(), Timestamp::default());
        for sid in 0..count {
            let user = user_of(sid / (entries_of_user + 2), sid / entries_of_user);
            let own = SessionHandles {
                sid: id(sid),
                handle: user,
                began: at(10),
            };
            assert!(list.revokes(&own, at(20)), "{sid}");
        }
    }
}

#[test]
fn an_entry_for_a_provider_is_never_merged_with_those_of_a_user() {
    // The handle of a user who is named like the provider, as no companion makes it.
    let (before, ends) = (at(10).secs(), at(100_000).secs());
    let text = format!(
        r#"{{"version":1,"floor":0,"entries":[{{"provider":"{0}","before":{before},"ends":{ends}}},
        {{"handle":"{0}","before":{before},"ends":{ends}}},{{"sid":"{1}.{0}","before":{before},"ends":{ends}}}]}}"#,
        id(5),
        id(1),
    );
    let mut list = Revocations::parse(text.as_bytes()).unwrap();
    list.merge(
        &list_of((0..MOST - 1).map(|user| (user, 100 + user, 10))),
        at(0),
    );
    assert!(list.len() <= Revocations::MAX_ENTRIES);
    assert!(list.revokes(&session_of(5, 1, 10), at(20)));
    assert!(list.revokes(&session_of(5, 0, 10), at(20)));
}

#[test]
fn an_entry_for_a_provider_has_its_id_and_an_end() {
    let text = |provider: Id| {
        let (before, ends) = (at(10).secs(), at(20).secs());
        format!(
            r#"{{"version":1,"floor":0,"entries":[{{"provider":"{provider}","before":{before},"ends":{ends}}}]}}"#
        )
    };
    let list = Revocations::parse(text(user_of(5, 9)).as_bytes()).unwrap();
    assert_eq!(
        list.to_json(),
        text(id(5)),
        "the handle of any user will do"
    );
    assert!(list.revokes(&session_of(5, 1, 10), at(19)));
    assert!(!list.revokes(&session_of(5, 1, 11), at(19)));
    assert!(!list.revokes(&session_of(5, 1, 10), at(20)));
    let both = text(id(5)).replace(r#""before""#, &format!(r#""handle":"{}","before""#, id(5)));
    assert!(Revocations::parse(both.as_bytes()).is_err(), "{both}");
}

#[test]
fn merging_lists_merges_the_entries_of_each_user() {
    let mut filters = list_of((0..MOST).map(|sid| (sid, 7, 10)));
    let last = |sid| if sid == 2 * MOST - 1 { 8 } else { 7 };
    let companions = list_of((MOST..2 * MOST).map(|sid| (sid, last(sid), 30)));
    let text = companions.to_json();
    assert!(text.len() <= Revocations::MAX_BYTES, "{}", text.len());
    assert_eq!(
        Revocations::parse(text.as_bytes()).as_ref(),
        Ok(&companions)
    );
    filters.merge(&companions, at(40));
    assert_eq!(filters.floor(), Timestamp::default());
    for sid in 0..2 * MOST - 1 {
        assert!(filters.revokes(&session(sid, 7, 10), at(40)), "{sid}");
    }
    assert!(filters.revokes(&session(2 * MOST - 1, 8, 30), at(40)));
    assert!(!filters.revokes(&session(2 * MOST, 8, 30), at(40)));
}

#[test]
fn entries_of_an_unknown_user_are_never_merged() {
    // As an older release wrote them.
    let mut list = full(100_000, |number| number);
    revoke_one(&mut list, 7, 100_000, 5000);
    revoke_one(&mut list, 7, 100_001, 5000);
    assert_eq!(list.floor(), at(0), "one was removed, and two were merged");
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
    assert!(list.revokes(&session(4095, 9, 0), at(60_000)));
    assert!(list.revokes(&session(100_000, 7, 0), at(60_000)));
}

#[test]
fn expired_entries_are_dropped_before_the_floor_rises() {
    let mut list = full(20, |_| 10);
    list.revoke(Revoked::Session(id(u32::MAX)), at(30), at(100), at(30));
    assert_eq!(list.len(), 1);
    assert_eq!(list.floor(), Timestamp::default());
}

#[test]
fn even_a_full_list_survives_serialization() {
    let mut list = full(1000, |_| 10);
    list.raise_floor(at(5));
    list.revoke(Revoked::User(id(7)), at(6), at(1000), at(0));
    let text = list.to_json();
    assert!(text.len() <= Revocations::MAX_BYTES, "{}", text.len());
    assert_eq!(list.len(), Revocations::MAX_ENTRIES);
    let owned = list_of((0..MOST).map(|number| (number, number, u64::from(number))));
    let text_of_owned = owned.to_json();
    assert!(text_of_owned.len() <= Revocations::MAX_BYTES);
    assert_eq!(Revocations::parse(text_of_owned.as_bytes()), Ok(owned));
    assert_eq!(Revocations::parse(text.as_bytes()), Ok(list));
    assert_eq!(
        Revocations::default().to_json(),
        r#"{"version":1,"floor":0,"entries":[]}"#
    );
}

#[test]
fn invalid_lists_are_refused() {
    let entry = r#"{"sid":"AQEBAQEBAQEBAQEBAQEBAQ","before":1,"ends":2}"#;
    let whole = format!(r#"{{"version":1,"floor":0,"entries":[{entry}]}}"#);
    assert!(Revocations::parse(whole.as_bytes()).is_ok());
    for (piece, other) in [
        (whole.as_str(), ""),
        (&whole, "[]"),
        (&whole, "<html>"),
        (r#""version":1"#, r#""version":2"#),
        (r#""floor":0,"#, ""),
        (r#""floor":0"#, r#""floor":-1"#),
        (r#""floor":0"#, r#""floor":"0""#),
        (r#""floor":0"#, r#""floor":0,"floor":0"#),
        (r#""sid""#, r#""id""#),
        (r#""sid":"#, r#""handle":"AQEBAQEBAQEBAQEBAQEBAQ","sid":"#),
        ("AQEBAQEBAQEBAQEBAQEBAQ", "AQEBAQEBAQEBAQEBAQEBAR"),
        ("AQEBAQEBAQEBAQEBAQEBAQ", ""),
        (r#"AQ","#, r#"AQ.AQ","#),
        (r#"AQ","#, r#"AQ.","#),
        (r#""AQEBAQEBAQEBAQEBAQEBAQ""#, "7"),
        (r#""before":1,"#, ""),
        (r#""ends":2"#, r#""ends":2.5"#),
        (entry, "7"),
    ] {
        assert!(whole.contains(piece), "{piece}");
        let text = whole.replace(piece, other);
        assert!(Revocations::parse(text.as_bytes()).is_err(), "{text}");
    }
    let long = format!("{whole}{}", " ".repeat(Revocations::MAX_BYTES));
    assert!(Revocations::parse(long.as_bytes()).is_err());
}

#[test]
fn responses_are_checked_like_those_of_issuers() {
    let body = r#"{"version":1,"floor":7,"entries":[]}"#.as_bytes();
    let response = HttpResponse {
        status: 200,
        content_type: Some(b"application/json"),
        content_encoding: None,
        body,
    };
    let floor = Revocations::from_response(&response).map(|list| list.floor());
    assert_eq!(floor, Ok(Timestamp::from_secs(7)));
    for (other, error) in [
        (
            HttpResponse {
                status: 404,
                ..response
            },
            ResponseError::Status(404),
        ),
        (
            HttpResponse {
                content_type: Some(b"text/html"),
                ..response
            },
            ResponseError::ContentType,
        ),
        (
            HttpResponse {
                body: b"{}",
                ..response
            },
            ResponseError::Malformed,
        ),
        (
            HttpResponse {
                body: br#"{"version":2,"entries":"of another form"}"#,
                ..response
            },
            ResponseError::UnknownVersion,
        ),
    ] {
        assert_eq!(Revocations::from_response(&other), Err(error));
    }
}
