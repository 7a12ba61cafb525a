use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::fixtures::{jwk, jwks, key_set, public_members};
use crate::jwk::fixtures::{modulus, read, rsa, unusable};
use crate::jwk::{KeySet, Skipped};

const EC: &str = public_members(Algorithm::Es256);
const ED: &str = public_members(Algorithm::EdDsa);
const RSA: &str = public_members(Algorithm::Rs256);

#[test]
fn j04_a_key_whose_alg_does_not_match_its_type_is_skipped() {
    for (alg, members) in [
        ("ES256", RSA),
        ("HS256", RSA),
        ("none", RSA),
        ("rs256", RSA),
        ("RSA-OAEP", RSA),
        ("RS256", EC),
        ("ES384", EC),
        ("ES256", ED),
    ] {
        assert_eq!(
            unusable(&format!(r#""alg":"{alg}",{members}"#)),
            UnusableKey::Algorithm
        );
    }
    assert_eq!(
        unusable(&format!(r#""alg":null,{RSA}"#)),
        UnusableKey::Algorithm
    );
}

#[test]
fn j05_a_key_without_alg_gets_the_default_algorithm_of_its_type() {
    for (members, algorithm) in [
        (RSA, Algorithm::Rs256),
        (EC, Algorithm::Es256),
        (public_members(Algorithm::Es384), Algorithm::Es384),
        (ED, Algorithm::EdDsa),
    ] {
        assert_eq!(read(&[members]).unwrap().keys()[0].algorithm(), algorithm);
    }
}

#[test]
fn j05_a_key_without_alg_gets_the_first_configured_algorithm_of_its_type() {
    let body = format!(r#"{{"keys":[{{{RSA}}},{{{EC}}}]}}"#);
    let configured = [Algorithm::EdDsa, Algorithm::Ps384, Algorithm::Rs256];
    let set = KeySet::parse(body.as_bytes(), Some(&configured)).unwrap();
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.keys()[0].algorithm(), Algorithm::Ps384);
    let why = UnusableKey::Algorithm;
    assert_eq!(set.skipped(), [Skipped { position: 1, why }]);
}

#[test]
fn j04_a_key_whose_algorithm_is_not_configured_is_skipped() {
    let body = jwks(&[jwk(Algorithm::Rs256, "a"), jwk(Algorithm::Rs512, "b")]);
    let set = KeySet::parse(body.as_bytes(), Some(&[Algorithm::Rs512])).unwrap();
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.keys()[0].kid(), Some("b"));
}

#[test]
fn j10_a_kid_is_opaque_and_bounded_and_compared_exactly() {
    let set = key_set(Algorithm::Es256, "../../etc/passwd' OR 1=1");
    assert_eq!(set.with_kid("../../etc/passwd' OR 1=1").count(), 1);
    assert_eq!(set.with_kid("../../ETC/passwd' OR 1=1").count(), 0);
    let kid = |len| format!(r#""kid":"{}",{EC}"#, "k".repeat(len));
    assert!(read(&[&kid(1024)]).is_ok());
    assert_eq!(unusable(&kid(1025)), UnusableKey::KeyId);
    assert_eq!(unusable(&format!(r#""kid":7,{EC}"#)), UnusableKey::KeyId);
}

#[wasm_bindgen_test(unsupported = test)]
fn j12_k13_unusable_keys_are_skipped_and_the_others_stay() {
    let foreign = [
        (r#""kty":"oct","k":"c2VjcmV0""#, UnusableKey::Private),
        (
            r#""kty":"AKP","alg":"ML-DSA-65","pub":"AAAA""#,
            UnusableKey::Kind,
        ),
        (
            r#""kty":"EC","crv":"P-521","x":"AA","y":"AA""#,
            UnusableKey::Kind,
        ),
        (
            r#""kty":"EC","crv":"secp256k1","x":"AA","y":"AA""#,
            UnusableKey::Kind,
        ),
        (r#""kty":"EC","x":"AA","y":"AA""#, UnusableKey::Kind),
        (r#""kty":"OKP","crv":"X25519","x":"AA""#, UnusableKey::Kind),
        (r#""kty":"rsa","n":"AQAB","e":"AQAB""#, UnusableKey::Kind),
        (r#""kty":7"#, UnusableKey::Malformed),
        (r#""n":"AQAB","e":"AQAB""#, UnusableKey::Malformed),
        (r#""kty":"RSA","e":"AQAB""#, UnusableKey::Malformed),
        (
            r#""kty":"RSA","n":"A-_/","e":"AQAB""#,
            UnusableKey::Malformed,
        ),
        (
            r#""kty":"RSA","n":"AQAB","e":"AQAB==""#,
            UnusableKey::Malformed,
        ),
        (r#""kty":"RSA","n":"AQAB","e":"AR""#, UnusableKey::Malformed),
        (
            r#""kty":"RSA","n":"AQAB","e":"AQ AB""#,
            UnusableKey::Malformed,
        ),
    ];
    for (members, why) in foreign {
        assert_eq!(unusable(members), why, "{members}");
    }
    let mut all: Vec<&str> = foreign.iter().map(|(members, _)| *members).collect();
    all.push(RSA);
    let set = read(&all).unwrap();
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.skipped().len(), foreign.len());
}

#[test]
fn j12_a_listed_key_that_is_not_an_object_is_skipped() {
    let body = format!(r#"{{"keys":[null,7,"key",[],{{{EC}}}]}}"#);
    let set = KeySet::parse(body.as_bytes(), None).unwrap();
    assert_eq!((set.keys().len(), set.skipped().len()), (1, 4));
}

#[test]
fn j12_private_keys_are_skipped() {
    for private in ["d", "dp", "dq", "k", "oth", "p", "q", "qi"] {
        assert_eq!(
            unusable(&format!(r#""{private}":"AQAB",{RSA}"#)),
            UnusableKey::Private
        );
    }
}

#[test]
fn j12_keys_for_another_purpose_are_skipped() {
    for purpose in [
        r#""use":"enc""#,
        r#""use":"SIG""#,
        r#""use":null"#,
        r#""key_ops":["encrypt"]"#,
        r#""key_ops":[]"#,
        r#""key_ops":"verify""#,
        r#""use":"enc","key_ops":["verify"]"#,
    ] {
        assert_eq!(unusable(&format!("{purpose},{RSA}")), UnusableKey::Purpose);
    }
    assert!(read(&[&format!(r#""use":"sig","key_ops":["sign","verify"],{RSA}"#)]).is_ok());
}

#[test]
fn j13_rsa_moduli_have_2048_to_4096_bits() {
    for bits in [2048, 2049, 2056, 3072, 4095, 4096] {
        assert!(read(&[&rsa(&modulus(bits), &[1, 0, 1])]).is_ok(), "{bits}");
    }
    for bits in [1, 512, 1024, 2047, 4097, 8192, 65_536] {
        assert_eq!(
            unusable(&rsa(&modulus(bits), &[1, 0, 1])),
            UnusableKey::Material
        );
    }
    assert_eq!(unusable(&rsa(&[], &[1, 0, 1])), UnusableKey::Material);
    let even = [&modulus(2048)[1..], &[0xfe]].concat();
    assert_eq!(unusable(&rsa(&even, &[1, 0, 1])), UnusableKey::Material);
}

#[test]
fn j13_rsa_exponents_are_odd_from_3_to_33_bits() {
    let n = modulus(2048);
    for e in [&[3][..], &[1, 0, 1], &[1, 255, 255, 255, 255]] {
        assert!(read(&[&rsa(&n, e)]).is_ok(), "{e:?}");
    }
    for e in [
        &[][..],
        &[0],
        &[1],
        &[2],
        &[1, 0, 0],
        &[2, 0, 0, 0, 1],
        &[255; 9],
    ] {
        assert_eq!(unusable(&rsa(&n, e)), UnusableKey::Material, "{e:?}");
    }
}

#[test]
fn j13_leading_zeros_of_a_modulus_are_ignored() {
    let n = modulus(2048);
    let plain = read(&[&rsa(&n, &[1, 0, 1])]).unwrap();
    let padded = read(&[&rsa(&[&[0, 0], &*n].concat(), &[1, 0, 1])]).unwrap();
    assert_eq!(plain, padded);
    assert_eq!(plain.keys()[0].spki_der(), padded.keys()[0].spki_der());
}

#[wasm_bindgen_test(unsupported = test)]
fn j13_points_are_on_their_curve_with_coordinates_of_full_length() {
    let point = |x: &str, y: &str| format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#);
    let x = "djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk";
    let y = "1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ";
    assert!(read(&[&point(x, y)]).is_ok());
    let zero = URL_SAFE_NO_PAD.encode([0; 32]);
    let long = URL_SAFE_NO_PAD.encode([0; 33]);
    let high = URL_SAFE_NO_PAD.encode([0xff; 32]);
    for (x, y) in [
        (y, x),
        (x, x),
        (x, ""),
        (&zero, &zero),
        (x, &long),
        (&high, y),
    ] {
        assert_eq!(unusable(&point(x, y)), UnusableKey::Material, "{x} {y}");
    }
}

#[test]
fn j13_p384_coordinates_have_full_length() {
    let members = public_members(Algorithm::Es384);
    assert!(read(&[members]).is_ok());
    assert_eq!(
        unusable(&members.replace("UUkK", "UUkKAAAA")),
        UnusableKey::Material
    );
}

#[cfg(feature = "es384")]
#[test]
fn j13_points_are_on_p384() {
    let members = public_members(Algorithm::Es384);
    assert_eq!(
        unusable(&members.replace("UUkK", "UUkJ")),
        UnusableKey::Material
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn j13_ed25519_keys_of_small_order_or_in_another_encoding_are_skipped() {
    let key = |x: [u8; 32]| {
        let x = URL_SAFE_NO_PAD.encode(x);
        format!(r#""kty":"OKP","crv":"Ed25519","x":"{x}""#)
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    // p + 1 is equal to 1, the identity.
    let mut unreduced = [0xff; 32];
    unreduced[0] = 0xee;
    unreduced[31] = 0x7f;
    for x in [[0; 32], identity, unreduced, [0xff; 32]] {
        assert_eq!(unusable(&key(x)), UnusableKey::Material, "{x:?}");
    }
    assert_eq!(
        unusable(r#""kty":"OKP","crv":"Ed25519","x":"LO5hVkNeYSA""#),
        UnusableKey::Material
    );
}

#[test]
fn j14_both_names_of_ed25519_are_one_algorithm() {
    let old = read(&[&format!(r#""alg":"EdDSA",{ED}"#)]).unwrap();
    let new = read(&[&format!(r#""alg":"Ed25519",{ED}"#)]).unwrap();
    assert_eq!(old, new);
}
