use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::fixtures::{algorithms, key_set, token, unsigned};
use crate::jwk::{Algorithm, KeySet, PureRust};
use crate::trust::{ClaimPaths, KeySource, Kind};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const HEADER: &str = r#"{"alg":"ES256","kid":"k"}"#;

fn trust() -> Trust {
    Trust {
        name: "blue".to_owned(),
        kind: Kind::Oidc,
        issuer: "https://issuer".to_owned(),
        former_issuers: vec!["https://former".to_owned()],
        audiences: vec!["gate".to_owned(), "door".to_owned()],
        keys: KeySource {
            remote: None,
            inline: None,
            refuse_kids: Vec::new(),
            pins: Vec::new(),
        },
        algorithms: None,
        leeway: Duration::from_secs(30),
        max_lifetime: Duration::from_secs(86_400),
        claims: ClaimPaths {
            groups: Vec::new(),
            email: Vec::new(),
            preferred_username: Vec::new(),
        },
        trust_unverified_email: false,
    }
}

/// A valid payload with `members` in place of those with their names.
fn payload(members: &str) -> String {
    let own = [
        r#""iss":"https://issuer""#,
        r#""sub":"someone""#,
        r#""aud":["gate"]"#,
        r#""iat":1700000000"#,
        r#""exp":1700003600"#,
    ];
    let own = own.into_iter().filter(|own| {
        let (name, _) = own.split_once(':').unwrap();
        !members.contains(&format!("{name}:"))
    });
    let all: Vec<&str> = own
        .chain((!members.is_empty()).then_some(members))
        .collect();
    format!("{{{}}}", all.join(","))
}

fn verify_token(text: &str, set: &KeySet) -> Result<Verified, TokenError> {
    let token = Arc::new(Token::parse(text)?);
    verify(&token, &trust(), &set.keys()[0], &PureRust, NOW)
}

/// The result for a valid token with these `members`, signed by the key that verifies it.
fn verify_with(members: &str) -> Result<Verified, TokenError> {
    let text = token(Algorithm::Es256, HEADER, &payload(members));
    verify_token(&text, &key_set(Algorithm::Es256, "k"))
}

#[wasm_bindgen_test(unsupported = test)]
fn a_valid_token_of_every_algorithm_is_verified() {
    for algorithm in algorithms() {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"k"}}"#);
        let set = key_set(algorithm, "k");
        let verified = verify_token(&token(algorithm, &header, &payload("")), &set).unwrap();
        assert_eq!(verified.trust_name(), "blue");
        assert_eq!(verified.kid(), Some("k"));
        assert_eq!(verified.key_thumbprint(), set.keys()[0].thumbprint());
        assert_eq!(verified.claims().subject(), "someone");
        assert!(verified.is_for(&["other".to_owned(), "gate".to_owned()]));
        assert!(!verified.is_for(&["door".to_owned()]));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn j04_the_header_must_name_the_algorithm_of_the_key() {
    for (key, named) in [
        (Algorithm::Rs256, Algorithm::Ps256),
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::Rs512),
        (Algorithm::Rs256, Algorithm::Es256),
        (Algorithm::Es256, Algorithm::EdDsa),
    ] {
        let text = token(named, &format!(r#"{{"alg":"{named}"}}"#), &payload(""));
        let error = verify_token(&text, &key_set(key, "k")).unwrap_err();
        assert_eq!(error, TokenError::AlgorithmMismatch, "{named} by {key}");
    }
}

#[test]
fn an_unsupported_algorithm_is_refused() {
    #[derive(Debug)]
    struct Nothing;

    impl Signatures for Nothing {
        fn supports(&self, _: Algorithm) -> bool {
            false
        }

        fn verifies(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
            true
        }
    }

    let text = token(Algorithm::Es256, HEADER, &payload(""));
    let token = Arc::new(Token::parse(&text).unwrap());
    let set = key_set(Algorithm::Es256, "k");
    let error = verify(&token, &trust(), &set.keys()[0], &Nothing, NOW).unwrap_err();
    assert_eq!(error, TokenError::AlgorithmMismatch);
}

#[test]
fn t2_a_public_key_is_never_an_hmac_secret() {
    let text = unsigned(r#"{"alg":"HS256","kid":"k"}"#, &payload(""));
    let error = verify_token(&text, &key_set(Algorithm::Rs256, "k")).unwrap_err();
    assert_eq!(error, TokenError::AlgorithmUnknown);
}

#[test]
fn j15_the_signature_is_checked_before_the_claims() {
    let wrong = r#""iss":"https://other","sub":"","aud":"other","exp":1,"cnf":{}"#;
    let text = unsigned(HEADER, &payload(wrong));
    let error = verify_token(&text, &key_set(Algorithm::Es256, "k")).unwrap_err();
    assert_eq!(error, TokenError::SignatureInvalid);
}

#[test]
fn j15_a_payload_under_another_tokens_signature_is_refused() {
    let good = token(Algorithm::Es256, HEADER, &payload(""));
    let other = token(Algorithm::Es256, HEADER, &payload(r#""sub":"admin""#));
    let signature = good.rsplit('.').next().unwrap();
    let forged = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    let set = key_set(Algorithm::Es256, "k");
    assert!(verify_token(&good, &set).is_ok());
    assert_eq!(
        verify_token(&forged, &set).unwrap_err(),
        TokenError::SignatureInvalid
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_with_any_one_byte_of_its_signature_changed_is_refused() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let text = token(algorithm, &header, &payload(""));
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let set = key_set(algorithm, "k");
        for at in (0..signature.len()).step_by(7) {
            let mut signature = signature.clone();
            signature[at] ^= 1;
            let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
            assert_eq!(
                verify_token(&forged, &set).unwrap_err(),
                TokenError::SignatureInvalid
            );
        }
    }
}

#[test]
fn j18_the_issuer_is_compared_byte_for_byte() {
    assert!(verify_with(r#""iss":"https://former""#).is_ok());
    for iss in [
        "https://issuer/",
        "https://Issuer",
        "https://issuer ",
        "https://%69ssuer",
        "https://issuer:443",
        "http://issuer",
        "",
    ] {
        let error = verify_with(&format!(r#""iss":"{iss}""#)).unwrap_err();
        assert_eq!(error, TokenError::IssuerMismatch, "{iss}");
    }
}

#[test]
fn j20_the_audience_is_checked_before_the_times() {
    assert!(verify_with(r#""aud":["other","door"]"#).is_ok());
    for aud in [r#""other""#, "[]", r#"["Gate"]"#] {
        let error = verify_with(&format!(r#""aud":{aud},"exp":1"#)).unwrap_err();
        assert_eq!(error, TokenError::AudienceMismatch, "{aud}");
    }
}

#[test]
fn j21_an_empty_subject_or_one_with_control_characters_is_refused() {
    for sub in ["", "a\\nb", "a\\rb", "\\u0000", "a\\u007f", "a\\u0085b"] {
        let error = verify_with(&format!(r#""sub":"{sub}""#)).unwrap_err();
        assert_eq!(error, TokenError::Subject, "{sub}");
    }
    assert!(verify_with(r#""sub":"Åse / 50 % <x>""#).is_ok());
}

#[test]
fn m02_a_token_that_is_bound_to_a_key_is_refused() {
    for cnf in [r#"{"jkt":"x"}"#, r#"{"x5t#S256":"x"}"#, "{}", "null"] {
        let error = verify_with(&format!(r#""cnf":{cnf}"#)).unwrap_err();
        assert_eq!(error, TokenError::Bound, "{cnf}");
    }
}

#[test]
fn j09_a_security_event_token_is_no_bearer_token() {
    let logout = r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#;
    for events in [
        logout,
        r#"{"https://other.example/event":{}}"#,
        "{}",
        "null",
    ] {
        let error = verify_with(&format!(r#""events":{events}"#)).unwrap_err();
        assert_eq!(error, TokenError::Type, "{events}");
    }
}

#[test]
fn times_are_checked_last() {
    let far = r#""iat":1700000000,"exp":1731536000"#;
    assert_eq!(verify_with(r#""exp":1"#).unwrap_err(), TokenError::Expired);
    assert_eq!(
        verify_with(r#""nbf":1700009999"#).unwrap_err(),
        TokenError::NotYetValid
    );
    assert_eq!(verify_with(far).unwrap_err(), TokenError::LifetimeTooLong);
}
