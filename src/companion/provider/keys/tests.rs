use portcullis_tests::lab::SigningKey;
use serde_json::{Value, json};

use super::*;

fn read(keys: &[Value], algorithms: &[Algorithm]) -> Result<ProviderKeys, ProviderKeysError> {
    let text = json!({"keys": keys}).to_string();
    ProviderKeys::read(&Json::parse(text.as_bytes()).unwrap(), algorithms)
}

fn without_alg(key: &SigningKey) -> Value {
    let mut jwk = key.jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk
}

fn algorithms_of(keys: &ProviderKeys) -> Vec<Algorithm> {
    keys.iter().map(|one| one.key.algorithm()).collect()
}

#[test]
fn a_key_without_alg_is_for_every_accepted_algorithm_of_its_type() {
    use Algorithm::*;
    let rsa = without_alg(&SigningKey::rsa("rsa"));
    let p256 = without_alg(&SigningKey::p256());
    for (accepted, expected) in [
        (&[Rs256][..], &[Rs256][..]),
        (&[Ps384, Es256, Rs256], &[Ps384, Rs256, Es256]),
        (
            &Algorithm::ALL,
            &[Ps256, Ps384, Ps512, Rs256, Rs384, Rs512, Es256],
        ),
        (&[EdDsa, Es256], &[Es256]),
    ] {
        let keys = read(&[rsa.clone(), p256.clone()], accepted).unwrap();
        assert_eq!(algorithms_of(&keys), expected, "{accepted:?}");
    }
}

#[test]
fn a_key_with_alg_is_for_that_algorithm_alone() {
    use Algorithm::*;
    let key = SigningKey::rsa("rsa").jwk();
    assert_eq!(key["alg"], "RS256");
    let keys = read(std::slice::from_ref(&key), &Algorithm::ALL).unwrap();
    assert_eq!(algorithms_of(&keys), [Rs256]);
    let refused = read(&[key], &[Ps256, Es256]).unwrap_err();
    assert!(matches!(
        refused,
        ProviderKeysError::Set(KeySetError::NoUsableKey { listed: 1, .. })
    ));
}

#[test]
fn a_set_may_have_1024_usable_keys() {
    let jwk = without_alg(&SigningKey::p256());
    let keys = |count: usize| -> Vec<Value> {
        let keys = (0..count).map(|number| {
            let mut key = jwk.clone();
            key["kid"] = json!(format!("{number}"));
            key
        });
        keys.collect()
    };
    let algorithms = [Algorithm::Rs256, Algorithm::Es256];
    assert_eq!(read(&keys(1024), &algorithms).unwrap().iter().count(), 1024);
    let refused = read(&keys(1025), &algorithms).unwrap_err();
    assert_eq!(refused, ProviderKeysError::TooManyKeys);
    // Unusable keys and repeated ones do not count.
    let mut more = keys(1024);
    more.extend(keys(10));
    more.push(json!({"kty": "oct", "k": "AA"}));
    assert_eq!(read(&more, &algorithms).unwrap().iter().count(), 1024);
}

#[test]
fn a_document_that_is_no_key_set_is_rejected() {
    for text in ["{}", r#"{"keys":{}}"#, "[]"] {
        let document = Json::parse(text.as_bytes()).unwrap();
        let refused = ProviderKeys::read(&document, &Algorithm::ALL).unwrap_err();
        assert_eq!(refused, KeySetError::NotASet.into(), "{text}");
    }
    assert!(read(&[], &Algorithm::ALL).is_err());
}
