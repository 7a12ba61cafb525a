use super::*;
use crate::session::fixtures::at;
use crate::session::revocations::{ProviderSessionEnd, Revocation};

fn id(number: u16) -> Id {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

fn session(sid: u16, handle: u16, began: Timestamp) -> SessionHandles {
    SessionHandles {
        sid: id(sid),
        handle: id(handle),
        began,
    }
}

fn batch(revoked: Revoked, ends: Timestamp) -> RevocationBatch {
    let revocation = match revoked {
        Revoked::Session(sid) => Revocation::session(sid, ends).began(at(0)),
        Revoked::User(handle) => Revocation::user(handle, ends),
        Revoked::Provider(_) => panic!("only a full list revokes a provider"),
    };
    RevocationBatch {
        revocations: vec![revocation],
        ..RevocationBatch::default()
    }
}

#[test]
fn a_revocation_ends_one_session_or_all_earlier_ones_of_a_user() {
    let mut state = RevocationState::new(at(0));
    state.apply(&batch(Revoked::Session(id(1)), at(1000)), at(100));
    state.apply(&batch(Revoked::User(id(7)), at(1000)), at(100));
    let now = at(200);
    assert!(state.is_revoked(&session(1, 2, at(100)), None, now));
    assert!(state.is_revoked(&session(3, 7, at(100)), None, now));
    assert!(!state.is_revoked(&session(3, 7, at(101)), None, now));
    assert!(!state.is_revoked(&session(3, 2, at(100)), None, now));
}

#[test]
fn a_revocation_is_valid_until_its_end() {
    let mut state = RevocationState::new(at(0));
    state.apply(&batch(Revoked::Session(id(1)), at(1000)), at(100));
    assert!(state.is_revoked(&session(1, 2, at(50)), None, at(999)));
    assert!(!state.is_revoked(&session(1, 2, at(50)), None, at(1000)));
    assert_eq!(state.revocations(at(999)).len(), 1);
    assert_eq!(state.revocations(at(1000)).len(), 0);
}

#[test]
fn b06_a_session_is_revoked_by_the_id_of_its_provider_session() {
    let mut state = RevocationState::new(at(0));
    let batch = RevocationBatch {
        provider_sessions: vec![ended_at_provider(9, 2, at(1000))],
        ..RevocationBatch::default()
    };
    assert!(state.apply(&batch, at(100)));
    let handles = session(1, 2, at(50));
    assert!(state.is_revoked(&handles, Some(id(9)), at(200)));
    assert!(!state.is_revoked(&handles, Some(id(8)), at(200)));
    assert!(!state.is_revoked(&handles, None, at(200)));
    assert!(!state.is_revoked(&session(1, 2, at(101)), Some(id(9)), at(200)));
    // Filters do not get it.
    assert_eq!(state.revocations(at(200)).len(), 0);
}

#[test]
fn b04_a_logout_token_works_once_and_is_stored_until_it_expires() {
    let mut state = RevocationState::new(at(0));
    let logout = RevocationBatch {
        logout_token: Some((id(1), at(500))),
        ..batch(Revoked::User(id(7)), at(9000))
    };
    assert!(state.apply(&logout, at(100)));
    assert!(!state.apply(&logout, at(200)));
    // A session that began between the two is not revoked.
    assert!(!state.is_revoked(&session(3, 7, at(150)), None, at(200)));
    assert!(state.apply(&logout, at(500)));
}

/// A used logout token of this provider.
fn logout_token(provider: u8, number: u16) -> Id {
    let mut bytes = [0; 16];
    bytes[0] = provider;
    bytes[14..].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

/// Logout tokens of a provider, each of which expires a second later than the one before.
fn use_logout_tokens(
    state: &mut RevocationState,
    provider: u8,
    numbers: std::ops::RangeInclusive<u16>,
) {
    for number in numbers {
        let token = logout_token(provider, number);
        let batch = RevocationBatch {
            logout_token: Some((token, at(1000 + u64::from(number)))),
            ..RevocationBatch::default()
        };
        assert!(state.apply(&batch, at(0)));
    }
}

#[test]
fn b04_stored_logout_tokens_are_bounded() {
    let mut state = RevocationState::new(at(0));
    use_logout_tokens(&mut state, 1, 0..=4096);
    assert_eq!(state.used_logout_tokens.len(), MAX_LOGOUT_TOKENS);
    assert!(!state.used_logout_tokens.contains_key(&logout_token(1, 0)));
    assert!(state.used_logout_tokens.contains_key(&logout_token(1, 1)));
}

#[test]
fn b04_one_provider_makes_no_logout_token_of_another_usable_again() {
    let mut state = RevocationState::new(at(0));
    use_logout_tokens(&mut state, 1, 0..=9);
    use_logout_tokens(&mut state, 2, 100..=4300);
    assert_eq!(state.used_logout_tokens.len(), MAX_LOGOUT_TOKENS);
    for number in 0..=9 {
        let token = logout_token(1, number);
        assert!(state.used_logout_tokens.contains_key(&token), "{number}");
    }
}

fn ended_at_provider(number: u16, user: u16, ends: Timestamp) -> ProviderSessionEnd {
    ProviderSessionEnd {
        id: id(number),
        user: id(user),
        ends,
    }
}

/// A state with this many revoked sessions, one a second, all with the same end.
fn full(count: u16) -> RevocationState {
    let list = |name: &str| {
        let entries = (0..count).map(|number| {
            let (before, ends) = (at(100 + u64::from(number)).secs(), at(100_000).secs());
            format!(
                r#"{{"{name}":"{}","before":{before},"ends":{ends}}}"#,
                id(number)
            )
        });
        let entries: Vec<_> = entries.collect();
        format!(
            r#"{{"version":1,"floor":0,"entries":[{}]}}"#,
            entries.join(",")
        )
    };
    let used = (0..count).map(|number| (id(number), at(100_000)));
    RevocationState {
        revocations: Revocations::parse(list("sid").as_bytes()).unwrap(),
        provider_sessions: Revocations::parse(list("sid").as_bytes()).unwrap(),
        used_logout_tokens: used.collect(),
        ..RevocationState::new(at(0))
    }
}

#[test]
fn a_full_list_raises_the_floor_and_drops_no_revocation() {
    let mut state = full(4096);
    assert_eq!(state.floor(), Timestamp::default());
    for number in 4096..4120 {
        let revoked = Revoked::Session(id(number));
        state.apply(&batch(revoked, at(100_000)), at(100 + u64::from(number)));
    }
    let now = at(6000);
    assert_eq!(state.revocations(now).len(), 4096);
    assert_eq!(state.floor(), at(100 + 23));
    for number in 0..4120 {
        let handles = session(number, 6000, at(100 + u64::from(number)));
        assert!(state.is_revoked(&handles, None, now), "{number}");
    }
    // Sessions that began after the floor are not revoked.
    assert!(!state.is_revoked(&session(6000, 6000, at(100 + 24)), None, now));
}

/// A state whose two lists have room for two more entries. All entries are of different users.
fn full_of_users() -> RevocationState {
    let entries = (0..4094).map(|other| {
        let (sid, user) = (id(10_000 + other), id(20_000 + other));
        let (before, ends) = (at(200).secs(), at(40_000).secs());
        format!(r#"{{"sid":"{sid}.{user}","before":{before},"ends":{ends}}}"#)
    });
    let entries: Vec<_> = entries.collect();
    let text = format!(
        r#"{{"version":1,"floor":0,"entries":[{}]}}"#,
        entries.join(",")
    );
    let list = Revocations::parse(text.as_bytes()).unwrap();
    RevocationState {
        revocations: list.clone(),
        provider_sessions: list,
        ..RevocationState::new(at(0))
    }
}

#[test]
fn the_entries_of_one_user_never_fill_a_list() {
    let mut state = full_of_users();
    for number in 0..500 {
        let revocation = Revocation::session(id(number), at(40_000));
        let batch = RevocationBatch {
            revocations: vec![revocation.began(at(100)).of(id(7))],
            provider_sessions: vec![ended_at_provider(number, 7, at(40_000))],
            logout_token: None,
        };
        state.apply(&batch, at(200));
    }
    assert_eq!(state.floor(), Timestamp::default());
    assert_eq!(state.provider_floor(), Timestamp::default());
    assert!(state.len() <= 2 * 4096);
    for number in 0..500 {
        let ended = session(number, 7, at(100));
        assert!(state.is_revoked(&ended, None, at(200)), "{number}");
        let by_provider = session(30_000, 7, at(100));
        let provider_session = Some(id(number));
        assert!(state.is_revoked(&by_provider, provider_session, at(200)));
    }
    for other in 0..4094 {
        let user = 20_000 + other;
        let ended = session(10_000 + other, user, at(100));
        assert!(state.is_revoked(&ended, None, at(200)), "{other}");
        let unrelated = session(not_revoked(other), user, at(100));
        let provider_session = Some(id(not_revoked(other)));
        assert!(!state.is_revoked(&unrelated, provider_session, at(200)));
    }
    // A later session of that user is not revoked.
    let later = session(9000, 7, at(201));
    assert!(!state.is_revoked(&later, Some(id(9000)), at(201)));
    let text = state.to_json();
    assert_eq!(RevocationState::parse(text.as_bytes()), Ok(state));
}

/// The id of a session that is not revoked.
const fn not_revoked(user: u16) -> u16 {
    40_000 + user
}

#[test]
fn only_a_list_full_of_different_users_raises_the_floor() {
    let mut state = full_of_users();
    for user in 0..3 {
        let batch = RevocationBatch {
            provider_sessions: vec![ended_at_provider(user, user, at(40_000))],
            ..RevocationBatch::default()
        };
        state.apply(&batch, at(300));
    }
    assert_eq!(state.provider_floor(), at(200));
    assert_eq!(state.floor(), Timestamp::default(), "that list has room");
}

#[test]
fn a_revocation_covers_a_session_that_began_ahead_of_the_clock() {
    let mut state = RevocationState::new(at(0));
    let known = Revocation::session(id(1), at(1000)).began(at(130));
    let without_began = Revocation::session(id(2), at(1000));
    let batch = RevocationBatch {
        revocations: vec![known, without_began],
        ..RevocationBatch::default()
    };
    state.apply(&batch, at(100));
    assert!(state.is_revoked(&session(1, 7, at(130)), None, at(200)));
    assert!(state.is_revoked(&session(2, 7, at(110)), None, at(200)));
}

#[test]
fn the_state_round_trips_through_json() {
    for count in [0, 1, 4096] {
        let state = full(count);
        let text = state.to_json();
        assert!(text.len() < RevocationState::MAX_BYTES);
        assert_eq!(RevocationState::parse(text.as_bytes()), Ok(state));
    }
}

#[test]
fn invalid_states_are_rejected() {
    let good = RevocationState::new(at(0)).to_json();
    assert!(RevocationState::parse(good.as_bytes()).is_ok());
    let bad = [
        String::new(),
        "{}".to_owned(),
        good.replace(r#""version":2,"beginning""#, r#""version":1,"beginning""#),
        good.replace(r#""version":2,"beginning""#, r#""version":3,"beginning""#),
        good.replace("floor", "flor"),
        good.replace("beginning", "begining"),
        good[..good.len() - 1].to_owned(),
        format!("{good}x"),
    ];
    for text in bad {
        assert!(RevocationState::parse(text.as_bytes()).is_err(), "{text}");
    }
    let newer = good.replace(r#"{"version":2,"#, r#"{"version":3,"extra":[],"#);
    let error = RevocationState::parse(newer.as_bytes()).unwrap_err();
    assert!(error.starts_with("unknown version 3"), "{error}");
}

#[test]
fn revocations_have_the_format_that_filters_read() {
    let mut state = RevocationState::new(at(0));
    state.apply(&batch(Revoked::Session(id(1)), at(1000)), at(100));
    let json = state.revocations(at(200)).to_json();
    let (before, ends) = (at(100).secs(), at(1000).secs());
    let expected = format!(
        r#"{{"version":1,"floor":0,"entries":[{{"sid":"{}","before":{before},"ends":{ends}}}]}}"#,
        id(1)
    );
    assert_eq!(json, expected);
}
