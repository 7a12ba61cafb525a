//! The selection of the trust entry for a token.

use super::*;

#[test]
fn k08_clusters_that_share_an_issuer_are_distinguished_by_their_keys() {
    let mut world = TestGate::with_keys();
    let blue = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let green = karma(Algorithm::EdDsa, Some("green-1"), "portcullis", 600);
    assert_eq!(
        world.poll(&blue),
        verdict(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
    assert_eq!(
        world.poll(&green),
        verdict(Reason::Rule, Some("all-of-green"), "green/monitoring/karma")
    );
}

#[test]
fn j19_a_key_of_one_issuer_vouches_for_no_other() {
    let mut world = TestGate::with_keys();
    let token = karma(Algorithm::Rs256, Some("gitlab-1"), "portcullis", 600);
    assert_eq!(world.poll(&token), refused(Reason::KeyUnknown));
    let named_like_blues = karma(Algorithm::Rs256, Some("blue-1"), "portcullis", 600);
    assert_eq!(
        world.poll(&named_like_blues),
        refused(Reason::AlgorithmRefused)
    );
}

#[test]
fn a_signature_of_another_key_is_invalid() {
    let mut world = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 601);
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(
        world.poll(&format!("{signed}.{signature}")),
        refused(Reason::SignatureInvalid)
    );
}

#[test]
fn k08_an_audience_that_only_one_of_them_has_finds_that_one() {
    let mut world = TestGate::with_keys();
    let shared = [(Algorithm::Es256, "same")];
    world.read(trust(0), Some(&shared));
    world.read(trust(1), Some(&shared));
    let token = karma(Algorithm::Es256, Some("same"), "green", 600);
    assert_eq!(
        world.poll(&token),
        verdict(Reason::Rule, Some("all-of-green"), "green/monitoring/karma")
    );
    let token = karma(Algorithm::Es256, Some("same"), "elsewhere", 600);
    assert_eq!(world.poll(&token), refused(Reason::AudienceMismatch));
}

#[test]
fn an_issuer_without_a_trust_entry_is_unknown() {
    let mut world = TestGate::with_keys();
    let payload = r#"{"iss":"https://evil.example","aud":"portcullis","exp":1800000600,"sub":"a"}"#;
    let token = token(
        Algorithm::Es256,
        r#"{"alg":"ES256","kid":"blue-1"}"#,
        payload,
    );
    assert_eq!(world.poll(&token), refused(Reason::IssuerUnknown));
}

#[test]
fn k05_a_year_long_token_lives_too_long() {
    let mut world = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 31_536_000);
    assert_eq!(world.poll(&token), refused(Reason::LifetimeTooLong));
}

/// Evaluates a poll that came then, and waited.
fn poll_since(world: &mut TestGate, arrived: Timestamp, token: &str) -> Verdict {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    world.evaluate_at(
        "GET alertmanager.example.com /api/v2/alerts",
        &headers,
        arrived,
    )
}

#[test]
fn j11_an_unknown_kid_waits_for_every_entry_that_could_have_it() {
    let mut world = TestGate::with_keys();
    world.wait(10);
    let arrived = world.now;
    let token = karma(Algorithm::EdDsa, Some("blue-2"), "portcullis", 600);
    assert_eq!(world.poll(&token), Verdict::Await(vec![trust(0), trust(1)]));
    world.wait(1);
    world.read(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    assert_eq!(
        poll_since(&mut world, arrived, &token),
        Verdict::Await(vec![trust(0)])
    );
    world.read(trust(0), Some(&[(Algorithm::EdDsa, "blue-2")]));
    assert_eq!(
        poll_since(&mut world, arrived, &token),
        verdict(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
}

#[test]
fn k11_a_key_that_no_set_shows_is_unknown_once_all_were_read() {
    let mut world = TestGate::with_keys();
    world.wait(10);
    let arrived = world.now;
    let token = karma(Algorithm::EdDsa, Some("not-published"), "portcullis", 600);
    assert_eq!(world.poll(&token), Verdict::Await(vec![trust(0), trust(1)]));
    world.wait(1);
    world.read(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    world.read(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    assert_eq!(
        poll_since(&mut world, arrived, &token),
        refused(Reason::KeyUnknown)
    );
}

#[test]
fn h04_unreadable_keys_are_unavailable() {
    let mut world = TestGate::with_keys();
    world.wait(10);
    world.read(trust(0), None);
    world.read(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    let token = karma(Algorithm::Es256, Some("blue-2"), "portcullis", 600);
    assert_eq!(world.poll(&token), refused(Reason::KeysUnavailable));
    let known = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    assert_eq!(
        world.poll(&known),
        verdict(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
}

#[test]
fn h04_before_the_first_read_requests_wait_and_are_then_answered_503() {
    let mut world = TestGate::new();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    assert_eq!(world.poll(&token), Verdict::Await(vec![trust(0), trust(1)]));
    world.read(trust(0), None);
    world.read(trust(1), None);
    assert_eq!(world.poll(&token), refused(Reason::KeysUnavailable));
    let app = &world.gate.policy().apps()[0];
    assert_eq!(world.gate.give_up(app).reason(), Reason::KeysUnavailable);
}

#[test]
fn stale_keys_verify_nothing_and_say_so() {
    let mut world = TestGate::with_keys();
    world.wait(3601);
    world.read(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    let blue = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 7200);
    let green = karma(Algorithm::EdDsa, Some("green-1"), "portcullis", 7200);
    assert_eq!(world.poll(&blue), refused(Reason::KeysStale));
    assert_eq!(
        world.poll(&green),
        verdict(Reason::Rule, Some("all-of-green"), "green/monitoring/karma"),
        "one issuer's trouble never touches another's tokens"
    );
}

#[test]
fn j11_without_a_kid_the_only_key_that_fits_is_meant() {
    let mut world = TestGate::with_keys();
    let token = karma(Algorithm::Es256, None, "portcullis", 600);
    assert_eq!(
        world.poll(&token),
        verdict(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
    world.read(
        trust(0),
        Some(&[(Algorithm::Es256, "a"), (Algorithm::Es256, "b")]),
    );
    assert_eq!(
        world.poll(&token),
        refused(Reason::KeyUnknown),
        "two keys could be meant"
    );
}

#[test]
fn j11_without_a_kid_a_key_that_could_not_be_read_may_be_the_one() {
    let mut world = TestGate::new();
    world.read(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    world.read(trust(1), None);
    let token = karma(Algorithm::EdDsa, None, "portcullis", 600);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    assert_eq!(world.poll(&forged), refused(Reason::KeysUnavailable));
}

#[test]
fn an_issuer_that_gives_many_keys_the_name_of_anothers_takes_nothing_away() {
    let mut world = TestGate::with_keys();
    let named = [(Algorithm::Es256, "green-1"), (Algorithm::Rs256, "green-1")];
    world.read(trust(0), Some(&named));
    let green = karma(Algorithm::EdDsa, Some("green-1"), "portcullis", 600);
    assert_eq!(
        world.poll(&green),
        verdict(Reason::Rule, Some("all-of-green"), "green/monitoring/karma")
    );
    world.wait(10);
    world.read(trust(0), Some(&[(Algorithm::Es256, "green-2")]));
    let next = karma(Algorithm::EdDsa, Some("green-2"), "portcullis", 600);
    assert_eq!(
        world.poll(&next),
        Verdict::Await(vec![trust(1)]),
        "green may have a key of that name"
    );
}

#[test]
fn j11_without_a_kid_a_rotation_refuses_neither_the_old_key_nor_the_new() {
    let mut world = TestGate::with_keys();
    let blue = |algorithm| karma(algorithm, None, "portcullis", 600);
    let caller = "blue/monitoring/karma";
    world.read(trust(1), Some(&[(Algorithm::Rs256, "green-1")]));
    world.read(trust(0), Some(&[(Algorithm::Es256, "blue-1")]));
    assert_eq!(
        world.poll(&blue(Algorithm::Es256)),
        verdict(Reason::Rule, Some("polls"), caller)
    );
    world.read(trust(0), Some(&[(Algorithm::Es256, "blue-2")]));
    assert_eq!(
        world.poll(&blue(Algorithm::Es256)),
        verdict(Reason::Rule, Some("polls"), caller)
    );
}
