//! The original request of forward auth. The first line is the method and the target of the proxy's
//! request, and each other line a header field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing::original_request;
use portcullis_fuzz::{lines, text};

const FORWARDED: [&str; 4] = [
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];

fuzz_target!(|data: &[u8]| {
    let mut lines = lines(data);
    let Some((method, target)) = lines
        .next()
        .and_then(text)
        .and_then(|line| line.split_once(' '))
    else {
        return;
    };
    let fields: Vec<(&[u8], &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
        .collect();
    if !target.starts_with('/') {
        return;
    }
    let Some(original) = original_request(method, target, &fields) else {
        return;
    };

    // By the words of the specification: each header at most once, and none that says otherwise.
    let values = |name: &str| -> Vec<&[u8]> {
        let named = fields
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| *value).collect()
    };
    let only = |name: &str| {
        let values = values(name);
        assert!(values.len() <= 1, "{name} is repeated");
        values.first().copied()
    };
    let is_with_path = target.starts_with("/oauth2/auth/");
    let url = only("x-original-url");
    let proto = only("x-forwarded-proto");
    let end_of_scheme = |url: &[u8]| url.windows(3).position(|three| three == b"://");
    let scheme = match url.and_then(|url| url.get(..end_of_scheme(url)?)) {
        Some(scheme) if !is_with_path => scheme,
        _ => proto.expect("a scheme"),
    };
    assert!(matches!(scheme, b"http" | b"https"));
    let expected = [
        &original.method,
        scheme,
        &original.authority,
        &original.path,
    ];
    for (name, expected) in FORWARDED.into_iter().zip(expected) {
        assert!(only(name).is_none_or(|value| value == expected), "{name}");
    }
    assert!(only("x-original-method").is_none_or(|value| value == original.method));
    if let Some(url) = url {
        let written = [scheme, b"://", &original.authority, &original.path].concat();
        assert_eq!(url, written);
    }
    assert!(!original.method.is_empty());

    if is_with_path {
        assert_eq!(original.method, method.as_bytes());
        // A server never sees a fragment: the HTTP library drops it.
        let path = target.split('#').next().unwrap_or_default();
        assert_eq!(original.path, path.as_bytes()["/oauth2/auth".len()..]);
    } else {
        let forwarded = FORWARDED.iter().all(|name| only(name).is_some());
        let by_url = only("x-original-url").is_some() && only("x-original-method").is_some();
        assert!(forwarded || by_url, "no family of headers is complete");
    }
});
