use super::*;
use crate::fixtures::jwk;
use crate::token::Algorithm;

/// The warnings about a set with this many keys that can't be used.
fn warnings(count: usize) -> Vec<String> {
    let keys = vec![r#"{"kty":"oct","k":"AA"}"#; count].join(",");
    let usable = jwk(Algorithm::Es256, "a");
    let set = format!(r#"{{"keys":[{usable},{keys}]}}"#);
    let set = KeySet::parse(set.as_bytes(), None).unwrap();
    let warnings = KeyWarning::of_skipped("blue", Some(&set), None);
    warnings.map(|warning| warning.to_string()).collect()
}

#[test]
fn a_few_skipped_keys_are_named_and_the_others_counted() {
    let eight = warnings(8);
    assert_eq!(eight.len(), 8);
    assert!(eight[7].contains("key 8 of the key set"), "{eight:?}");
    let many = warnings(1000);
    assert_eq!(many.len(), 9);
    assert_eq!(
        many[8],
        "trust blue: 992 more keys of the key set are skipped"
    );
}
