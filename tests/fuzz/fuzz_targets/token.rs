//! Tokens, with real signatures. Lines: header, payload, signer (`eddsa`, `es256`, or a signature as
//! it is). An input of one line is a token in the compact form.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use portcullis_core::keys::{KeySet, PureRust};
use portcullis_core::policy::Policy;
use portcullis_core::token::{Algorithm, Token, verify};
use portcullis_core::trust::Trust;
use portcullis_fuzz::sample::{NOW, policy};
use portcullis_fuzz::signing::{SigningKeys, compact, signing_input};
use portcullis_fuzz::{lines, text};
use serde_json::Value;

static KEYS: LazyLock<(SigningKeys, KeySet)> = LazyLock::new(|| {
    let keys = SigningKeys::fixed();
    let set = keys.key_set();
    (keys, set)
});
static POLICY: LazyLock<Policy> = LazyLock::new(policy);

/// A date as a number of seconds.
fn date(claims: &Value, name: &str) -> Option<f64> {
    claims
        .get(name)
        .map(|date| date.as_f64().expect("a number"))
}

/// What a valid token must say, in other words than the code's.
fn check(header: &Value, claims: &Value, trust: &Trust) {
    for extension in ["crit", "b64", "cty"] {
        assert!(header.get(extension).is_none(), "{extension}");
    }
    assert!(claims.get("cnf").is_none());
    let issuer = claims["iss"].as_str().expect("a string");
    assert!(issuer == trust.issuer || trust.former_issuers.iter().any(|former| former == issuer));
    let subject = claims["sub"].as_str().expect("a string");
    assert!(!subject.is_empty() && !subject.contains(char::is_control));
    let is_for = |one: &Value| trust.audiences.iter().any(|own| one == own);
    let audience = &claims["aud"];
    assert!(
        is_for(audience)
            || audience
                .as_array()
                .is_some_and(|all| all.iter().any(is_for))
    );

    let now = NOW.millis() as f64 / 1000.0;
    let leeway = trust.leeway.as_secs_f64();
    let exp = date(claims, "exp").expect("a date");
    // Fractions of a millisecond are cut.
    assert!(now < exp + leeway + 0.002);
    let iat = date(claims, "iat");
    for start in [iat, date(claims, "nbf")].into_iter().flatten() {
        assert!(start <= now + leeway + 0.002);
    }
    assert!(exp - iat.unwrap_or(now) <= trust.max_lifetime.as_secs_f64() + 0.002);
}

/// Verifies with each key; `signer` is the algorithm with which a key has signed it.
fn verify_with_all(token: &str, signer: Option<Algorithm>, parts: Option<(&[u8], &[u8])>) {
    let Ok(parsed) = Token::parse(token) else {
        return;
    };
    assert!(token.len() <= Token::MAX_BYTES);
    // A token has one spelling.
    let again = compact(
        text(parsed.signing_input()).expect("ASCII"),
        parsed.signature(),
    );
    assert_eq!(again, token);

    let parsed = Arc::new(parsed);
    for key in KEYS.1.keys() {
        for trust in POLICY.trusts() {
            let Ok(verified) = verify(&parsed, trust, key, &PureRust, NOW) else {
                continue;
            };
            assert_eq!(signer, Some(key.algorithm()), "the key has not signed this");
            assert_eq!(parsed.header().algorithm(), key.algorithm());
            assert_eq!(verified.trust_name(), trust.name);
            let (header, payload) = parts.expect("both are known");
            let header = serde_json::from_slice(header).expect("JSON");
            check(
                &header,
                &serde_json::from_slice(payload).expect("JSON"),
                trust,
            );
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut lines = lines(data);
    let header = lines.next().unwrap_or_default();
    let Some(payload) = lines.next() else {
        if let Some(token) = text(data) {
            verify_with_all(token, None, None);
        }
        return;
    };
    let signer = lines.next().unwrap_or_default();
    let input = signing_input(header, payload);
    let (signature, signer) = match signer {
        b"eddsa" => (KEYS.0.eddsa(input.as_bytes()), Some(Algorithm::EdDsa)),
        b"es256" => (KEYS.0.es256(input.as_bytes()), Some(Algorithm::Es256)),
        other => (other.to_vec(), None),
    };
    verify_with_all(
        &compact(&input, &signature),
        signer,
        Some((header, payload)),
    );
    // A signature for another text.
    if signer.is_some() {
        if header != payload {
            let other = signing_input(payload, header);
            verify_with_all(&compact(&other, &signature), None, None);
        }
        if let Some(first) = signature.first() {
            let mut changed = signature.clone();
            changed[0] = first ^ 1;
            verify_with_all(&compact(&input, &changed), None, None);
        }
    }
});
