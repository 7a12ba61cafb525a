//! The companion's public host, and what clients can send to forward auth.

use portcullis_core::endpoints::{self, Endpoint, UsedBy};
use portcullis_tests::lab::Call;
use serde_json::Value;

use crate::forward_auth::fixture::{Fixture, alerts};
use crate::forward_auth::proxies::PUBLIC_HOST;

/// The paths of the requests that the companion has received.
fn received(fixture: &Fixture) -> Vec<String> {
    let log = fixture.companion.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["message"] == "request completed")
        .filter_map(|line| Some(line["path"].as_str()?.to_owned()))
        .collect()
}

/// Whether a path is an endpoint for proxies.
fn is_for_proxies(path: &str) -> bool {
    let mut own = endpoints::ALL
        .iter()
        .filter(|own| own.used_by == UsedBy::Proxies);
    own.any(|own| path.starts_with(own.path))
}

fn paths_of(endpoint: &Endpoint) -> Vec<String> {
    let path = endpoint.path;
    let (parent, name) = path.rsplit_once('/').expect("a path");
    vec![
        path.to_owned(),
        format!("{path}/"),
        endpoint.subpath("blue"),
        format!("{path}?x=/oauth2/start"),
        format!("{path}/../start"),
        format!("{path}/..%2fstart"),
        format!("{path}/%2e%2e/start"),
        format!("{path};/../start"),
        format!("{parent}/start/../{name}"),
        format!("{parent}/callback/../{name}"),
        format!("{parent}/callback/..%2f{name}"),
        format!("{parent}/./{name}"),
        format!("{parent}//{name}"),
        format!("/{path}"),
        path.replacen("auth", "%61uth", 2).replacen("re", "%72e", 1),
        path.to_ascii_uppercase(),
        format!("{parent}/start%0d%0a{name}"),
    ]
}

#[tokio::test]
async fn endpoints_for_proxies_are_refused_on_the_companions_public_host() {
    let fixture = Fixture::start().await;
    for proxy in &fixture.proxies {
        for endpoint in endpoints::ALL
            .iter()
            .filter(|own| own.used_by == UsedBy::Proxies)
        {
            for path in paths_of(endpoint) {
                for call in [
                    Call::get(PUBLIC_HOST, &path),
                    Call::post(PUBLIC_HOST, &path),
                ] {
                    let status = proxy.send(call).await.status;
                    // 202 and 200 would be a decision, a list, a key set or a token.
                    assert!(status >= 300, "{}: {path}: {status}", proxy.name);
                }
            }
        }
        let found = received(&fixture)
            .into_iter()
            .filter(|path| is_for_proxies(path));
        assert_eq!(found.collect::<Vec<_>>(), [""; 0], "{}", proxy.name);
    }
}

#[tokio::test]
async fn endpoints_for_clients_are_served_on_the_companions_public_host() {
    let fixture = Fixture::start().await;
    for proxy in &fixture.proxies {
        for endpoint in endpoints::ALL
            .iter()
            .filter(|own| own.used_by == UsedBy::Clients)
        {
            let before = received(&fixture).len();
            let path = format!("{}?rd=%2Fx%3Fy", endpoint.path);
            let response = proxy.send(Call::get(PUBLIC_HOST, &path)).await;
            assert_ne!(response.status, 404, "{}: {path}", proxy.name);
            let paths = received(&fixture);
            assert_eq!(paths[before..], [endpoint.path], "{}", proxy.name);
        }
        let path = endpoints::CALLBACK.subpath("github");
        proxy.send(Call::get(PUBLIC_HOST, &path)).await;
        assert_eq!(received(&fixture).last(), Some(&path), "{}", proxy.name);
    }
}

#[tokio::test]
async fn the_clients_query_is_not_sent_to_forward_auth() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    for proxy in &fixture.proxies {
        for query in [
            "allowed_groups=nobody",
            "allowed_emails=",
            "host=elsewhere.example.com",
            "active=true&allowed_unknown=x",
        ] {
            let path = format!("/api/v2/alerts?{query}");
            let host = alerts().host().to_owned();
            let call = Call::get(&host, &path).bearer(&karma);
            let response = proxy.send(call).await;
            assert_eq!(
                response.status,
                200,
                "{}: {query}: {}",
                proxy.name,
                response.text()
            );
            assert_eq!(response.json()["path"], path, "{}", proxy.name);
        }
    }
}
