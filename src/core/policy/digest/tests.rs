use super::*;
use crate::policy::Policy;
use crate::policy::tests::WHOLE;

fn digest(text: &str) -> String {
    PolicyDigest::of(&Json::parse(text.as_bytes()).unwrap()).to_string()
}

/// `printf '%s' '{"a":[1,"é\n"],"b":{}}' | sha256sum`
#[test]
fn the_digest_is_the_sha_256_of_the_canonical_json() {
    let expected = "4b97d2d6f68fe2759c3eeab16c9e20f418e33da78ed16e566ebe2e8baa9d2987";
    for text in [
        r#"{"a":[1,"é\n"],"b":{}}"#,
        r#" { "b" : {} , "a" : [ 1.0 , "\u00e9\u000A" ] } "#,
        r#"{"b":{"envoy_cluster":"x"},"envoy_cluster":"y","a":[1e0,"é\n"]}"#,
    ] {
        assert_eq!(digest(text), expected, "{text}");
    }
}

#[test]
fn every_other_difference_makes_another_digest() {
    let texts = [
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "1",
        "0.5",
        r#""""#,
        r#""null""#,
        r#""1""#,
        "[[]]",
        "[{}]",
        "[1,2]",
        "[2,1]",
        "[12]",
        r#"["a","b"]"#,
        r#"["a,b"]"#,
        r#"["a\",\"b"]"#,
        r#"{"a":1}"#,
        r#"{"a":"1"}"#,
        r#"{"b":1}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":1,"b":1}"#,
        r#"{"a":9007199254740993}"#,
        r#"{"a":9007199254740992}"#,
        r#"{"A":1}"#,
    ];
    for (index, one) in texts.iter().enumerate() {
        for other in &texts[..index] {
            assert_ne!(digest(one), digest(other), "{one} {other}");
        }
    }
}

#[test]
fn the_gauge_is_the_first_12_digits() {
    let digest = *Policy::from_json(WHOLE).unwrap().digest();
    let digits = format!("{:012x}", digest.gauge());
    assert_eq!(digest.to_string()[..12], digits);
    assert!(digest.gauge() < 1 << 48);
}
