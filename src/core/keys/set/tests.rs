use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::Sha256;
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::fixtures::{algorithms, jwk, jwks, key_set, public_members};

const EC: &str = public_members(Algorithm::Es256);
const ED: &str = public_members(Algorithm::EdDsa);
const RSA: &str = public_members(Algorithm::Rs256);

fn read(keys: &[&str]) -> Result<KeySet, KeySetError> {
    let keys: Vec<String> = keys
        .iter()
        .map(|members| format!("{{{members}}}"))
        .collect();
    KeySet::parse(jwks(&keys).as_bytes(), None)
}

/// What is wrong with a key of these members.
fn unfit(members: &str) -> UnusableKey {
    match read(&[members]) {
        Err(KeySetError::NoUsableKey {
            first: Some(why), ..
        }) => why,
        other => panic!("{members}: {other:?}"),
    }
}

fn rsa(n: &[u8], e: &[u8]) -> String {
    format!(
        r#""kty":"RSA","n":"{}","e":"{}""#,
        URL_SAFE_NO_PAD.encode(n),
        URL_SAFE_NO_PAD.encode(e)
    )
}

/// An odd number of so many bits; it need not be hard to factor here.
fn modulus(bits: usize) -> Vec<u8> {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] = u8::MAX.wrapping_shr(bits.wrapping_neg() as u32 % 8);
    n
}

#[wasm_bindgen_test(unsupported = test)]
fn a_set_of_every_kind_is_read_and_written_without_loss() {
    let keys: Vec<String> = algorithms()
        .map(|algorithm| jwk(algorithm, &format!("the \\\"{algorithm}\\\" key")))
        .collect();
    let set = KeySet::parse(jwks(&keys).as_bytes(), None).unwrap();
    assert_eq!(set.keys().len(), keys.len());
    assert_eq!(set.skipped(), []);
    for (key, algorithm) in set.keys().iter().zip(algorithms()) {
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.kid(), Some(&*format!("the \"{algorithm}\" key")));
    }
    let again = KeySet::parse(set.to_json().as_bytes(), None).unwrap();
    assert_eq!(again, set);
    assert_eq!(again.to_json(), set.to_json());
}

#[test]
fn j04_a_key_that_names_another_algorithm_than_its_type_allows_is_skipped() {
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
            unfit(&format!(r#""alg":"{alg}",{members}"#)),
            UnusableKey::Algorithm
        );
    }
    assert_eq!(
        unfit(&format!(r#""alg":null,{RSA}"#)),
        UnusableKey::Algorithm
    );
}

#[test]
fn j05_a_key_without_alg_is_for_one_algorithm_by_its_type() {
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
fn j05_the_first_configured_algorithm_that_fits_is_chosen_for_a_key_without_alg() {
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
fn j10_a_kid_is_opaque_compared_exactly_and_bounded() {
    let set = key_set(Algorithm::Es256, "../../etc/passwd' OR 1=1");
    assert_eq!(set.with_kid("../../etc/passwd' OR 1=1").count(), 1);
    assert_eq!(set.with_kid("../../ETC/passwd' OR 1=1").count(), 0);
    let kid = |len| format!(r#""kid":"{}",{EC}"#, "k".repeat(len));
    assert!(read(&[&kid(1024)]).is_ok());
    assert_eq!(unfit(&kid(1025)), UnusableKey::KeyId);
    assert_eq!(unfit(&format!(r#""kid":7,{EC}"#)), UnusableKey::KeyId);
}

#[wasm_bindgen_test(unsupported = test)]
fn j12_k13_foreign_keys_are_skipped_and_cost_the_set_nothing() {
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
        assert_eq!(unfit(members), why, "{members}");
    }
    let mut all: Vec<&str> = foreign.iter().map(|(members, _)| *members).collect();
    all.push(RSA);
    let set = read(&all).unwrap();
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.skipped().len(), foreign.len());
}

#[test]
fn j12_a_listed_key_that_is_no_object_is_skipped() {
    let body = format!(r#"{{"keys":[null,7,"key",[],{{{EC}}}]}}"#);
    let set = KeySet::parse(body.as_bytes(), None).unwrap();
    assert_eq!((set.keys().len(), set.skipped().len()), (1, 4));
}

#[test]
fn j12_private_keys_are_skipped() {
    for private in ["d", "dp", "dq", "k", "oth", "p", "q", "qi"] {
        assert_eq!(
            unfit(&format!(r#""{private}":"AQAB",{RSA}"#)),
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
        assert_eq!(unfit(&format!("{purpose},{RSA}")), UnusableKey::Purpose);
    }
    assert!(read(&[&format!(r#""use":"sig","key_ops":["sign","verify"],{RSA}"#)]).is_ok());
}

#[test]
fn j12_two_keys_of_one_kid_are_both_kept_and_a_repeated_key_counts_once() {
    let (one, two) = (format!(r#""kid":"k",{RSA}"#), format!(r#""kid":"k",{EC}"#));
    let set = read(&[&one, &two, &one]).unwrap();
    assert_eq!(set.with_kid("k").count(), 2);
    assert_eq!(set.keys().len(), 2);
}

#[test]
fn j13_rsa_moduli_are_of_2048_to_4096_bits() {
    for bits in [2048, 2049, 2056, 3072, 4095, 4096] {
        assert!(read(&[&rsa(&modulus(bits), &[1, 0, 1])]).is_ok(), "{bits}");
    }
    for bits in [1, 512, 1024, 2047, 4097, 8192, 65_536] {
        assert_eq!(
            unfit(&rsa(&modulus(bits), &[1, 0, 1])),
            UnusableKey::Material
        );
    }
    assert_eq!(unfit(&rsa(&[], &[1, 0, 1])), UnusableKey::Material);
    let even = [&modulus(2048)[1..], &[0xfe]].concat();
    assert_eq!(unfit(&rsa(&even, &[1, 0, 1])), UnusableKey::Material);
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
        assert_eq!(unfit(&rsa(&n, e)), UnusableKey::Material, "{e:?}");
    }
}

#[test]
fn j13_leading_zeros_of_a_modulus_make_no_other_key() {
    let n = modulus(2048);
    let plain = read(&[&rsa(&n, &[1, 0, 1])]).unwrap();
    let padded = read(&[&rsa(&[&[0, 0], &*n].concat(), &[1, 0, 1])]).unwrap();
    assert_eq!(plain, padded);
    assert_eq!(plain.keys()[0].spki_der(), padded.keys()[0].spki_der());
}

#[wasm_bindgen_test(unsupported = test)]
fn j13_points_lie_on_their_curve_with_coordinates_of_full_length() {
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
        assert_eq!(unfit(&point(x, y)), UnusableKey::Material, "{x} {y}");
    }
}

#[test]
fn j13_p384_coordinates_are_of_full_length() {
    let members = public_members(Algorithm::Es384);
    assert!(read(&[members]).is_ok());
    assert_eq!(
        unfit(&members.replace("UUkK", "UUkKAAAA")),
        UnusableKey::Material
    );
}

#[cfg(feature = "es384")]
#[test]
fn j13_points_lie_on_p384() {
    let members = public_members(Algorithm::Es384);
    assert_eq!(
        unfit(&members.replace("UUkK", "UUkJ")),
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
    // p + 1, which means the identity again.
    let mut unreduced = [0xff; 32];
    unreduced[0] = 0xee;
    unreduced[31] = 0x7f;
    for x in [[0; 32], identity, unreduced, [0xff; 32]] {
        assert_eq!(unfit(&key(x)), UnusableKey::Material, "{x:?}");
    }
    assert_eq!(
        unfit(r#""kty":"OKP","crv":"Ed25519","x":"LO5hVkNeYSA""#),
        UnusableKey::Material
    );
}

#[test]
fn j14_both_names_of_ed25519_are_one_algorithm() {
    let old = read(&[&format!(r#""alg":"EdDSA",{ED}"#)]).unwrap();
    let new = read(&[&format!(r#""alg":"Ed25519",{ED}"#)]).unwrap();
    assert_eq!(old, new);
}

#[wasm_bindgen_test(unsupported = test)]
fn j08_duplicate_members_are_refused_anywhere_in_a_set() {
    for body in [
        format!(r#"{{"keys":[{{{RSA}}}],"keys":[{{{EC}}}]}}"#),
        format!(r#"{{"keys":[{{{RSA},"kid":"a","kid":"b"}}]}}"#),
        format!(r#"{{"keys":[{{{RSA},"\u006b\u0069d":"a","kid":"b"}}]}}"#),
        format!(r#"{{"keys":[{{{RSA}}}],"x":{{"y":1,"y":2}}}}"#),
    ] {
        let error = KeySet::parse(body.as_bytes(), None).unwrap_err();
        assert!(matches!(error, KeySetError::Json(_)), "{error}");
    }
}

#[test]
fn an_answer_that_is_no_set_is_refused() {
    for body in ["", "<html>", "{\"keys\":[", "\u{feff}{\"keys\":[]}"] {
        let error = KeySet::parse(body.as_bytes(), None).unwrap_err();
        assert!(matches!(error, KeySetError::Json(_)), "{body}: {error}");
    }
    for body in ["[]", "{}", "null", r#"{"keys":{}}"#, r#"{"Keys":[]}"#] {
        let error = KeySet::parse(body.as_bytes(), None).unwrap_err();
        assert_eq!(error, KeySetError::NotASet, "{body}");
    }
    let empty = KeySet::parse(br#"{"keys":[]}"#, None).unwrap_err();
    assert_eq!(
        empty.to_string(),
        "the key set has no usable key; it lists 0"
    );
}

#[test]
fn the_caps_hold_for_bytes_and_usable_keys() {
    let body = jwks(&[jwk(Algorithm::Es256, "k")]);
    let padded = body.clone() + &" ".repeat(KeySet::MAX_BYTES - body.len());
    assert!(KeySet::parse(padded.as_bytes(), None).is_ok());
    let error = KeySet::parse(format!("{padded} ").as_bytes(), None).unwrap_err();
    assert_eq!(error, KeySetError::TooLarge);

    let many = |count: usize| -> Vec<String> {
        let key = |at| jwk(Algorithm::EdDsa, &format!("k{at}"));
        (0..count).map(key).collect()
    };
    let full = KeySet::parse(jwks(&many(64)).as_bytes(), None).unwrap();
    assert_eq!(full.keys().len(), KeySet::MAX_KEYS);
    let error = KeySet::parse(jwks(&many(65)).as_bytes(), None).unwrap_err();
    assert_eq!(error, KeySetError::TooManyKeys);
}

#[test]
fn the_largest_set_can_be_written_and_read_again() {
    let key = |at: u8| {
        let kid = r"\u0001".repeat(1023);
        let mut n = modulus(4096);
        n[1] = at;
        format!(r#"{{"kid":"{kid}",{}}}"#, rsa(&n, &[1, 0, 1]))
    };
    let json = Json::parse(jwks(&(0..64).map(key).collect::<Vec<_>>()).as_bytes()).unwrap();
    let set = KeySet::from_json(&json, None).unwrap();
    assert_eq!(set.keys().len(), 64);
    assert_eq!(KeySet::parse(set.to_json().as_bytes(), None), Ok(set));
}

#[test]
fn thumbprints_are_those_of_rfc_7638_and_rfc_8037() {
    let rsa = r#""kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw""#;
    let ed = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    for (members, expected) in [
        (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (ed, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        let thumbprint = read(&[members]).unwrap().keys()[0].thumbprint();
        assert_eq!(thumbprint.to_string(), expected);
        assert_eq!(Thumbprint::parse(expected), Some(thumbprint));
    }
    for text in [
        "",
        "NzbL",
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt",
        "§",
    ] {
        assert_eq!(Thumbprint::parse(text), None);
    }
}

#[test]
fn thumbprints_are_those_of_jwt_compact_for_every_kind() {
    for algorithm in Algorithm::ALL {
        let members = format!("{{{}}}", public_members(algorithm));
        let theirs: jwt_compact::jwk::JsonWebKey<'_> = serde_json::from_str(&members).unwrap();
        let ours = key_set(algorithm, "k").keys()[0].thumbprint();
        assert_eq!(
            ours.to_string(),
            URL_SAFE_NO_PAD.encode(theirs.thumbprint::<Sha256>())
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn subject_public_key_info_is_what_openssl_writes() {
    for (algorithm, expected) in [
        (
            Algorithm::EdDsa,
            "MCowBQYDK2VwAyEALO5hVkNeYSCeO1suNiBLOmcxWgDyr+KL/7EWcFA9p+Y=",
        ),
        (
            Algorithm::Es256,
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdjhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7BnUY3HM\
             8bvJqI7eNmfzL1FVB4y7ipc7yzCGdbTf9PloFA==",
        ),
        (
            Algorithm::Es384,
            "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEUUkKdIhNXsgYaa948GzmTJqOsxDJiWPzn3EoO1oj4UAvdYCHr6cW\
             K3v8Q1aJpt7gQH/WDZtXZwm7hpgl/cA4/9hPxIUVThDTupLTCFFlZ+aATnWsPyjTLqLMRiipKQwH",
        ),
        (
            Algorithm::Rs256,
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAweYtC8q8z0jOgsS5nS3JPPC9tOSuH6oOsBVoHd8T\
             8Vp3y8vlQF4HfA3NPgJ/CcReohQtkY8O103CCYrH5wOrWLt+8czVy4gAOLZ1nrndSSCFxgVCETYnlPvuxYp3\
             jkWK69cyLuNQAWgkjNd0CRSCATZDv1eAJ7T4qHqc/HG9NlRlw91LWQtFIKSdof+9lni9Mu8oWJ8PUzYsWveF\
             Rdx5j77Xqi8tOQjr3aFKnPQlqZ0TgPtBprRTwaq8ovYqeWTMDeibMeAJqjfVVCXbOhBF291xKDL3pbxlg9uv\
             pzqM6iukjV9VUNrKmY4z3Vh431WuJMGG7Vd8XuzMowWr9r0pCwIDAQAB",
        ),
    ] {
        let set = key_set(algorithm, "k");
        assert_eq!(STANDARD.encode(set.keys()[0].spki_der()), expected);
    }
}
