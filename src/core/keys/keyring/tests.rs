use super::*;
use crate::fixtures::key_set;
use crate::keys::HttpAnswer;
use crate::keys::fixtures::{good, plain, read, set_of, trust};
use crate::token::Algorithm;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// The holding of a trust entry after these reads: at which second, and what came.
fn after(trust: &Trust, reads: &[(u64, Option<&[&str]>)]) -> Holding {
    let mut keyring = Keyring::new(std::slice::from_ref(trust), START);
    let mut record = Record::new(&trust.keys, START);
    for (seconds, kids) in reads {
        let body = kids.map(set_of);
        let answer: Option<HttpAnswer<'_>> = body.as_deref().map(good);
        let _outcome = read(&mut record, trust, at(*seconds), answer.as_ref());
    }
    keyring.update(0, record);
    keyring.holding(0).unwrap().clone()
}

fn kids(holding: &Holding, now: Timestamp) -> Vec<&str> {
    holding
        .current()
        .chain(holding.retiring(now))
        .filter_map(Key::kid)
        .collect()
}

#[test]
fn keys_are_usable_until_max_stale_and_not_a_moment_longer() {
    let trust = trust(
        r#"{"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks", "max_stale": "1h"}"#,
    );
    assert_eq!(after(&trust, &[]).condition(START), Condition::Empty);
    assert_eq!(
        after(&trust, &[(0, None)]).condition(at(1)),
        Condition::Empty
    );
    let holding = after(&trust, &[(0, Some(&["a"])), (300, None)]);
    assert_eq!(holding.condition(at(3600)), Condition::Usable);
    assert_eq!(holding.condition(at(3601)), Condition::Stale);
}

#[test]
fn an_inline_set_without_a_cluster_never_grows_stale() {
    let inline = key_set(Algorithm::EdDsa, "a").to_json();
    let holding = after(&trust(&format!(r#"{{"inline": {inline}}}"#)), &[]);
    assert_eq!(holding.condition(at(u32::MAX.into())), Condition::Usable);
    assert_eq!(holding.absence(Some("b"), START, START), Absence::Certain);
}

#[test]
fn k10_retiring_keys_count_until_their_time() {
    let holding = after(&plain(), &[(0, Some(&["a", "b"])), (300, Some(&["a"]))]);
    assert_eq!(kids(&holding, at(599)), ["a", "b"]);
    assert_eq!(kids(&holding, at(600)), ["a"]);
}

#[test]
fn a_refused_key_is_gone_at_once_and_no_read_is_asked_for() {
    let trust = trust(
        r#"{"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks", "refuse_kids": ["b"]}"#,
    );
    let holding = after(&trust, &[(0, Some(&["a", "b"]))]);
    assert_eq!(kids(&holding, START), ["a"]);
    assert_eq!(
        holding.absence(Some("b"), at(100), at(100)),
        Absence::Certain
    );
    assert_eq!(
        holding.absence(Some("c"), at(100), at(100)),
        Absence::Unread
    );
}

#[test]
fn j11_absence_is_certain_after_a_good_read_since_or_just_before() {
    let holding = after(&plain(), &[(100, Some(&["a"]))]);
    let absence = |arrived, now| holding.absence(Some("b"), at(arrived), at(now));
    assert_eq!(absence(99, 101), Absence::Certain, "read since it came");
    assert_eq!(
        absence(99, 200),
        Absence::Certain,
        "read since it came, long ago"
    );
    assert_eq!(absence(105, 109), Absence::Certain, "read just before");
    assert_eq!(absence(110, 110), Absence::Unread, "read too long before");
}

#[test]
fn h04_absence_is_unknowable_after_a_failed_read() {
    let holding = after(&plain(), &[(0, Some(&["a"])), (100, None)]);
    let absence = |arrived, now| holding.absence(Some("b"), at(arrived), at(now));
    assert_eq!(absence(99, 101), Absence::Unknowable);
    assert_eq!(absence(105, 109), Absence::Unknowable);
    assert_eq!(absence(110, 110), Absence::Unread, "the next read may tell");
}

#[test]
fn a_read_that_is_going_on_will_tell() {
    let trust = plain();
    let remote = trust.keys.remote.clone().unwrap();
    let mut record = Record::new(&trust.keys, START);
    read(&mut record, &trust, START, None).unwrap_err();
    record.begin(&trust, &remote, 1, at(2));
    let mut keyring = Keyring::new(std::slice::from_ref(&trust), START);
    keyring.update(0, record);
    let holding = keyring.holding(0).unwrap();
    assert_eq!(holding.absence(Some("b"), at(1), at(3)), Absence::Unread);
}

#[test]
fn a_clock_that_steps_back_makes_nothing_certain() {
    let holding = after(&plain(), &[(3600, Some(&["a"]))]);
    assert_eq!(holding.absence(Some("b"), START, START), Absence::Unread);
    assert_eq!(holding.condition(START), Condition::Usable);
}

#[test]
fn one_key_in_two_sets_is_found() {
    let (one, other) = (plain(), plain());
    let mut keyring = Keyring::new(&[one.clone(), other], START);
    let holding = after(&one, &[(0, Some(&["a"]))]);
    keyring.update(0, holding.record().clone());
    assert!(keyring.shared().is_empty());
    keyring.update(1, after(&one, &[(0, Some(&["b"]))]).record().clone());
    let places: Vec<_> = keyring
        .shared()
        .iter()
        .map(|(_, one, other)| (*one, *other))
        .collect();
    assert_eq!(places, [(0, 1)]);
}
