use super::*;
use crate::keys::fixtures::{good, plain, set_of, trust};

#[test]
fn each_kind_of_bad_response_has_its_own_error() {
    let trust = plain();
    let body = set_of(&["a"]);
    let whole = good(&body);
    assert!(set(&trust, &whole).is_ok());
    for status in [0, 204, 302, 404, 500, 503] {
        let response = HttpResponse { status, ..whole };
        assert_eq!(set(&trust, &response), Err(ResponseError::Status(status)));
    }
    let html = HttpResponse {
        content_type: Some(b"text/html"),
        ..whole
    };
    assert_eq!(set(&trust, &html), Err(ResponseError::ContentType));
    let gzip = HttpResponse {
        content_encoding: Some(b"gzip"),
        ..whole
    };
    assert_eq!(set(&trust, &gzip), Err(ResponseError::ContentEncoding));
    let long = format!("{}{body}", " ".repeat(KeySet::MAX_BYTES));
    assert_eq!(set(&trust, &good(&long)), Err(ResponseError::TooLong));
    for text in [
        "",
        "[]",
        "null",
        "<html></html>",
        &body[..body.len() - 1],
        &format!("{body}x"),
    ] {
        assert_eq!(
            set(&trust, &good(text)),
            Err(ResponseError::Malformed),
            "{text}"
        );
    }
    for text in ["{}", r#"{"keys":[]}"#, r#"{"keys":{}}"#] {
        assert!(
            matches!(set(&trust, &good(text)), Err(ResponseError::KeySet(_))),
            "{text}"
        );
    }
}

#[test]
fn d04_all_json_media_types_and_those_that_say_nothing_are_accepted() {
    let trust = plain();
    let body = set_of(&["a"]);
    let types: [Option<&[u8]>; 8] = [
        None,
        Some(b"application/json"),
        Some(b"application/jwk-set+json"),
        Some(b"Application/JSON; charset=utf-8"),
        Some(b"text/json"),
        Some(b"application/octet-stream"),
        Some(b"binary/octet-stream"),
        Some(b"Text/Plain; charset=utf-8"),
    ];
    for content_type in types {
        assert!(
            set(
                &trust,
                &HttpResponse {
                    content_type,
                    ..good(&body)
                }
            )
            .is_ok()
        );
    }
    let identity = HttpResponse {
        content_encoding: Some(b"identity"),
        ..good(&body)
    };
    assert!(set(&trust, &identity).is_ok());
}

#[test]
fn d01_discovery_must_name_an_issuer_of_the_entry() {
    let trust = plain();
    let jwks = r#""jwks_uri": "https://blue.example.com/jwks""#;
    for issuer in ["https://blue.example.com", "https://old.example.com"] {
        let body = format!(r#"{{"issuer": "{issuer}", {jwks}}}"#);
        assert!(document(&trust, &good(&body)).is_ok(), "{issuer}");
    }
    for issuer in [
        "https://blue.example.com/",
        "https://BLUE.example.com",
        "https://evil.example",
    ] {
        let body = format!(r#"{{"issuer": "{issuer}", {jwks}}}"#);
        assert_eq!(
            document(&trust, &good(&body)),
            Err(ResponseError::IssuerMismatch),
            "{issuer}"
        );
    }
}

#[test]
fn d02_the_key_set_of_a_discovery_document_is_on_https() {
    let trust = plain();
    for uri in [
        "http://blue.example.com/jwks",
        "/jwks",
        "https://u@blue.example.com/",
        "https://",
    ] {
        let body = format!(r#"{{"issuer": "https://blue.example.com", "jwks_uri": "{uri}"}}"#);
        assert_eq!(
            document(&trust, &good(&body)),
            Err(ResponseError::KeySetUrl),
            "{uri}"
        );
    }
    for body in [
        r#"{"issuer": "https://blue.example.com"}"#,
        "{}",
        r#"{"issuer": 1}"#,
    ] {
        assert_eq!(
            document(&trust, &good(body)),
            Err(ResponseError::Malformed),
            "{body}"
        );
    }
}

#[test]
fn a_mirror_of_another_entry_or_version_is_refused() {
    let trust = plain();
    let body = |head: &str| format!("{{{head}, {}", set_of(&["a"]).trim_start_matches('{'));
    let ours = r#""trust": "blue", "issuer": "https://blue.example.com""#;
    assert!(mirrored(&trust, &good(&body(&format!(r#"{ours}, "fetched_at": 5"#)))).is_ok());
    for (version, expected) in [
        ("1", Ok(())),
        ("2", Err(ResponseError::UnknownVersion)),
        ("\"1\"", Err(ResponseError::Malformed)),
    ] {
        let body = body(&format!(r#"{ours}, "fetched_at": 5, "version": {version}"#));
        let read = mirrored(&trust, &good(&body)).map(drop);
        assert_eq!(read, expected, "{version}");
    }
    for head in [
        r#""trust": "green", "issuer": "https://blue.example.com", "fetched_at": 5"#,
        r#""trust": "blue", "issuer": "https://old.example.com", "fetched_at": 5"#,
    ] {
        assert_eq!(
            mirrored(&trust, &good(&body(head))),
            Err(ResponseError::OtherTrust)
        );
    }
    for age in [
        "",
        r#", "fetched_at": -5"#,
        r#", "fetched_at": 5.5"#,
        r#", "fetched_at": "5""#,
    ] {
        let body = body(&format!("{ours}{age}"));
        assert_eq!(
            mirrored(&trust, &good(&body)),
            Err(ResponseError::Malformed),
            "{age}"
        );
    }
}

#[test]
fn a_set_without_a_pinned_key_is_refused() {
    let Ok(Fetched::Keys { set: keys, .. }) = set(&plain(), &good(&set_of(&["a"]))) else {
        panic!("a good set");
    };
    let pin = |text: &str| {
        let cluster = r#""envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks""#;
        trust(&format!(r#"{{{cluster}, "pins": ["{text}"]}}"#))
    };
    let own = pin(&keys.keys()[0].thumbprint().to_string());
    assert!(set(&own, &good(&set_of(&["a"]))).is_ok());
    let other = pin(&"A".repeat(43));
    assert_eq!(
        set(&other, &good(&set_of(&["a"]))),
        Err(ResponseError::NothingPinned)
    );
}
