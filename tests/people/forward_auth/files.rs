//! The configurations for proxies that the lab does not run are complete.

use std::fs;

use std::collections::BTreeSet;

use portcullis_core::caller::headers::NAMES;
use portcullis_core::endpoints::{self, Subpaths, UsedBy};
use portcullis_tests::lab::{folder, yaml};
use serde_json::Value;

use crate::forward_auth::fixture::canonical;
use crate::forward_auth::proxies::PUBLIC_HOST;
use crate::forward_auth::spellings::spellings;

/// The headers that proxies copy from the companion's response: the identity headers, and the client's
/// credentials without ours.
const RESPONSE_HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-user",
    "x-portcullis-caller",
];

const EXT_AUTHZ: &str = "ext-authz.yaml";

const AUTH_URL: &str = "nginx.ingress.kubernetes.io/auth-url";

fn read(name: &str) -> String {
    let folder = if name == EXT_AUTHZ {
        "envoy"
    } else {
        "tests/proxies"
    };
    let path = folder::workspace().join(folder).join(name);
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

/// The Ingresses of the app. The last one in the file is the companion's public host.
fn app_ingresses() -> Vec<Value> {
    let mut ingresses = documents("ingress-nginx.yaml");
    let public = ingresses.pop().expect("an Ingress of the companion");
    assert_eq!(public["spec"]["rules"][0]["host"], PUBLIC_HOST);
    assert_eq!(ingresses.len(), 2);
    ingresses
}

/// The paths and queries that ingress-nginx requests from the companion.
pub(crate) fn ingress_auth_paths() -> Vec<String> {
    let requested = app_ingresses().into_iter().map(|ingress| {
        let url = ingress["metadata"]["annotations"][AUTH_URL].as_str();
        let (_, path) = url.unwrap().split_once(":4180").unwrap();
        path.to_owned()
    });
    requested.collect()
}

#[test]
fn h06_ingress_nginx_takes_identity_headers_from_the_response_only() {
    for ingress in app_ingresses() {
        let annotations = &ingress["metadata"]["annotations"];
        let list = annotations["nginx.ingress.kubernetes.io/auth-response-headers"]
            .as_str()
            .unwrap()
            .to_ascii_lowercase();
        let listed: Vec<&str> = list.split(',').collect();
        for name in RESPONSE_HEADERS.iter().chain(&NAMES) {
            assert!(listed.contains(name), "{name}");
        }
    }
}

/// Which of the companion's endpoints each file makes public.
#[test]
fn the_companions_public_host_has_the_endpoints_of_clients_only() {
    let clients = endpoints::ALL
        .iter()
        .filter(|own| own.used_by == UsedBy::Clients);
    let expected: BTreeSet<String> = clients
        .flat_map(|own| {
            let name = own.path.strip_prefix("/oauth2/").expect("a path below it");
            let below =
                (own.subpaths == Subpaths::ProviderName).then(|| format!("{name}/[a-z0-9-]+"));
            [Some(name.to_owned()), below]
        })
        .flatten()
        .collect();
    for file in [
        "nginx.conf",
        "Caddyfile",
        "traefik.yaml",
        "ingress-nginx.yaml",
        EXT_AUTHZ,
    ] {
        let text = read(file);
        let lists: Vec<&str> = text.split("/oauth2/(").skip(1).collect();
        assert_eq!(lists.len(), 1, "{file}");
        let (list, _) = lists[0].split_once(')').expect("a closed group");
        let listed: BTreeSet<String> = list.split('|').map(str::to_owned).collect();
        assert_eq!(listed, expected, "{file}");
    }
}

#[test]
fn each_ingress_sends_the_host_it_serves() {
    for ingress in app_ingresses() {
        let rules = ingress["spec"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 1);
        let host = rules[0]["host"].as_str().unwrap();
        let url = ingress["metadata"]["annotations"][AUTH_URL]
            .as_str()
            .unwrap();
        assert!(url.ends_with(&format!("/oauth2/auth?host={host}")), "{url}");
    }
}

#[test]
fn h06_traefik_takes_identity_headers_from_the_response_only() {
    let documents = documents("traefik.yaml");
    let auth = &documents[0]["http"]["middlewares"]["portcullis"]["forwardAuth"];
    assert_eq!(auth["trustForwardHeader"], false);
    let pattern = auth["authResponseHeadersRegex"].as_str().unwrap();
    // Each name matches in every spelling; names that claim no identity do not.
    let matches = |name: &str| Pattern::of(pattern).matches(name);
    for name in RESPONSE_HEADERS.iter().chain(&NAMES) {
        for name in spellings(name) {
            assert!(matches(&name), "{name}");
        }
    }
    for name in [
        "x-auth-request-shoe-size",
        "x-auth_request-user",
        "x-original-method",
    ] {
        assert!(matches(name), "{name}");
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
        assert!(!matches(name), "{name}");
    }
}

/// The subset of Go's regular expressions in the file: `(?i)^…$`, groups with `|`, `[^a-z0-9]` and `.*`.
struct Pattern<'a>(&'a str);

impl<'a> Pattern<'a> {
    fn of(text: &'a str) -> Self {
        let inner = text
            .strip_prefix("(?i)^(")
            .and_then(|text| text.strip_suffix(")$"));
        Self(inner.expect("a pattern of the supported syntax"))
    }

    fn matches(&self, name: &str) -> bool {
        let name = canonical(name);
        all(self.0).iter().any(|one| {
            let one = one.replace("[^a-z0-9]", "-");
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
    let (group, after) = rest.split_once(')').expect("a closed group");
    let tails = expand(after);
    let inner = all(group);
    inner
        .iter()
        .flat_map(|one| tails.iter().map(move |tail| [before, one, tail].concat()))
        .collect()
}
