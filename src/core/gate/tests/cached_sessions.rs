//! The cache never changes a decision: sessions, and tokens presented for another purpose.

use super::caching::{Counting, Random};
use super::users::*;
use super::*;
use crate::session::Revoked;

/// Evaluates a request with a separate cache.
fn get(
    test: &TestGate,
    headers: &[(&str, &str)],
    signatures: &dyn Signatures,
    cache: &mut TokenCache,
) -> Summary {
    evaluate(&test.gate, ALERTS, headers, test.context(signatures), cache)
}

#[test]
fn a_cached_session_token_is_not_verified_again_but_its_expiry_is_checked_each_time() {
    let mut test = TestGate::for_users();
    let (counting, mut cache) = (Counting::default(), TokenCache::default());
    let cookies = format!("{}; __Secure-portcullis-session=s", cookie(&session()));
    let headers = [("cookie", cookies.as_str())];
    let operator = decided(Reason::Rule, Some("operators"), ALICE);
    for _ in 0..3 {
        assert_eq!(get(&test, &headers, &counting, &mut cache), operator);
    }
    let mut later = TestGate::for_users();
    later.wait(300);
    for _ in 0..2 {
        let summary = get(&later, &headers, &counting, &mut cache);
        assert!(matches!(summary, Summary::Refresh(..)), "{summary:?}");
    }
    let ends = START.after(Duration::from_secs(3600));
    test.revocations
        .revoke(Revoked::Session(sid(1)), START, ends, START);
    assert_eq!(
        get(&test, &headers, &counting, &mut cache),
        refused(Reason::Revoked)
    );
    assert_eq!(counting.0.get(), 2);
}

#[test]
fn j09_the_decision_for_sessions_is_the_same_with_and_without_cache() {
    let mut tokens: Vec<String> = [(1, 0), (1, 250), (1, 3000), (2, 0), (2, 3000)]
        .map(|(number, after)| session_of(number, after))
        .into();
    tokens.push(session_with(&[("aud", "\"else\"")]));
    tokens.push(token(Algorithm::Es256, &header("JWT"), &payload(&[])));
    tokens.push(karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600));
    let mut seen = Vec::new();
    for seed in 0..40 {
        let (mut random, mut test) = (Random(seed), TestGate::for_users());
        for step in 0..60 {
            match random.below(9) {
                0 => test.wait(random.below(20)),
                1 => test.wait(random.below(700)),
                2 => test.now = test.now.before(Duration::from_secs(random.below(900))),
                3 => {
                    let kids = [None, Some(KID), Some("session-2")];
                    let key = random.pick(&kids).map(|kid| [(Algorithm::Es256, kid)]);
                    test.fetch(COMPANION, key.as_ref().map(|keys| &keys[..]));
                }
                4 => {
                    let target =
                        *random.pick(&[Revoked::Session(sid(1)), Revoked::Session(sid(2))]);
                    let ends = test.now.after(Duration::from_secs(random.below(600)));
                    let now = test.now;
                    test.revocations.revoke(target, START, ends, now);
                }
                _ => {
                    let (one, other) = (random.pick(&tokens), random.pick(&tokens));
                    let cookies = format!(
                        "{}; {}; __Secure-portcullis-session=s",
                        cookie(one),
                        cookie(other)
                    );
                    let bearer = format!("Bearer {one}");
                    let headers = match random.below(3) {
                        0 => vec![("authorization", bearer.as_str())],
                        _ => vec![("cookie", cookies.as_str())],
                    };
                    let mut cache = std::mem::take(&mut test.cache);
                    let cached = get(&test, &headers, &PureRust, &mut cache);
                    let fresh = get(&test, &headers, &PureRust, &mut TokenCache::default());
                    assert_eq!(cached, fresh, "seed {seed}, step {step}");
                    test.cache = cache;
                    seen.push(fresh);
                }
            }
        }
    }
    let decided = |reason| {
        seen.iter()
            .any(|summary| matches!(summary, Summary::Decided(known, ..) if *known == reason))
    };
    for reason in [
        Reason::Rule,
        Reason::Revoked,
        Reason::NoCredentials,
        Reason::TokenMalformed,
        Reason::NotYetValid,
    ] {
        assert!(decided(reason), "{reason} never came up");
    }
    assert!(seen.iter().any(|one| matches!(one, Summary::Refresh(..))));
    assert!(seen.iter().any(|one| matches!(one, Summary::Await(..))));
}
