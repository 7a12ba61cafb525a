//! A cache saves work and never changes a verdict: sessions, and tokens shown as what they are not.

use super::caching::{Counting, Random};
use super::people::*;
use super::*;
use crate::session::Revoked;

/// Evaluates a request by what a world knows, with a cache of its own.
fn get(
    world: &TestGate,
    headers: &[(&str, &str)],
    signatures: &dyn Signatures,
    cache: &mut TokenCache,
) -> Verdict {
    let context = Context {
        keyring: &world.keyring,
        signatures,
        revocations: &world.revocations,
        arrived: world.now,
        now: world.now,
    };
    evaluate(&world.gate, ALERTS, headers, context, cache)
}

#[test]
fn a_cached_session_token_is_not_verified_again_but_its_expiry_is_checked_each_time() {
    let mut world = TestGate::of_people();
    let (counting, mut cache) = (Counting::default(), TokenCache::default());
    let cookies = format!("{}; __Secure-portcullis-session=s", cookie(&session()));
    let headers = [("cookie", cookies.as_str())];
    let operator = verdict(Reason::Rule, Some("operators"), ALICE);
    for _ in 0..3 {
        assert_eq!(get(&world, &headers, &counting, &mut cache), operator);
    }
    let mut later = TestGate::of_people();
    later.wait(300);
    for _ in 0..2 {
        let verdict = get(&later, &headers, &counting, &mut cache);
        assert!(matches!(verdict, Verdict::Refresh(..)), "{verdict:?}");
    }
    let ends = START.after(Duration::from_secs(3600));
    world
        .revocations
        .end(Revoked::Session(sid(1)), START, ends, START);
    assert_eq!(
        get(&world, &headers, &counting, &mut cache),
        refused(Reason::Revoked)
    );
    assert_eq!(counting.0.get(), 2);
}

#[test]
fn j09_a_cached_verdict_is_the_fresh_one_for_people_too() {
    let mut tokens: Vec<String> = [(1, 0), (1, 250), (1, 3000), (2, 0), (2, 3000)]
        .map(|(number, after)| session_of(number, after))
        .into();
    tokens.push(session_with(&[("aud", "\"else\"")]));
    tokens.push(token(Algorithm::Es256, &header("JWT"), &payload(&[])));
    tokens.push(karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600));
    let mut seen = Vec::new();
    for seed in 0..40 {
        let (mut random, mut world) = (Random(seed), TestGate::of_people());
        for step in 0..60 {
            match random.below(9) {
                0 => world.wait(random.below(20)),
                1 => world.wait(random.below(700)),
                2 => world.now = world.now.before(Duration::from_secs(random.below(900))),
                3 => {
                    let kids = [None, Some(KID), Some("session-2")];
                    let key = random.pick(&kids).map(|kid| [(Algorithm::Es256, kid)]);
                    world.read(COMPANION, key.as_ref().map(|keys| &keys[..]));
                }
                4 => {
                    let mark = *random.pick(&[Revoked::Session(sid(1)), Revoked::Session(sid(2))]);
                    let ends = world.now.after(Duration::from_secs(random.below(600)));
                    let now = world.now;
                    world.revocations.end(mark, START, ends, now);
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
                    let mut cache = std::mem::take(&mut world.cache);
                    let cached = get(&world, &headers, &PureRust, &mut cache);
                    let fresh = get(&world, &headers, &PureRust, &mut TokenCache::default());
                    assert_eq!(cached, fresh, "seed {seed}, step {step}");
                    world.cache = cache;
                    seen.push(fresh);
                }
            }
        }
    }
    let decided = |reason| {
        seen.iter()
            .any(|verdict| matches!(verdict, Verdict::Decided(known, ..) if *known == reason))
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
    assert!(seen.iter().any(|one| matches!(one, Verdict::Refresh(..))));
    assert!(seen.iter().any(|one| matches!(one, Verdict::Await(..))));
}
