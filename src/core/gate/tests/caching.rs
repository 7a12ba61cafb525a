//! The cache never changes a decision.

use std::cell::Cell;

use super::*;
use crate::keys::Key;

/// Counts the signatures that are verified.
#[derive(Debug, Default)]
pub(super) struct Counting(pub(super) Cell<usize>);

impl Signatures for Counting {
    fn supports(&self, algorithm: Algorithm) -> bool {
        PureRust.supports(algorithm)
    }

    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        self.0.set(self.0.get() + 1);
        PureRust.verifies(key, message, signature)
    }
}

/// Evaluates a GET with a separate cache.
fn get(
    test: &TestGate,
    path: &str,
    token: &str,
    signatures: &dyn Signatures,
    cache: &mut TokenCache,
) -> Summary {
    let context = test.context(signatures);
    let request = format!("GET alertmanager.example.com {path}");
    let bearer = format!("Bearer {token}");
    evaluate(
        &test.gate,
        &request,
        &[("authorization", &bearer)],
        context,
        cache,
    )
}

#[test]
fn a_cached_token_is_not_verified_again_but_evaluated_each_time() {
    let test = TestGate::with_keys();
    let (counting, mut cache) = (Counting::default(), TokenCache::default());
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let caller = "blue/monitoring/karma";
    for (path, expected) in [
        (
            "/api/v2/alerts",
            decided(Reason::Rule, Some("polls"), caller),
        ),
        (
            "/api/v2/status",
            decided(Reason::Rule, Some("polls"), caller),
        ),
        ("/other", decided(Reason::CallerNotAllowed, None, caller)),
    ] {
        assert_eq!(get(&test, path, &token, &counting, &mut cache), expected);
    }
    // A token is cached the second time it is presented, so that time counts too.
    assert_eq!(counting.0.get(), 2);
}

#[test]
fn unverified_tokens_are_not_cached() {
    let test = TestGate::with_keys();
    let (counting, mut cache) = (Counting::default(), TokenCache::default());
    let expired = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 0);
    let elsewhere = karma(Algorithm::Es256, Some("blue-1"), "elsewhere", 600);
    let mut later = TestGate::with_keys();
    later.wait(60);
    for _ in 0..2 {
        let summary = get(&later, "/api/v2/alerts", &expired, &counting, &mut cache);
        assert_eq!(summary, refused(Reason::Expired));
        let summary = get(&test, "/api/v2/alerts", &elsewhere, &counting, &mut cache);
        assert_eq!(summary, refused(Reason::AudienceMismatch));
    }
    assert_eq!(counting.0.get(), 4);
}

/// A small pseudo-random number generator, with the same numbers in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }

    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let bound = u64::try_from(list.len()).unwrap();
        &list[usize::try_from(self.below(bound)).unwrap()]
    }
}

#[test]
fn the_decision_is_the_same_with_and_without_cache_in_any_order_of_events() {
    let algorithms = [Algorithm::EdDsa, Algorithm::Es256];
    let kids = ["blue-1", "green-1", "same"];
    let mut tokens = Vec::new();
    for algorithm in algorithms {
        for kid in kids.map(Some).into_iter().chain([None]) {
            for (audience, lifetime) in [("portcullis", 600), ("green", 5000), ("else", 600)] {
                tokens.push(karma(algorithm, kid, audience, lifetime));
            }
        }
    }
    let mut seen = Vec::new();
    for seed in 0..40 {
        let (mut random, mut test) = (Random(seed), TestGate::new());
        for step in 0..150 {
            match random.below(8) {
                0 => test.wait(random.below(20)),
                1 => test.wait(random.below(4000)),
                2 => test.now = test.now.before(Duration::from_secs(random.below(900))),
                3 => test.fetch(trust(usize::try_from(random.below(2)).unwrap()), None),
                4 => {
                    let keys = [(); 2].map(|()| (*random.pick(&algorithms), *random.pick(&kids)));
                    test.fetch(
                        trust(usize::try_from(random.below(2)).unwrap()),
                        Some(&keys),
                    );
                }
                _ => {
                    let token = random.pick(&tokens);
                    let mut cache = std::mem::take(&mut test.cache);
                    let path = "/api/v2/alerts";
                    let cached = get(&test, path, token, &PureRust, &mut cache);
                    let fresh = get(&test, path, token, &PureRust, &mut TokenCache::default());
                    assert_eq!(cached, fresh, "seed {seed}, step {step}");
                    test.cache = cache;
                    if let Summary::Decided(reason, ..) = fresh {
                        seen.push(reason);
                    }
                }
            }
        }
    }
    for reason in [
        Reason::Rule,
        Reason::Expired,
        Reason::KeyUnknown,
        Reason::AudienceMismatch,
    ] {
        assert!(
            seen.contains(&reason),
            "{reason} never came up, so nothing was proven of it"
        );
    }
}
