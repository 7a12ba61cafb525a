use std::collections::BTreeSet;

use super::*;
use crate::config::Config;
use crate::config::tests::FULL;
use crate::document::Document;
use crate::schema::tests::{mutations, validator, walk};

fn read(document: &Value) -> Result<Config, String> {
    let config = Config::parse("companion.json".to_owned(), document.to_string().into());
    config.map_err(|report| report.to_string())
}

/// The configuration with every setting.
fn full() -> Value {
    let document = Document::parse("c.yaml".to_owned(), FULL.into(), "").expect("YAML");
    serde_json::from_str(&document.root().to_string()).expect("JSON")
}

#[test]
fn the_schema_has_exactly_the_settings() {
    let mut fields = BTreeSet::new();
    walk("", &schema(), &mut |path, schema| {
        if schema["description"].is_string() {
            fields.insert(path.to_owned());
        }
    });
    let settings = SETTINGS.iter().map(|setting| setting.path.to_owned());
    assert_eq!(fields, settings.collect());
}

#[test]
fn every_block_refuses_unknown_fields() {
    let mut blocks = 0;
    walk("", &schema(), &mut |path, schema| {
        if schema["properties"].is_object() {
            assert_eq!(schema["additionalProperties"], false, "{path}");
            blocks += 1;
        }
    });
    assert_eq!(blocks, 9);
}

/// What the reader refuses and the schema does not: relations between settings, fields that a flag may set, and
/// addresses.
fn is_relation(report: &str) -> bool {
    [
        "missing field",
        "can't be combined",
        "is not an address",
        "is not a host and a port",
        "is not a valid host",
        "is not a network",
        "is not a domain",
        "has only one label",
        "is for the Redis store",
        "is not the URL of an HTTP proxy",
        "is also the name",
        "the list is empty",
    ]
    .iter()
    .any(|relation| report.contains(relation))
}

#[test]
fn the_schema_accepts_what_the_reader_accepts_and_refuses_what_it_refuses() {
    let validator = validator(&schema());
    let document = full();
    read(&document).unwrap_or_else(|report| panic!("{report}"));
    let mutations = mutations(&document);
    let (mut accepted, mut refused, mut relations) = (0, 0, 0);
    let mut different = Vec::new();
    for (what, mutation) in mutations.iter().chain([&(String::new(), document)]) {
        match (read(mutation), validator.validate(mutation)) {
            (Ok(_), Ok(())) => accepted += 1,
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(error)) => {
                different.push(format!("{what}: only the schema refuses: {error}"))
            }
            (Err(report), Ok(())) if is_relation(&report) => relations += 1,
            (Err(report), Ok(())) => {
                different.push(format!("{what}: only the reader refuses: {report}"))
            }
        }
    }
    assert_eq!(different, Vec::<String>::new());
    let counts = format!("{accepted} accepted, {refused} refused, {relations} relations");
    assert!(accepted > 30 && refused > 600 && relations < 60, "{counts}");
}

#[test]
fn values_outside_their_bounds_are_refused_by_both() {
    let validator = validator(&schema());
    for (pointer, values) in [
        (
            "/url",
            json!(["http://auth.example.com", "https://auth.example.com/path"]),
        ),
        ("/listen_mode", json!(["0888", "rw", "7777"])),
        ("/providers/0/name", json!(["GitLab", "a_b", ""])),
        (
            "/providers/0/issuer",
            json!(["http://gitlab.example.com", "gitlab"]),
        ),
        (
            "/providers/0/scopes",
            json!([["email"], [], ["openid", "a b"]]),
        ),
        ("/providers/0/algorithms", json!([["none"], ["HS256"], []])),
        (
            "/providers/0/end_session",
            json!(["no", "http://gitlab.example.com", 1]),
        ),
        ("/providers/0/groups_claim", json!([[], "", {}])),
        ("/providers/0/timeout", json!(["10", 10, "1d"])),
        ("/session/groups", json!(["none", "ALL"])),
        ("/session/store", json!(["memory", "redis", "file:"])),
        ("/session/cookie/same_site", json!(["strict", "Lax"])),
        ("/log/format", json!(["yaml"])),
        ("/log/level", json!(["trace", "INFO"])),
        ("/limits/connections", json!([0, 1_000_001, 1.5, "10"])),
        ("/limits/header_bytes", json!([8191, 1_048_577])),
        ("/limits/body_bytes", json!([1023, 1_048_577])),
    ] {
        for value in values.as_array().expect("a list") {
            let mut document = full();
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            let parent = document.pointer_mut(parent).expect("a parent");
            parent[name] = value.clone();
            assert!(read(&document).is_err(), "{pointer}: {value}: the reader");
            assert!(
                !validator.is_valid(&document),
                "{pointer}: {value}: the schema"
            );
        }
    }
}

#[test]
fn a_file_whose_other_settings_are_flags_is_valid() {
    let validator = validator(&schema());
    for document in [
        json!({}),
        json!({"providers": [{"name": "gitlab"}]}),
        json!({"tls": {"key": "a"}}),
    ] {
        assert!(validator.is_valid(&document), "{document}");
    }
    let several = json!({"providers": [{"name": "gitlab"}, {"name": "other"}]});
    assert!(!validator.is_valid(&several));
}
