use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::fixtures::{algorithms, jwk, jwks, public_members};
use crate::jwk::fixtures::{modulus, read, rsa};

const EC: &str = public_members(Algorithm::Es256);
const RSA: &str = public_members(Algorithm::Rs256);

#[wasm_bindgen_test(unsupported = test)]
fn a_set_of_all_key_types_survives_serialization() {
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
fn j12_two_keys_with_one_kid_are_both_kept_and_a_repeated_key_counts_once() {
    let (one, two) = (format!(r#""kid":"k",{RSA}"#), format!(r#""kid":"k",{EC}"#));
    let set = read(&[&one, &two, &one]).unwrap();
    assert_eq!(set.with_kid("k").count(), 2);
    assert_eq!(set.keys().len(), 2);
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
fn documents_that_are_not_key_sets_are_refused() {
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
        "the key set has no usable key; keys listed: 0"
    );
}

#[test]
fn the_number_of_bytes_and_of_usable_keys_is_limited() {
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
fn the_largest_set_survives_serialization() {
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
