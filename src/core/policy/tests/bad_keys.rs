//! Sources of keys that are refused, and some that are not.

use super::bad_trusts::{KEY, KEYS};
use super::{accepted, refused};

/// Replaces the keys of the second entry.
#[track_caller]
pub(super) fn keys_refused(keys: &str, path: &str, problem: &str, help: &str) {
    let keys = format!(r#""keys": {keys}"#);
    refused(KEYS, &keys, path, problem, help);
}

#[test]
fn keys_have_a_source() {
    keys_refused(
        "{}",
        "trust[1].keys",
        "missing `envoy_cluster` or `inline`",
        "`envoy_cluster`",
    );
    let empty = r#"{"envoy_cluster": ""}"#;
    keys_refused(
        empty,
        "trust[1].keys.envoy_cluster",
        "the string is empty",
        "",
    );
}

#[test]
fn nothing_is_fetched_without_a_cluster() {
    for (name, value) in [
        ("discovery", r#""https://gitlab.example.com/d""#),
        ("jwks", r#""https://gitlab.example.com/k""#),
        ("mirror", "true"),
        ("refresh", r#""5m""#),
        ("max_stale", r#""5m""#),
    ] {
        keys_refused(
            &format!(r#"{{"{name}": {value}}}"#),
            &format!("trust[1].keys.{name}"),
            "keys are fetched only through an `envoy_cluster`",
            "add `envoy_cluster`",
        );
    }
}

#[test]
fn discovery_jwks_and_mirror_are_mutually_exclusive() {
    for two in [
        r#""discovery": "https://a.example/d", "jwks": "https://a.example/k""#,
        r#""discovery": "https://a.example/d", "mirror": true"#,
        r#""jwks": "https://a.example/k", "mirror": true"#,
    ] {
        let keys = format!(r#"{{"envoy_cluster": "c", {two}}}"#);
        keys_refused(&keys, "trust[1].keys", "are mutually exclusive", "keep one");
    }
    let keys = r#""keys": {"envoy_cluster": "c", "jwks": "https://a.example/k", "mirror": false}"#;
    accepted(KEYS, keys);
}

#[test]
fn d02_keys_are_fetched_from_https_urls() {
    for name in ["discovery", "jwks"] {
        for url in [
            "http://a.example/k",
            "https://a.example/k#x",
            "https://a.example/k?x=%",
            "https://a.example/k?x=y z",
            "/k",
            "",
        ] {
            keys_refused(
                &format!(r#"{{"envoy_cluster": "c", "{name}": "{url}"}}"#),
                &format!("trust[1].keys.{name}"),
                "is not a valid key URL",
                "without fragment or user",
            );
        }
    }
}

#[test]
fn kids_and_pins_are_well_formed() {
    let keys = r#"{"envoy_cluster": "c", "refuse_kids": ["a", ""]}"#;
    keys_refused(
        keys,
        "trust[1].keys.refuse_kids[1]",
        "the string is empty",
        "",
    );
    let long = "k".repeat(1025);
    let keys = format!(r#"{{"envoy_cluster": "c", "refuse_kids": ["{long}"]}}"#);
    keys_refused(
        &keys,
        "trust[1].keys.refuse_kids[0]",
        "the key ID is longer than 1024 bytes",
        "remove it",
    );
    for pin in ["", "short", &"=".repeat(43)] {
        let keys = format!(r#"{{"envoy_cluster": "c", "pins": ["{pin}"]}}"#);
        keys_refused(
            &keys,
            "trust[1].keys.pins[0]",
            "is not a thumbprint",
            "RFC 7638",
        );
    }
}

#[test]
fn an_inline_set_without_a_usable_key_is_refused() {
    for inline in ["[]", "{}", r#"{"keys": []}"#, r#""keys""#, "1"] {
        let keys = format!(r#"{{"inline": {inline}}}"#);
        keys_refused(&keys, "trust[1].keys.inline", "", "at least one public key");
    }
}

#[test]
fn an_inline_set_can_be_the_only_one_or_the_first() {
    for beside in ["", r#", "envoy_cluster": "gitlab""#] {
        let keys = format!(r#""keys": {{"inline": {{"keys": [{KEY}]}}{beside}}}"#);
        let policy = accepted(KEYS, &keys);
        let keys = &policy.trust("gitlab").unwrap().keys;
        assert_eq!(keys.inline.as_ref().unwrap().keys().len(), 1);
        assert_eq!(keys.remote.is_some(), !beside.is_empty());
    }
    let algorithms =
        format!(r#""keys": {{"inline": {{"keys": [{KEY}]}}}}, "algorithms": ["RS256"]"#);
    let path = "trust[1].keys.inline";
    refused(KEYS, &algorithms, path, "", "at least one public key");
}
