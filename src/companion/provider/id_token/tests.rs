use std::sync::Arc;

use openidconnect::{ClientId, IssuerUrl};
use portcullis_core::keys::KeySet;
use portcullis_tests::lab::{SigningKey, Token};
use serde_json::{Value, json};

use super::*;
use crate::provider::metadata::Metadata;

const ISSUER: &str = "https://sso.example.com";
const NOW: u64 = 2_000_000_000;

fn relying_party() -> RelyingParty {
    RelyingParty {
        name: "sso".to_owned(),
        issuer: IssuerUrl::new(ISSUER.to_owned()).unwrap(),
        client_id: ClientId::new("portcullis".to_owned()),
        scopes: Vec::new(),
        groups_claim: vec!["groups".to_owned()],
        trust_unverified_email: false,
        has_secret: true,
    }
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
        keys: Arc::new(KeySet::parse(set.as_bytes(), None).unwrap()),
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
        access_token: &AccessToken::new("access".to_owned()),
        code: None,
    };
    let text = RawIdToken::new(Secret::new(token.sign(key)));
    let now = Timestamp::from_secs(NOW);
    verify(&text, &relying_party(), &info(key), &context, now)
}

#[test]
fn no_claim_makes_the_library_panic() {
    let key = SigningKey::p256();
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.000_000_1),
        json!(""),
        json!("\u{0}\u{10ffff}"),
        json!([]),
        json!([null, {}]),
        json!({}),
        json!({"formatted": 1}),
    ];
    let names = [
        "acr",
        "address",
        "amr",
        "at_hash",
        "auth_time",
        "birthdate",
        "c_hash",
        "email",
        "email_verified",
        "exp",
        "iat",
        "iss",
        "aud",
        "azp",
        "gender",
        "locale",
        "name",
        "name#de",
        "name#",
        "nbf",
        "nonce",
        "phone_number_verified",
        "picture",
        "sid",
        "sub",
        "updated_at",
        "website",
        "zoneinfo",
    ];
    assert!(verify_claim(&key, "other", json!(1)).is_ok());
    for name in names {
        for value in &odd {
            // Rejected or not: it must not panic.
            let _result = verify_claim(&key, name, value.clone());
        }
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
