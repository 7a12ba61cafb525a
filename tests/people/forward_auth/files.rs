//! The configurations for proxies that the lab does not run are complete.

use std::fs;

use portcullis_core::caller::headers::NAMES;
use portcullis_tests::lab::{folder, yaml};
use serde_json::Value;

/// The headers in the companion's response with the caller and the remaining credentials.
const ANSWERED: [&str; 7] = [
    "authorization",
    "cookie",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-user",
    "x-portcullis-caller",
];

const AUTH_URL: &str = "nginx.ingress.kubernetes.io/auth-url";

fn read(name: &str) -> String {
    let path = folder::workspace().join("tests/proxies").join(name);
    fs::read_to_string(path).expect("an example configuration")
}

/// The documents of a file.
fn documents(name: &str) -> Vec<Value> {
    let text = read(name);
    let documents = text.split("\n---\n").map(yaml::read);
    documents
        .map(|document| document.unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

/// The paths and queries that ingress-nginx requests from the companion.
pub(crate) fn ingress_auth_paths() -> Vec<String> {
    let asked = documents("ingress-nginx.yaml").into_iter().map(|ingress| {
        let url = ingress["metadata"]["annotations"][AUTH_URL].as_str();
        let (_, path) = url.unwrap().split_once(":4180").unwrap();
        path.to_owned()
    });
    asked.collect()
}

#[test]
fn h06_ingress_nginx_takes_identity_headers_from_the_response_only() {
    let ingresses = documents("ingress-nginx.yaml");
    assert_eq!(ingresses.len(), 2);
    for ingress in ingresses {
        let annotations = &ingress["metadata"]["annotations"];
        let list = annotations["nginx.ingress.kubernetes.io/auth-response-headers"]
            .as_str()
            .unwrap()
            .to_ascii_lowercase();
        let listed: Vec<&str> = list.split(',').collect();
        for name in ANSWERED.iter().chain(&NAMES) {
            assert!(listed.contains(name), "{name}");
        }
    }
}

#[test]
fn each_ingress_sends_the_host_it_serves() {
    for ingress in documents("ingress-nginx.yaml") {
        let rules = ingress["spec"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 1);
        let host = rules[0]["host"].as_str().unwrap();
        let asked = ingress["metadata"]["annotations"][AUTH_URL]
            .as_str()
            .unwrap();
        assert!(
            asked.ends_with(&format!("/oauth2/auth?host={host}")),
            "{asked}"
        );
    }
}

#[test]
fn h06_traefik_takes_identity_headers_from_the_response_only() {
    let documents = documents("traefik.yaml");
    let auth = &documents[0]["http"]["middlewares"]["portcullis"]["forwardAuth"];
    assert_eq!(auth["trustForwardHeader"], false);
    let pattern = auth["authResponseHeadersRegex"].as_str().unwrap();
    // Each name matches, with either separator between its words; claims that are not identity
    // headers do not.
    let fits = |name: &str| Pattern::of(pattern).fits(name);
    for name in ANSWERED.iter().chain(&NAMES) {
        for name in [
            (*name).to_owned(),
            name.to_ascii_uppercase(),
            name.replace('-', "_"),
        ] {
            assert!(fits(&name), "{name}");
        }
    }
    for name in [
        "x-auth-request-shoe-size",
        "x-auth_request-user",
        "x-original-method",
    ] {
        assert!(fits(name), "{name}");
    }
    for name in [
        "accept",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "cookies",
        "proxy-authorization",
        "x-authorization",
    ] {
        assert!(!fits(name), "{name}");
    }
}

/// The subset of Go's regular expressions in the file: `(?i)^…$`, groups with `|`, `[-_]` and `.*`.
struct Pattern<'a>(&'a str);

impl<'a> Pattern<'a> {
    fn of(text: &'a str) -> Self {
        let inner = text
            .strip_prefix("(?i)^(")
            .and_then(|text| text.strip_suffix(")$"));
        Self(inner.expect("a pattern of the supported syntax"))
    }

    fn fits(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        all(self.0).iter().any(|one| {
            let one = one.replace("[-_]", "-");
            let name = name.replace('_', "-");
            match one.strip_suffix(".*") {
                Some(start) => name.starts_with(start),
                None => one == name,
            }
        })
    }
}

/// The alternatives of a pattern when its groups are expanded.
fn all(pattern: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, byte) in pattern.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'|' if depth == 0 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts.into_iter().flat_map(expand).collect()
}

fn expand(part: &str) -> Vec<String> {
    let Some((before, rest)) = part.split_once('(') else {
        return vec![part.to_owned()];
    };
    let (group, behind) = rest.split_once(')').expect("a closed group");
    let tails = expand(behind);
    let inner = all(group);
    inner
        .iter()
        .flat_map(|one| tails.iter().map(move |tail| [before, one, tail].concat()))
        .collect()
}
