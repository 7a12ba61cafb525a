use std::sync::Arc;

use portcullis_core::keys::KeySet;
use portcullis_tests::lab::{SigningKey, Token};
use serde_json::{Value, json};

use super::*;
use crate::provider::ProviderSettings;
use crate::provider::keys::ProviderKeys;
use crate::provider::metadata::Metadata;
use crate::provider::user::UserClaims;

const ISSUER: &str = "https://sso.example.com";
const NOW: u64 = 2_000_000_000;

fn relying_party() -> RelyingParty {
    let settings = ProviderSettings::new("sso", ISSUER, "portcullis");
    settings.relying_party().unwrap()
}

fn info(key: &SigningKey) -> ProviderInfo {
    let document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": ISSUER,
        "token_endpoint": ISSUER,
        "jwks_uri": ISSUER,
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    let document = Json::parse(document.to_string().as_bytes()).unwrap();
    let set = json!({"keys": [key.jwk()]}).to_string();
    ProviderInfo {
        metadata: Arc::new(Metadata::read(&document, &relying_party()).unwrap()),
        keys: Arc::new(ProviderKeys::from(
            &KeySet::parse(set.as_bytes(), None).unwrap(),
        )),
    }
}

fn verify_claim(key: &SigningKey, name: &str, value: Value) -> Result<IdToken, JwtError> {
    let token = Token::id_token(ISSUER, "portcullis", "alice")
        .claim("iat", NOW)
        .claim("nbf", NOW)
        .claim("exp", NOW + 60)
        .claim("nonce", "n")
        .claim(name, value);
    let context = IdTokenContext {
        nonce: &Secret::new("n"),
        nonce_optional: false,
        access_token: Some(&Secret::new("access")),
        code: None,
    };
    let text = Secret::new(token.sign(key));
    let now = Timestamp::from_secs(NOW);
    verify(&text, &relying_party(), &info(key), &context, now)
}

fn odd_values() -> [Value; 18] {
    [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.000_000_1),
        json!(""),
        json!("pwd"),
        json!("1700000000"),
        json!("2026-01-01T00:00:00Z"),
        json!("\u{0}\u{10ffff}"),
        json!([]),
        json!([null, {}]),
        json!({}),
        json!({"formatted": 1}),
        json!({"value": ["de", {"name": "Deutsch"}]}),
    ]
}

#[test]
fn a_claim_that_is_not_used_may_have_any_type() {
    let key = SigningKey::p256();
    for name in [
        "acr",
        "address",
        "amr",
        "auth_time",
        "birthdate",
        "cnf",
        "email",
        "email_verified",
        "events",
        "family_name",
        "gender",
        "groups",
        "jti",
        "locale",
        "name",
        "name#",
        "name#de",
        "other",
        "phone_number",
        "phone_number_verified",
        "picture",
        "preferred_username",
        "profile",
        "roles",
        "scope",
        "sid",
        "tid",
        "updated_at",
        "ver",
        "website",
        "zoneinfo",
    ] {
        for value in odd_values() {
            let what = format!("{name}: {value}");
            let verified = verify_claim(&key, name, value);
            let verified = verified.unwrap_or_else(|error| panic!("{what}: {error}"));
            let _user = UserClaims::read(verified.claims(), &relying_party());
            let _used = (verified.sid(), verified.auth_time());
        }
    }
}

#[test]
fn a_claim_that_is_used_has_its_type() {
    let key = SigningKey::p256();
    let refused = |name, accepts: fn(&Value) -> bool| {
        for value in odd_values().into_iter().filter(|value| !accepts(value)) {
            let what = format!("{name}: {value}");
            assert!(verify_claim(&key, name, value).is_err(), "{what}");
        }
    };
    for name in ["iss", "azp", "sub", "nonce", "at_hash", "c_hash"] {
        refused(name, |value| value.is_string() || value.is_null());
    }
    for name in ["exp", "iat", "nbf"] {
        refused(name, |value| value.is_number() || value.is_null());
    }
    refused("aud", |_| false);
}

#[test]
fn a_claim_that_is_null_is_missing() {
    let key = SigningKey::p256();
    for name in ["azp", "nbf", "at_hash", "c_hash", "events"] {
        let verified = verify_claim(&key, name, json!(null)).unwrap();
        assert!(!verified.has_azp());
    }
    for name in ["iss", "aud", "sub", "exp", "iat"] {
        let refused = verify_claim(&key, name, json!(null)).err();
        assert_eq!(refused, Some(JwtError::Claim(name)));
    }
    let refused = verify_claim(&key, "nonce", json!(null)).err();
    assert_eq!(refused, Some(JwtError::Nonce));
}

#[test]
fn the_hashes_are_those_of_the_specification() {
    // OpenID Connect Core 1.0 appendix A.3 and A.4.
    let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
    assert_eq!(half_hash(Algorithm::Rs256, code), "LDktKdoQak3Pk0cnXxCltA");
    let access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(
        half_hash(Algorithm::Rs256, access),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
    for (algorithm, length) in [
        (Algorithm::Es384, 32),
        (Algorithm::EdDsa, 43),
        (Algorithm::Ps512, 43),
    ] {
        assert_eq!(half_hash(algorithm, access).len(), length);
    }
}

#[test]
fn a_token_is_valid_until_its_expiry_plus_the_leeway() {
    let key = SigningKey::p256();
    for (exp, good) in [(NOW - 29, true), (NOW - 30, false)] {
        let verified = verify_claim(&key, "exp", json!(exp));
        assert_eq!(verified.is_ok(), good, "{exp}");
    }
    for (iat, good) in [
        (NOW + 30, true),
        (NOW + 31, false),
        (NOW - 600, true),
        (NOW - 601, false),
    ] {
        let verified = verify_claim(&key, "iat", json!(iat));
        assert_eq!(verified.is_ok(), good, "{iat}");
    }
}
