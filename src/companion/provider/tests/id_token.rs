use portcullis_tests::lab::rogue_provider::{LOGOUT_EVENT, Overrides, TokenSigner};
use portcullis_tests::lab::token::now as seconds;
use portcullis_tests::lab::{Algorithm as Alg, SigningKey};
use serde_json::json;

use super::*;
use crate::provider::signed_jwt::JwtError;

type SetOverrides = Box<dyn FnOnce(&mut Overrides)>;

async fn refused(fixture: &Fixture, overrides: Vec<(&str, SetOverrides, JwtError)>) {
    for (what, set, error) in overrides {
        let refused = fixture.sign_in_with_overrides(set).await;
        assert_eq!(
            refused.unwrap_err(),
            ProviderError::IdToken(error),
            "{what}"
        );
    }
}

fn claims(claims: serde_json::Value) -> SetOverrides {
    Box::new(move |overrides| overrides.set_claims(claims))
}

fn header(name: &'static str, value: impl Into<serde_json::Value>) -> SetOverrides {
    let value = value.into();
    Box::new(move |overrides| {
        overrides.id_token = Box::new(move |token| token.header(name, value.clone()));
    })
}

fn signer(signer: TokenSigner) -> SetOverrides {
    Box::new(move |overrides| overrides.signer = signer)
}

#[tokio::test]
async fn r08_each_invalid_claim_is_rejected() {
    use JwtError::*;
    let fixture = Fixture::new().await;
    let us = RogueProvider::CLIENT_ID;
    let issuer = fixture.rogue.issuer().to_owned();
    let now = seconds();
    #[rustfmt::skip]
    let overrides = vec![
        ("iss of another", claims(json!({"iss": "https://evil.example"})), Issuer),
        ("iss with a slash", claims(json!({"iss": format!("{issuer}/")})), Issuer),
        ("iss in capitals", claims(json!({"iss": issuer.to_uppercase()})), Issuer),
        ("no iss", claims(json!({"iss": null})), Claim("iss")),
        ("empty iss", claims(json!({"iss": ""})), Claim("iss")),
        ("iss in a list", claims(json!({"iss": [issuer]})), Claim("iss")),
        ("no aud", claims(json!({"aud": null})), Claim("aud")),
        ("aud of another", claims(json!({"aud": "other"})), Audience),
        ("empty aud", claims(json!({"aud": []})), Audience),
        ("aud of others", claims(json!({"aud": ["other", "another"], "azp": us})), Audience),
        ("aud of others besides", claims(json!({"aud": [us, "other"], "azp": us})), OtherAudience),
        ("aud with a number", claims(json!({"aud": [us, 1]})), Claim("aud")),
        ("azp of another", claims(json!({"azp": "other"})), AuthorizedParty),
        ("azp of no text", claims(json!({"azp": [us]})), Claim("azp")),
        ("no exp", claims(json!({"exp": null})), Claim("exp")),
        ("exp past", claims(json!({"exp": now - 31})), Expired),
        ("exp in text", claims(json!({"exp": (now + 60).to_string()})), Claim("exp")),
        ("exp beyond all time", claims(json!({"exp": 1e300})), Claim("exp")),
        ("no iat", claims(json!({"iat": null})), Claim("iat")),
        ("iat long ago", claims(json!({"iat": now - 602})), TooOld),
        ("iat ahead", claims(json!({"iat": now + 60})), NotYetValid),
        ("nbf ahead", claims(json!({"nbf": now + 60})), NotYetValid),
        ("no sub", claims(json!({"sub": null})), Claim("sub")),
        ("empty sub", claims(json!({"sub": ""})), Subject),
        ("sub with a line break", claims(json!({"sub": "a\nb"})), Subject),
        ("endless sub", claims(json!({"sub": "a".repeat(256)})), Subject),
        ("sub of no text", claims(json!({"sub": 1})), Claim("sub")),
        ("no nonce", claims(json!({"nonce": null})), Nonce),
        ("nonce of another", claims(json!({"nonce": "other"})), Nonce),
        ("at_hash of another", claims(json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})), HashMismatch("at_hash")),
        ("at_hash of no text", claims(json!({"at_hash": 1})), Claim("at_hash")),
        ("c_hash of another", claims(json!({"c_hash": "AAAAAAAAAAAAAAAAAAAAAA"})), HashMismatch("c_hash")),
        ("a logout token", claims(json!({"events": {LOGOUT_EVENT: {}}})), Type),
    ];
    refused(&fixture, overrides).await;
}

#[tokio::test]
async fn r08_several_audiences_must_be_trusted_and_name_this_client_as_authorized_party() {
    use JwtError::*;
    let mut fixture = Fixture::new().await;
    let us = RogueProvider::CLIENT_ID;
    fixture.settings.audiences = ["project", "other client"].map(str::to_owned).to_vec();
    #[rustfmt::skip]
    let overrides = vec![
        ("one is not listed", claims(json!({"aud": [us, "project", "else"], "azp": us})), OtherAudience),
        ("another case", claims(json!({"aud": [us, "Project"], "azp": us})), OtherAudience),
        ("an empty one", claims(json!({"aud": [us, ""], "azp": us})), OtherAudience),
        ("without this client", claims(json!({"aud": ["project", "other client"], "azp": us})), Audience),
        ("a listed one alone", claims(json!({"aud": "project", "azp": us})), Audience),
        ("all in one string", claims(json!({"aud": format!("{us} project"), "azp": us})), Audience),
        ("nested", claims(json!({"aud": [us, ["project"]], "azp": us})), Claim("aud")),
        ("azp of a listed one", claims(json!({"aud": [us, "other client"], "azp": "other client"})), AuthorizedParty),
        ("no azp", claims(json!({"aud": [us, "project"]})), NoAuthorizedParty),
        ("azp null", claims(json!({"aud": ["project", us], "azp": null})), NoAuthorizedParty),
        ("empty azp", claims(json!({"aud": ["project", us], "azp": ""})), Claim("azp")),
    ];
    refused(&fixture, overrides).await;
    for (what, changed) in [
        ("a listed one", json!({"aud": [us, "project"], "azp": us})),
        (
            "in another order",
            json!({"aud": ["project", us], "azp": us}),
        ),
        (
            "all listed ones",
            json!({"aud": ["other client", us, "project"], "azp": us}),
        ),
        ("ours alone", json!({"aud": [us]})),
        ("ours twice", json!({"aud": [us, us]})),
        ("no list", json!({"aud": us, "azp": us})),
    ] {
        let provider = fixture.provider();
        fixture
            .rogue
            .override_with(|overrides| overrides.set_claims(changed));
        let signed_in = fixture.sign_in(&provider).await;
        let signed_in = signed_in.unwrap_or_else(|error| panic!("{what}: {error}"));
        let refreshed = provider
            .refresh(&signed_in.tokens, &signed_in.user, now())
            .await;
        fixture.rogue.reset();
        assert!(refreshed.is_ok(), "{what}: {refreshed:?}");
    }
}

#[tokio::test]
async fn r08_valid_variants_of_claims_are_accepted() {
    let fixture = Fixture::new().await;
    let us = RogueProvider::CLIENT_ID;
    for (what, changed) in [
        ("aud in a list", json!({"aud": [us]})),
        ("azp of ours", json!({"azp": us})),
        ("no hashes", json!({"at_hash": null, "c_hash": null})),
        (
            "a fraction of a second",
            json!({"iat": seconds() as f64 - 0.5}),
        ),
        (
            "clocks apart",
            json!({"iat": seconds() + 20, "exp": seconds() - 20}),
        ),
        (
            "dates of another standard",
            json!({"updated_at": "2026-01-01T00:00:00Z"}),
        ),
        ("verified in words", json!({"email_verified": "true"})),
        (
            "unknown claims",
            json!({"https://example.com/claim": {"a": [1, null]}}),
        ),
    ] {
        let outcome = fixture.sign_in_with_overrides(claims(changed)).await;
        assert!(outcome.is_ok(), "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn r08_a_foreign_signature_is_rejected() {
    use JwtError::*;
    let fixture = Fixture::new().await;
    let own = fixture.rogue.key().clone();
    let other = SigningKey::rsa("other");
    let pss = own.clone().algorithm(Alg::Ps256);
    let rs512 = own.clone().algorithm(Alg::Rs512);
    let curve = SigningKey::p256();
    #[rustfmt::skip]
    let overrides = vec![
        ("none", signer(TokenSigner::None), Algorithm),
        ("None", header("alg", "None"), Algorithm),
        ("a bit turned", signer(TokenSigner::Broken(own.clone())), Signature),
        ("another key in its name", signer(TokenSigner::Forged(other.clone(), own.kid().to_owned())), Signature),
        ("another key", signer(TokenSigner::Key(other.clone())), UnknownKey),
        ("the secret as HS256", signer(TokenSigner::Secret), Algorithm),
        ("another algorithm with its key", signer(TokenSigner::Key(pss)), UnknownKey),
        ("an algorithm that is not the provider's", signer(TokenSigner::Key(rs512)), Algorithm),
        ("an algorithm in name only", header("alg", "ES256"), UnknownKey),
        ("another type of key in its name", signer(TokenSigner::Forged(curve, own.kid().to_owned())), UnknownKey),
        ("an endless kid", header("kid", "k".repeat(1025)), form("kid")),
        ("a kid of no text", header("kid", 1), form("kid")),
        ("crit", header("crit", json!(["exp"])), Malformed(portcullis_core::token::TokenError::Critical)),
        ("b64", header("b64", true), Malformed(portcullis_core::token::TokenError::Critical)),
        ("nested", header("cty", "JWT"), Malformed(portcullis_core::token::TokenError::Nested)),
        ("a logout token by its typ", header("typ", "logout+jwt"), Type),
        ("an access token by its typ", header("typ", "at+jwt"), Type),
        ("a session token by its typ", header("typ", "portcullis-session+jwt"), Type),
    ];
    refused(&fixture, overrides).await;
}

fn form(parameter: &'static str) -> JwtError {
    JwtError::Malformed(portcullis_core::token::TokenError::HeaderParameter(
        parameter,
    ))
}

#[tokio::test]
async fn r08_each_common_algorithm_is_accepted_with_its_hashes() {
    let fixture = Fixture::new().await;
    for key in [
        SigningKey::rsa("other"),
        SigningKey::rsa("other").algorithm(Alg::Ps256),
        SigningKey::p256(),
        SigningKey::p384(),
        SigningKey::ed25519(),
    ] {
        let outcome = fixture
            .sign_in_with_overrides(|overrides| overrides.sign_with(&key))
            .await;
        assert!(outcome.is_ok(), "{}: {outcome:?}", key.alg().name());
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.sign_with(&key);
            overrides.set_claims(json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}));
        });
        let refused = outcome.await.unwrap_err();
        assert_eq!(
            refused,
            ProviderError::IdToken(JwtError::HashMismatch("at_hash"))
        );
    }
}

#[tokio::test]
async fn r08_metadata_without_algorithms_means_rs256() {
    let fixture = Fixture::new().await;
    let silent = json!({"id_token_signing_alg_values_supported": null});
    let outcome = fixture
        .sign_in_with_overrides(|overrides| overrides.set_metadata(silent.clone()))
        .await;
    assert!(outcome.is_ok());
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_metadata(silent);
        overrides.sign_with(&SigningKey::p256());
    });
    // The key set has no key for this algorithm.
    assert!(outcome.await.is_err());
}

#[tokio::test]
async fn r08_a_token_without_kid_is_tried_with_a_bounded_number_of_keys() {
    let fixture = Fixture::new().await;
    let own = fixture.rogue.key().jwk();
    let others: Vec<_> = (0..5).map(|_| SigningKey::p256()).collect();
    let set = |count: usize, key: &SigningKey| {
        let mut keys: Vec<_> = others[..count].iter().map(SigningKey::jwk).collect();
        keys.extend([own.clone(), key.jwk()]);
        keys
    };
    let nameless = |overrides: &mut Overrides, keys: Vec<serde_json::Value>, key: &SigningKey| {
        overrides.keys = keys;
        overrides.signer = TokenSigner::Key(key.clone());
        overrides.id_token = Box::new(|token| token.header("kid", json!(null)));
    };
    let key = SigningKey::p256();
    for (count, fits) in [(0, true), (3, true), (4, false)] {
        let outcome = fixture
            .sign_in_with_overrides(|overrides| nameless(overrides, set(count, &key), &key))
            .await;
        assert_eq!(outcome.is_ok(), fits, "{count} keys before it: {outcome:?}");
    }
}

#[tokio::test]
async fn r08_two_keys_of_one_kid_are_both_tried() {
    let fixture = Fixture::new().await;
    let [first, second] = [0; 2].map(|_| SigningKey::p256().named("same"));
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.keys = vec![first.jwk(), second.jwk()];
        overrides.signer = TokenSigner::Key(second.clone());
    });
    assert!(outcome.await.is_ok());
}

#[tokio::test]
async fn a_new_signing_key_is_fetched_at_once() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    fixture.sign_in(&provider).await.unwrap();
    let fresh = SigningKey::p256();
    fixture
        .rogue
        .override_with(|overrides| overrides.sign_with(&fresh));
    // After the interval with at most one fetch.
    let (url, attempt) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let callback = Callback::from_query(&fixture.rogue.authorize(url.as_str())).unwrap();
    let later = now().after(crate::provider::discovery::UNKNOWN_KEY_INTERVAL);
    provider
        .finish(&redirect_uri(), &attempt, &callback, later)
        .await
        .unwrap();
}
