//! Keys that several trust entries of one issuer publish.

use super::*;
use crate::decision::Class;
use crate::fixtures::public_members;

const BLUE: &str = "blue/monitoring/karma";
const GREEN: &str = "green/monitoring/karma";

fn token_of(algorithm: Algorithm, kid: &str) -> String {
    karma(algorithm, Some(kid), "portcullis", 600)
}

fn of_blue() -> Summary {
    decided(Reason::Rule, Some("polls"), BLUE)
}

fn of_green() -> Summary {
    decided(Reason::Rule, Some("all-of-green"), GREEN)
}

#[test]
fn k08_an_entry_that_copies_a_key_does_not_take_over_the_callers() {
    let token = token_of(Algorithm::EdDsa, "green-1");
    let blue = (Algorithm::Es256, "blue-1");
    for kid in ["green-1", "blue-2"] {
        let mut test = TestGate::with_keys();
        assert_eq!(test.poll(&token), of_green());
        // Blue is listed first.
        for _ in 0..3 {
            test.fetch(trust(0), Some(&[(Algorithm::EdDsa, kid), blue]));
            assert_eq!(test.poll(&token), of_green());
            test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
            assert_eq!(test.poll(&token), of_green(), "a new and a cached token");
        }
        let own = token_of(Algorithm::Es256, "blue-1");
        assert_eq!(test.poll(&own), of_blue());
    }
}

#[test]
fn k08_a_copied_key_is_not_valid_under_the_kid_of_the_copy() {
    let mut test = TestGate::with_keys();
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-2")]));
    test.fetch(trust(1), Some(&[(Algorithm::EdDsa, "green-1")]));
    let token = token_of(Algorithm::EdDsa, "blue-2");
    assert_eq!(test.poll(&token), refused(Reason::KeyUnknown));
    test.wait(10);
    assert_eq!(
        test.poll(&token),
        Summary::Await(vec![trust(0), trust(1)]),
        "all entries of the issuer are fetched again"
    );
}

#[test]
fn h04_a_new_key_waits_for_the_other_entries_and_is_never_a_401() {
    let mut test = TestGate::with_keys();
    let token = token_of(Algorithm::Rs256, "blue-2");
    let rotated = [(Algorithm::Es256, "blue-1"), (Algorithm::Rs256, "blue-2")];
    test.fetch(trust(0), Some(&rotated));
    assert_eq!(test.poll(&token), Summary::Await(vec![trust(1)]));
    assert_eq!(test.poll(&token_of(Algorithm::Es256, "blue-1")), of_blue());
    let app = &test.gate.policy().apps()[0];
    assert_eq!(test.gate.give_up(app).reason(), Reason::KeysUnavailable);
    test.fetch(trust(1), None);
    assert_eq!(test.poll(&token), of_blue(), "green was tried");
}

#[test]
fn h04_a_waiting_key_takes_precedence_over_one_of_another_entry_with_its_kid() {
    let mut test = TestGate::new();
    let other = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let named = |members: &str| Some(jwks(&[format!(r#"{{"kid":"k",{members}}}"#)]));
    test.fetch_body(trust(0), named(other));
    test.fetch(trust(1), None);
    test.fetch_body(trust(1), named(public_members(Algorithm::EdDsa)));
    let token = token_of(Algorithm::EdDsa, "k");
    assert_eq!(test.poll(&token), Summary::Await(vec![trust(0)]));
    test.fetch_body(trust(0), named(other));
    assert_eq!(test.poll(&token), of_green());
}

#[test]
fn h04_a_key_of_unknown_owner_is_ambiguous_for_each_entry() {
    for order in [[0, 1], [1, 0]] {
        let mut test = TestGate::new();
        for index in [order, order].concat() {
            let own: &[(Algorithm, &str)] = match index {
                0 => &[(Algorithm::EdDsa, "k"), (Algorithm::Es256, "blue-1")],
                _ => &[(Algorithm::EdDsa, "k")],
            };
            test.fetch(trust(index), Some(own));
        }
        let token = token_of(Algorithm::EdDsa, "k");
        assert_eq!(test.poll(&token), refused(Reason::KeyAmbiguous));
        assert_eq!(Reason::KeyAmbiguous.class(), Class::Unavailable);
        let without_kid = karma(Algorithm::EdDsa, None, "portcullis", 600);
        assert_eq!(test.poll(&without_kid), refused(Reason::KeyAmbiguous));
        assert_eq!(test.poll(&token_of(Algorithm::Es256, "blue-1")), of_blue());
        assert_eq!(test.keyring.ambiguous_keys().len(), 1);
    }
}

#[test]
fn a_cached_token_is_refused_when_its_key_becomes_ambiguous() {
    let mut test = TestGate::with_keys();
    let token = token_of(Algorithm::EdDsa, "green-1");
    for _ in 0..3 {
        assert_eq!(test.poll(&token), of_green());
    }
    // Another process with the same cache, which has seen nothing yet.
    test.keyring = Keyring::new(test.gate.policy().key_sources(), test.now);
    for index in [0, 1, 0, 1] {
        test.fetch(trust(index), Some(&[(Algorithm::EdDsa, "green-1")]));
    }
    assert_eq!(test.poll(&token), refused(Reason::KeyAmbiguous));
}
