//! The selection of the trust entry for a token.

use super::*;
use crate::fixtures::key_set;

#[test]
fn k08_clusters_that_share_an_issuer_are_distinguished_by_their_keys() {
    let mut test = TestGate::with_keys();
    let blue = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let green = karma(Algorithm::EdDsa, Some("green-1"), "portcullis", 600);
    assert_eq!(
        test.poll(&blue),
        decided(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
    assert_eq!(
        test.poll(&green),
        decided(Reason::Rule, Some("all-of-green"), "green/monitoring/karma")
    );
}

#[test]
fn j19_a_key_of_one_issuer_verifies_no_token_of_another() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Rs256, Some("gitlab-1"), "portcullis", 600);
    assert_eq!(test.poll(&token), refused(Reason::KeyUnknown));
    let named_like_blues = karma(Algorithm::Rs256, Some("blue-1"), "portcullis", 600);
    assert_eq!(
        test.poll(&named_like_blues),
        refused(Reason::AlgorithmRefused)
    );
}

#[test]
fn a_signature_of_another_key_is_invalid() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 601);
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(
        test.poll(&format!("{signed}.{signature}")),
        refused(Reason::SignatureInvalid)
    );
}

#[test]
fn k08_the_audience_distinguishes_entries_with_the_same_key() {
    // Both entries have it in their pins. Otherwise it would belong to the first one.
    let shared = [(Algorithm::Es256, "same")];
    let thumbprint = key_set(Algorithm::Es256, "same").keys()[0].thumbprint();
    let pins = format!(r#""max_stale": "1h", "pins": ["{thumbprint}"]"#);
    let mut test = TestGate::of(&POLICY.replace(r#""max_stale": "1h""#, &pins));
    test.fetch(trust(0), Some(&shared));
    test.fetch(trust(1), Some(&shared));
    let token = karma(Algorithm::Es256, Some("same"), "green", 600);
    assert_eq!(
        test.poll(&token),
        decided(Reason::Rule, Some("all-of-green"), "green/monitoring/karma")
    );
    let token = karma(Algorithm::Es256, Some("same"), "elsewhere", 600);
    assert_eq!(test.poll(&token), refused(Reason::AudienceMismatch));
}

#[test]
fn an_issuer_without_a_trust_entry_is_unknown() {
    let mut test = TestGate::with_keys();
    let payload = r#"{"iss":"https://evil.example","aud":"portcullis","exp":1800000600,"sub":"a"}"#;
    let token = token(
        Algorithm::Es256,
        r#"{"alg":"ES256","kid":"blue-1"}"#,
        payload,
    );
    assert_eq!(test.poll(&token), refused(Reason::IssuerUnknown));
}

#[test]
fn k05_a_token_with_a_lifetime_of_a_year_is_refused() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 31_536_000);
    assert_eq!(test.poll(&token), refused(Reason::LifetimeTooLong));
}

/// Evaluates a poll that arrived at `arrived` and waited.
fn poll_since(test: &mut TestGate, arrived: Timestamp, token: &str) -> Summary {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    test.evaluate_at(
        "GET alertmanager.example.com /api/v2/alerts",
        &headers,
        arrived,
    )
}

#[test]
fn j11_an_unknown_kid_waits_for_every_entry_that_could_have_it() {
    let mut test = TestGate::with_keys();
    test.wait(10);
    let arrived = test.now;
    let token = karma(Algorithm::Rs256, Some("blue-2"), "portcullis", 600);
    assert_eq!(test.poll(&token), Summary::Await(vec![trust(0), trust(1)]));
    test.wait(1);
    test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    assert_eq!(
        poll_since(&mut test, arrived, &token),
        Summary::Await(vec![trust(0)])
    );
    test.fetch(trust(0), Some(&[(Algorithm::Rs256, "blue-2")]));
    assert_eq!(
        poll_since(&mut test, arrived, &token),
        Summary::Await(vec![trust(1)]),
        "green may have the key too"
    );
    test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    assert_eq!(
        poll_since(&mut test, arrived, &token),
        decided(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
}

#[test]
fn k11_a_key_that_no_set_has_is_unknown_after_all_were_fetched() {
    let mut test = TestGate::with_keys();
    test.wait(10);
    let arrived = test.now;
    let token = karma(Algorithm::EdDsa, Some("not-published"), "portcullis", 600);
    assert_eq!(test.poll(&token), Summary::Await(vec![trust(0), trust(1)]));
    test.wait(1);
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    assert_eq!(
        poll_since(&mut test, arrived, &token),
        refused(Reason::KeyUnknown)
    );
}

#[test]
fn h04_missing_keys_of_an_issuer_lead_to_503() {
    let mut test = TestGate::with_keys();
    test.wait(10);
    test.fetch(trust(0), None);
    test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    let token = karma(Algorithm::Es256, Some("blue-2"), "portcullis", 600);
    assert_eq!(test.poll(&token), refused(Reason::KeysUnavailable));
    let known = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    assert_eq!(
        test.poll(&known),
        decided(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
}

#[test]
fn h04_before_the_first_fetch_requests_wait_and_then_get_503() {
    let mut test = TestGate::new();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    assert_eq!(test.poll(&token), Summary::Await(vec![trust(0), trust(1)]));
    test.fetch(trust(0), None);
    test.fetch(trust(1), None);
    assert_eq!(test.poll(&token), refused(Reason::KeysUnavailable));
    let app = &test.gate.policy().apps()[0];
    assert_eq!(test.gate.give_up(app).reason(), Reason::KeysUnavailable);
}

#[test]
fn stale_keys_verify_nothing_and_have_their_own_reason() {
    let mut test = TestGate::with_keys();
    test.wait(3601);
    test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    let blue = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 7200);
    let green = karma(Algorithm::EdDsa, Some("green-1"), "portcullis", 7200);
    assert_eq!(test.poll(&blue), refused(Reason::KeysStale));
    assert_eq!(
        test.poll(&green),
        decided(Reason::Rule, Some("all-of-green"), "green/monitoring/karma"),
        "the failure of one issuer does not affect the tokens of another"
    );
}

#[test]
fn j11_without_a_kid_the_only_matching_key_is_used() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, None, "portcullis", 600);
    assert_eq!(
        test.poll(&token),
        decided(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
    test.fetch(
        trust(0),
        Some(&[(Algorithm::Es256, "a"), (Algorithm::Es256, "b")]),
    );
    assert_eq!(
        test.poll(&token),
        refused(Reason::KeyUnknown),
        "two keys could be meant"
    );
}

#[test]
fn j11_without_a_kid_a_missing_key_set_leads_to_503() {
    let mut test = TestGate::new();
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    test.fetch(trust(1), None);
    let token = karma(Algorithm::EdDsa, None, "portcullis", 600);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    assert_eq!(test.poll(&forged), refused(Reason::KeysUnavailable));
}

#[test]
fn many_keys_with_the_kid_of_another_issuer_do_not_affect_it() {
    let mut test = TestGate::with_keys();
    let named = [(Algorithm::Es256, "green-1"), (Algorithm::Rs256, "green-1")];
    test.fetch(trust(0), Some(&named));
    let green = karma(Algorithm::EdDsa, Some("green-1"), "portcullis", 600);
    assert_eq!(
        test.poll(&green),
        decided(Reason::Rule, Some("all-of-green"), "green/monitoring/karma")
    );
    test.wait(10);
    test.fetch(trust(0), Some(&[(Algorithm::Es256, "green-2")]));
    let next = karma(Algorithm::EdDsa, Some("green-2"), "portcullis", 600);
    assert_eq!(
        test.poll(&next),
        Summary::Await(vec![trust(1)]),
        "green may have a key of that name"
    );
}

#[test]
fn j11_without_a_kid_the_old_and_the_new_key_are_accepted_during_a_rotation() {
    let mut test = TestGate::with_keys();
    let blue = |algorithm| karma(algorithm, None, "portcullis", 600);
    let caller = "blue/monitoring/karma";
    test.fetch(trust(1), Some(&[(Algorithm::Rs256, "green-1")]));
    test.fetch(trust(0), Some(&[(Algorithm::Es256, "blue-1")]));
    assert_eq!(
        test.poll(&blue(Algorithm::Es256)),
        decided(Reason::Rule, Some("polls"), caller)
    );
    test.fetch(trust(0), Some(&[(Algorithm::Es256, "blue-2")]));
    assert_eq!(
        test.poll(&blue(Algorithm::Es256)),
        decided(Reason::Rule, Some("polls"), caller)
    );
}
