use super::*;
use crate::fixtures::key_set;
use crate::keys::fixtures::{START, after, at, fetch, keyring, plain, source, trust};
use crate::token::Algorithm;

fn kids(trust_keys: &TrustKeys, now: Timestamp) -> Vec<&str> {
    trust_keys
        .current()
        .chain(trust_keys.retiring(now))
        .filter_map(Key::kid)
        .collect()
}

#[test]
fn keys_are_usable_until_max_stale_exactly() {
    let trust = trust(
        r#"{"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks", "max_stale": "1h"}"#,
    );
    assert_eq!(after(&trust, &[]).condition(START), Condition::Empty);
    assert_eq!(
        after(&trust, &[(0, None)]).condition(at(1)),
        Condition::Empty
    );
    let trust_keys = after(&trust, &[(0, Some(&["a"])), (300, None)]);
    assert_eq!(trust_keys.condition(at(3600)), Condition::Usable);
    assert_eq!(trust_keys.condition(at(3601)), Condition::Stale);
}

#[test]
fn an_inline_set_without_a_cluster_never_becomes_stale() {
    let inline = key_set(Algorithm::EdDsa, "a").to_json();
    let trust_keys = after(&trust(&format!(r#"{{"inline": {inline}}}"#)), &[]);
    assert_eq!(trust_keys.condition(at(u32::MAX.into())), Condition::Usable);
    assert_eq!(
        trust_keys.look_up_missing(Some("b"), START, START),
        KeyLookup::Absent
    );
}

#[test]
fn k10_retiring_keys_are_accepted_until_their_end() {
    let trust_keys = after(&plain(), &[(0, Some(&["a", "b"])), (300, Some(&["a"]))]);
    assert_eq!(kids(&trust_keys, at(599)), ["a", "b"]);
    assert_eq!(kids(&trust_keys, at(600)), ["a"]);
}

#[test]
fn a_refused_key_is_ignored_at_once_and_causes_no_fetch() {
    let trust = trust(
        r#"{"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks", "refuse_kids": ["b"]}"#,
    );
    let trust_keys = after(&trust, &[(0, Some(&["a", "b"]))]);
    assert_eq!(kids(&trust_keys, START), ["a"]);
    assert_eq!(
        trust_keys.look_up_missing(Some("b"), at(100), at(100)),
        KeyLookup::Absent
    );
    assert_eq!(
        trust_keys.look_up_missing(Some("c"), at(100), at(100)),
        KeyLookup::Pending
    );
}

#[test]
fn j11_a_key_is_absent_after_a_good_fetch_since_or_just_before() {
    let trust_keys = after(&plain(), &[(100, Some(&["a"]))]);
    let look_up = |arrived, now| trust_keys.look_up_missing(Some("b"), at(arrived), at(now));
    assert_eq!(
        look_up(99, 101),
        KeyLookup::Absent,
        "fetched since the token arrived"
    );
    assert_eq!(
        look_up(99, 200),
        KeyLookup::Absent,
        "fetched since the token arrived, long ago"
    );
    assert_eq!(look_up(105, 109), KeyLookup::Absent, "fetched just before");
    assert_eq!(
        look_up(110, 110),
        KeyLookup::Pending,
        "fetched too long before"
    );
}

#[test]
fn h04_a_missing_key_is_unavailable_after_a_failed_fetch() {
    let trust_keys = after(&plain(), &[(0, Some(&["a"])), (100, None)]);
    let look_up = |arrived, now| trust_keys.look_up_missing(Some("b"), at(arrived), at(now));
    assert_eq!(look_up(99, 101), KeyLookup::Unavailable);
    assert_eq!(look_up(105, 109), KeyLookup::Unavailable);
    assert_eq!(
        look_up(110, 110),
        KeyLookup::Pending,
        "the next fetch may have it"
    );
}

#[test]
fn a_missing_key_is_pending_during_a_fetch() {
    let trust = plain();
    let remote = trust.keys.remote.clone().unwrap();
    let mut record = KeyRecord::new(&trust.keys, START);
    fetch(&mut record, &trust, START, None).unwrap_err();
    record.begin(&trust, &remote, 1, at(2));
    let mut keyring = keyring(std::slice::from_ref(&trust));
    keyring.update(source(0), record);
    let trust_keys = keyring.trust_keys(source(0)).unwrap();
    assert_eq!(
        trust_keys.look_up_missing(Some("b"), at(1), at(3)),
        KeyLookup::Pending
    );
}

#[test]
fn no_key_is_absent_after_the_clock_steps_back() {
    let trust_keys = after(&plain(), &[(3600, Some(&["a"]))]);
    assert_eq!(
        trust_keys.look_up_missing(Some("b"), START, START),
        KeyLookup::Pending
    );
    assert_eq!(trust_keys.condition(START), Condition::Usable);
}
