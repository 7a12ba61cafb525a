//! Logout tokens. Lines: payload, header (without it a usual one), signer (`eddsa` if it is missing,
//! `es256`, or a signature as it is).
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing::{LOGOUT_EVENT, verify_logout_token};
use portcullis_core::keys::KeySet;
use portcullis_fuzz::lines;
use portcullis_fuzz::sample::NOW;
use portcullis_fuzz::signing::{SigningKeys, compact, signing_input};
use serde_json::Value;

static KEYS: LazyLock<(SigningKeys, KeySet)> = LazyLock::new(|| {
    let keys = SigningKeys::fixed();
    let set = keys.key_set();
    (keys, set)
});

const ISSUER: &str = "https://gitlab.example.com";
const CLIENT_ID: &str = "portcullis";
const HEADER: &[u8] = br#"{"alg":"EdDSA","kid":"ed","typ":"logout+jwt"}"#;

fn string<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    claims
        .get(name)
        .map(|claim| claim.as_str().expect("a string"))
}

/// What a valid logout token must say, by OpenID Connect Back-Channel Logout 1.0 section 2.6.
fn check(header: &Value, claims: &Value) {
    assert!(matches!(header["alg"].as_str(), Some("EdDSA" | "ES256")));
    let typ = header
        .get("typ")
        .map(|typ| typ.as_str().expect("a string").to_ascii_lowercase());
    let typ = typ
        .as_deref()
        .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    assert!(matches!(typ, None | Some("logout+jwt" | "jwt")), "{typ:?}");
    assert_eq!(claims["iss"], ISSUER);
    let is_for = |one: &Value| one == CLIENT_ID;
    let audience = &claims["aud"];
    assert!(
        is_for(audience)
            || audience
                .as_array()
                .is_some_and(|all| all.iter().all(is_for))
    );
    assert!(claims["events"][LOGOUT_EVENT].is_object());
    assert!(claims.get("nonce").is_none());
    assert!(string(claims, "jti").is_some_and(|jti| !jti.is_empty()));
    assert!(claims.get("sub").is_some() || claims.get("sid").is_some());
    let now = NOW.secs() as f64;
    let iat = claims["iat"].as_f64().expect("a number");
    assert!((now - 600.1..=now + 30.1).contains(&iat), "{iat}");
    let exp = claims.get("exp").map(|exp| exp.as_f64().expect("a number"));
    assert!(exp.is_none_or(|exp| now < exp + 30.1));
}

fuzz_target!(|data: &[u8]| {
    let mut lines = lines(data);
    let payload = lines.next().unwrap_or_default();
    let header = lines
        .next()
        .filter(|line| !line.is_empty())
        .unwrap_or(HEADER);
    let input = signing_input(header, payload);
    let (signature, is_genuine) = match lines.next() {
        None | Some(b"eddsa") => (KEYS.0.eddsa(input.as_bytes()), true),
        Some(b"es256") => (KEYS.0.es256(input.as_bytes()), true),
        Some(other) => (other.to_vec(), false),
    };
    let verify = |token: &str| verify_logout_token(token, ISSUER, CLIENT_ID, &KEYS.1, NOW);
    let token = compact(&input, &signature);
    if let Ok((sub, sid)) = verify(&token) {
        assert!(is_genuine, "no key has signed this");
        let claims: Value = serde_json::from_slice(payload).expect("JSON");
        check(&serde_json::from_slice(header).expect("JSON"), &claims);
        assert_eq!(sub.as_deref(), string(&claims, "sub"));
        assert_eq!(sid.as_deref(), string(&claims, "sid"));
        // Not a byte of it can be changed.
        let mut changed = signature.clone();
        changed[0] ^= 1;
        assert!(verify(&compact(&input, &changed)).is_err());
        assert!(verify(&format!("{token}=")).is_err());
    }
});
