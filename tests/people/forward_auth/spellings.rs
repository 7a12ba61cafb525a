//! Identity headers of a client, in spellings that some servers treat like the usual one: PHP, for
//! example, turns every byte other than a letter or digit into `_`.

use portcullis_core::caller::headers::NAMES;
use portcullis_tests::lab::{Call, Version};
use serde_json::Value;

use crate::forward_auth::fixture::{Fixture, alerts, canonical};
use crate::forward_auth::proxies::{HOST, Proxy};

/// The bytes of a header name that are neither letters nor digits (RFC 9110, section 5.6.2).
const SEPARATORS: &str = "!#$%&'*+-.^_`|~";

const INTRUDER: &str = "intruder";

/// A name with a stripped prefix that no program uses.
const UNKNOWN: &str = "x-auth-request-unknown";

/// Names in which a client could claim an identity.
fn names() -> impl Iterator<Item = &'static str> {
    let own = [
        "x-auth-request-user",
        "x-auth-request-groups",
        UNKNOWN,
        "x-portcullis-caller",
    ];
    own.into_iter().chain(NAMES)
}

/// A name with each separator in place of all `-`, of the first and of the last, and in another case.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    if !name.contains('-') {
        return vec![name.to_owned(), name.to_ascii_uppercase()];
    }
    let spelled = SEPARATORS.chars().flat_map(|separator| {
        let separator = separator.to_string();
        let (before, last) = name.rsplit_once('-').expect("a name of several words");
        [
            name.replace('-', &separator),
            name.replacen('-', &separator, 1),
            [before, last].join(&separator).to_ascii_uppercase(),
        ]
    });
    spelled.collect()
}

/// The fields of a request that the app received which have the client's value and a name of an
/// identity header.
fn forged(fields: &Value) -> Vec<&Value> {
    let fields = fields.as_array().expect("a list").iter();
    fields
        .filter(|pair| {
            let name = canonical(pair[0].as_str().expect("a name"));
            let claims = name.starts_with("x-auth-request-")
                || name.starts_with("x-portcullis-")
                || names().any(|own| own == name);
            claims && pair[1] == INTRUDER
        })
        .collect()
}

#[tokio::test]
async fn h06_identity_headers_of_clients_are_removed_in_every_spelling() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    let spelled: Vec<String> = names().flat_map(spellings).collect();
    assert!(spelled.iter().any(|name| name == "x.auth.request.user"));
    for proxy in &fixture.proxies {
        // Proxies limit the number of headers.
        for names in spelled.chunks(60) {
            for call in [Call::get(HOST, "/-/healthy"), alerts().bearer(&karma)] {
                let before = fixture.app.count();
                let call = names
                    .iter()
                    .fold(call, |call, name| call.header(name, INTRUDER));
                assert_eq!(
                    proxy.send(call).await.status,
                    200,
                    "{}: {names:?}",
                    proxy.name
                );
                let requests = fixture.app.requests();
                assert_eq!(requests.len(), before + 1);
                let headers = &requests[before]["headers"];
                let mut forged = forged(headers);
                // NGINX can't remove by prefix, and has a list of the names that are in use.
                forged.retain(|pair| proxy.name != "NGINX" || pair[0] != UNKNOWN);
                assert_eq!(forged, [&Value::Null; 0], "{}", proxy.name);
            }
        }
    }
}

#[tokio::test]
async fn h06_identity_trailers_of_clients_are_not_forwarded() {
    let fixture = Fixture::start().await;
    let spelled: Vec<String> = names().flat_map(spellings).collect();
    for proxy in &fixture.proxies {
        for names in spelled.chunks(60) {
            for announced in [names.join(", "), "x-other".to_owned()] {
                let trailers: String = names
                    .iter()
                    .map(|name| format!("{name}: {INTRUDER}\r\n"))
                    .collect();
                let request = format!(
                    "GET /-/healthy HTTP/1.1\r\nHost: {HOST}\r\nTrailer: {announced}\r\n\
                     Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{trailers}\r\n"
                );
                let before = fixture.app.count();
                // A proxy may also refuse such a request.
                let _status = proxy.try_raw(&request).await;
                for request in &fixture.app.requests()[before..] {
                    assert_eq!(
                        forged(&request["headers"]),
                        [&Value::Null; 0],
                        "{}",
                        proxy.name
                    );
                    // Caddy forwards trailers, as its configuration says.
                    if proxy.name != "Caddy" {
                        assert_eq!(
                            forged(&request["trailers"]),
                            [&Value::Null; 0],
                            "{}",
                            proxy.name
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn h06_envoy_removes_identity_trailers_over_http_2() {
    let fixture = Fixture::start().await;
    let (companion, app) = (fixture.companion.address(), fixture.app.address());
    for version in Version::ALL {
        let proxy = Proxy::envoy_with_http2(companion, app, version).await;
        for name in names().flat_map(spellings) {
            // HTTP/2 has lower-case names only.
            let name = name.to_ascii_lowercase();
            let before = fixture.app.count();
            let call = Call::get(HOST, "/-/healthy").body("x");
            let call = call.trailer(&name, INTRUDER).trailer("x-checksum", "abc");
            let response = call.send_h2(proxy.address).await;
            assert_eq!(response.status, 200, "{version}: {name}");
            let requests = fixture.app.requests();
            let trailers = &requests[before]["trailers"];
            assert_eq!(forged(trailers), [&Value::Null; 0], "{version}: {name}");
            // Others are forwarded.
            assert!(
                trailers.to_string().contains("x-checksum"),
                "{version}: {trailers}"
            );
        }
    }
}
