//! Properties that hold for every token, tested on generated ones.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::json::Json;
use portcullis_core::keys::{KeySet, PureRust};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::{Token, TokenError, Verified, verify};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Algorithm, SigningKey, Token as LabToken};
use proptest::prelude::*;
use serde_json::json;

const ISSUER: &str = "https://issuer.example.com";

/// A key for each algorithm, and a policy that trusts it.
struct Trusted {
    key: SigningKey,
    policy: Policy,
}

impl Trusted {
    fn new(key: SigningKey) -> Self {
        let policy = json!({
            "trust": [{"name": "blue", "kind": "oidc", "issuer": ISSUER, "audiences": ["gate"],
                "keys": {"inline": {"keys": [key.jwk()]}}}],
            "apps": [{"name": "app", "hosts": ["app.example.com"],
                "rules": [{"name": "all", "allow": [{"from": "blue", "anyone": true}]}]}],
        });
        let policy = Policy::from_json(&policy.to_string()).expect("a valid policy");
        Self { key, policy }
    }

    fn verify(&self, text: &str) -> Result<Verified, TokenError> {
        let trust = &self.policy.trusts()[0];
        let set = trust.keys.inline.as_ref().expect("the inline keys");
        let now = Timestamp::from_secs(now().try_into().expect("a clock after 1970"));
        verify(
            &Arc::new(Token::parse(text)?),
            trust,
            &set.keys()[0],
            &PureRust,
            now,
        )
    }
}

static TRUSTED: LazyLock<Vec<Trusted>> = LazyLock::new(|| {
    let rsa = [
        Algorithm::Rs256,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
    ]
    .map(|algorithm| SigningKey::rsa("properties").algorithm(algorithm));
    let others = [
        SigningKey::p256(),
        SigningKey::p384(),
        SigningKey::ed25519(),
    ];
    rsa.into_iter().chain(others).map(Trusted::new).collect()
});

proptest! {
    #[test]
    fn a_token_with_one_bit_flipped_is_refused(
        algorithm in any::<prop::sample::Index>(),
        part in 0_usize..3,
        byte in any::<prop::sample::Index>(),
        bit in 0_u8..8,
        subject in "[ -~]{1,40}",
    ) {
        let trusted = algorithm.get(&TRUSTED);
        let text = LabToken::id_token(ISSUER, "gate", &subject).sign(&trusted.key);
        prop_assert!(trusted.verify(&text).is_ok());

        let mut parts: Vec<Vec<u8>> = text
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"))
            .collect();
        *byte.get_mut(&mut parts[part]) ^= 1 << bit;
        let parts: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        prop_assert!(trusted.verify(&parts.join(".")).is_err());
    }

    #[test]
    fn a_token_with_one_character_changed_is_refused(
        algorithm in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        other in any::<char>(),
    ) {
        let trusted = algorithm.get(&TRUSTED);
        let text = LabToken::id_token(ISSUER, "gate", "somebody").sign(&trusted.key);
        let mut characters: Vec<char> = text.chars().collect();
        prop_assume!(*at.get(&characters) != other);
        *at.get_mut(&mut characters) = other;
        prop_assert!(trusted.verify(&characters.into_iter().collect::<String>()).is_err());
    }

    #[test]
    fn no_text_causes_a_parser_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let _ = Token::parse(&text);
        let _ = Json::parse(&bytes);
        let _ = KeySet::parse(&bytes, None);
    }

    #[test]
    fn no_three_parts_cause_a_token_parser_panic(
        header in any::<Vec<u8>>(),
        claims in any::<Vec<u8>>(),
        signature in any::<Vec<u8>>(),
    ) {
        let parts = [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        let _ = Token::parse(&parts.join("."));
    }

    #[test]
    fn key_sets_with_any_numbers_do_not_panic_and_survive_a_json_round_trip(
        n in prop::collection::vec(any::<u8>(), 0..600),
        e in prop::collection::vec(any::<u8>(), 0..10),
        kid in any::<String>(),
    ) {
        let [x, y] = [&n, &e].map(|number| URL_SAFE_NO_PAD.encode(number));
        let keys = json!({"keys": [
            {"kty": "RSA", "kid": kid, "n": x, "e": y},
            {"kty": "EC", "kid": kid, "crv": "P-256", "x": x, "y": y},
            {"kty": "EC", "kid": kid, "crv": "P-384", "x": x, "y": y},
            {"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": x},
            TRUSTED[0].key.clone().named(&kid).jwk(),
        ]});
        let set = KeySet::parse(keys.to_string().as_bytes(), None);
        if let Ok(set) = set {
            let again = KeySet::parse(set.to_json().as_bytes(), None);
            prop_assert_eq!(again, Ok(set));
        }
    }

    #[test]
    fn more_leeway_and_lifetime_never_refuse_what_less_accepts(
        exp in 0_u64..4_000_000_000,
        nbf in prop::option::of(0_u64..4_000_000_000),
        iat in prop::option::of(0_u64..4_000_000_000),
        now in 0_u64..4_000_000_000,
        leeway in 0_u64..4_000_000_000,
        lifetime in 0_u64..4_000_000_000,
        more in 0_u64..4_000_000_000,
    ) {
        let mut token_claims = LabToken::id_token(ISSUER, "gate", "somebody").claim("exp", exp);
        token_claims = match nbf {
            Some(nbf) => token_claims.claim("nbf", nbf),
            None => token_claims.without("nbf"),
        };
        token_claims = match iat {
            Some(iat) => token_claims.claim("iat", iat),
            None => token_claims.without("iat"),
        };
        let text = token_claims.sign(&TRUSTED[6].key);
        let token = Token::parse(&text).expect("a valid token");
        let check = |leeway, lifetime| token.claims().check_times(
            Timestamp::from_secs(now),
            Duration::from_secs(leeway),
            Duration::from_secs(lifetime),
        );
        if check(leeway, lifetime).is_ok() {
            prop_assert_eq!(check(leeway + more, lifetime), Ok(()));
            prop_assert_eq!(check(leeway, lifetime + more), Ok(()));
        }
    }
}
