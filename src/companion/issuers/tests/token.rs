//! Where the token of `token_file` is sent.

use std::path::PathBuf;

use portcullis_core::trust::Url;
use portcullis_tests::lab::wait::{self, LONG};
use portcullis_tests::lab::{Authority, Endpoint, Issuer, ServerResponse};
use serde_json::{Value, json};

use super::fixture::*;
use crate::http_client::Connect;
use crate::issuers::connection::TokenScope;
use crate::issuers::{IssuerConnection, Issuers};

/// The discovery document of the default issuer, with this `jwks_uri`.
fn discovery(jwks_uri: &str) -> ServerResponse {
    let document = json!({"issuer": NAME, "jwks_uri": jwks_uri});
    ServerResponse::json("application/json", &document)
}

/// A connection without `connect`, with a token.
fn with_token(authority: &Authority) -> IssuerConnection {
    IssuerConnection {
        connect: None,
        ca_file: Some(authority.file().to_owned()),
        token_file: Some(file("s3cret")),
    }
}

/// Fetches the keys of this trust entry until both servers have had a request, or a fetch has failed.
async fn fetch(
    entry: Value,
    connection: IssuerConnection,
    done: impl Fn(&Issuers) -> bool,
) -> Issuers {
    let clock = TestClock::new();
    let issuers = start(
        &policy(&[entry]),
        connections([("blue", connection)]),
        &clock,
    );
    wait::until_true("a completed fetch", LONG, async || done(&issuers)).await;
    issuers
}

fn completed(issuers: &Issuers) -> bool {
    let health = &issuers.health()[0];
    health.succeeded + health.failed == 1
}

/// The `Authorization` of each request.
fn tokens(issuer: &Issuer) -> Vec<Option<String>> {
    let requests = issuer.requests().into_iter();
    requests.map(|request| request.authorization).collect()
}

#[tokio::test]
async fn the_token_is_sent_to_the_origin_that_the_policy_names() {
    let (authority, key) = (Authority::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let url = format!("https://{}", issuer.address());
    let token = Some("Bearer s3cret".to_owned());
    for (keys, count) in [
        (
            json!({"discovery": format!("{url}/.well-known/openid-configuration")}),
            2,
        ),
        (json!({"jwks": format!("{url}/openid/v1/jwks")}), 1),
    ] {
        let before = issuer.requests().len();
        let issuers = fetch(trust("blue", keys), with_token(&authority), completed).await;
        assert_eq!(issuers.health()[0].succeeded, 1);
        assert_eq!(
            tokens(&issuer).split_off(before),
            vec![token.clone(); count]
        );
    }
}

#[tokio::test]
async fn a_jwks_uri_at_another_origin_is_fetched_without_the_token() {
    let (authority, key) = (Authority::new(), key());
    let (issuer, other) = (
        super::fixture::issuer(&authority, &[&key]).await,
        super::fixture::issuer(&authority, &[&key]).await,
    );
    issuer.set_response(
        Endpoint::Discovery,
        discovery(&format!("https://{}/openid/v1/jwks", other.address())),
    );
    let url = format!(
        "https://{}/.well-known/openid-configuration",
        issuer.address()
    );
    let entry = trust("blue", json!({"discovery": url}));
    let issuers = fetch(entry, with_token(&authority), completed).await;
    assert_eq!(
        issuers.health()[0].succeeded,
        1,
        "the keys are used all the same"
    );
    assert_eq!(tokens(&issuer), [Some("Bearer s3cret".to_owned())]);
    assert_eq!(tokens(&other), [None]);
}

#[tokio::test]
async fn a_jwks_uri_with_user_information_or_another_scheme_is_not_fetched() {
    let (authority, key) = (Authority::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let address = issuer.address();
    for jwks_uri in [
        format!("https://user:password@{address}/openid/v1/jwks"),
        format!("https://kubernetes.example.com@{address}/openid/v1/jwks"),
        format!("http://{address}/openid/v1/jwks"),
        format!("//{address}/openid/v1/jwks"),
        format!("https:\\\\{address}/openid/v1/jwks"),
    ] {
        issuer.set_response(Endpoint::Discovery, discovery(&jwks_uri));
        let url = format!("https://{address}/.well-known/openid-configuration");
        let entry = trust("blue", json!({"discovery": url}));
        let issuers = fetch(entry, with_token(&authority), completed).await;
        assert_eq!(issuers.health()[0].failed, 1, "{jwks_uri}");
    }
    assert_eq!(issuer.count(Endpoint::Keys), 0);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (authority, key) = (Authority::new(), key());
    let (issuer, other) = (
        super::fixture::issuer(&authority, &[&key]).await,
        super::fixture::issuer(&authority, &[&key]).await,
    );
    let location = format!("https://{}/openid/v1/jwks", other.address());
    for (endpoint, status) in [
        (Endpoint::Discovery, 301),
        (Endpoint::Discovery, 307),
        (Endpoint::Keys, 302),
        (Endpoint::Keys, 303),
        (Endpoint::Keys, 308),
    ] {
        let redirect = ServerResponse::whole(status, &[("location", &location)], "");
        issuer.set_response(endpoint, redirect);
        let url = format!(
            "https://{}/.well-known/openid-configuration",
            issuer.address()
        );
        let entry = trust("blue", json!({"discovery": url}));
        let issuers = fetch(entry, with_token(&authority), completed).await;
        assert_eq!(issuers.health()[0].failed, 1, "{endpoint:?} {status}");
        issuer.reset(endpoint);
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn with_connect_every_request_goes_to_its_address_with_the_token() {
    let (authority, key) = (Authority::new(), key());
    let (issuer, other) = (
        super::fixture::issuer(&authority, &[&key]).await,
        super::fixture::issuer(&authority, &[&key]).await,
    );
    for host in [other.address().to_string(), "10.0.0.1:6443".to_owned()] {
        let jwks_uri = format!("https://{host}/openid/v1/jwks");
        issuer.set_response(Endpoint::Discovery, discovery(&jwks_uri));
        let connection = IssuerConnection {
            connect: connection(&issuer, &authority).connect,
            ..with_token(&authority)
        };
        let issuers = fetch(trust("blue", json!({})), connection, completed).await;
        assert_eq!(issuers.health()[0].succeeded, 1, "{host}");
    }
    assert_eq!(tokens(&issuer), vec![Some("Bearer s3cret".to_owned()); 4]);
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_token_file_is_bounded() {
    let (authority, key) = (Authority::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    for token_file in ["/dev/zero", "/dev/full"] {
        let connection = IssuerConnection {
            token_file: Some(PathBuf::from(token_file)),
            ..connection(&issuer, &authority)
        };
        let issuers = fetch(trust("blue", json!({})), connection, completed).await;
        assert_eq!(issuers.health()[0].failed, 1, "{token_file}");
    }
    assert!(issuer.requests().is_empty());
}

#[test]
fn the_scope_compares_scheme_host_and_port() {
    let url = |text: &str| Url::parse(text).unwrap_or_else(|| panic!("{text}"));
    let scope = |issuer: &str, first: &str| {
        TokenScope::new(&IssuerConnection::default(), issuer, &url(first))
    };
    let issuer = "https://Issuer.example.com/realm";
    let first = "https://keys.example.com:8443/jwks";
    let scope = scope(issuer, first);
    for (text, is_sent) in [
        ("https://issuer.example.com/", true),
        ("https://ISSUER.example.com:443/other", true),
        ("https://issuer.example.com:0443/", true),
        ("https://keys.example.com:8443/other", true),
        ("https://keys.example.com:08443/", true),
        ("https://keys.example.com/", false),
        ("https://keys.example.com:443/", false),
        ("https://issuer.example.com:8443/", false),
        ("https://issuer.example.com:6443/", false),
        ("https://example.com/", false),
        ("https://a.issuer.example.com/", false),
        ("https://issuer.example.com.evil.example/", false),
        ("https://issuer.example.co/", false),
        ("https://127.0.0.1/", false),
    ] {
        assert_eq!(scope.contains(&url(text)), is_sent, "{text}");
    }
    // An issuer that is no `https` URL has no origin.
    for issuer in [
        "http://keys.example.com",
        "kubernetes/serviceaccount",
        "data:,",
    ] {
        let scope = TokenScope::new(&IssuerConnection::default(), issuer, &url(first));
        assert!(
            !scope.contains(&url("https://keys.example.com/")),
            "{issuer}"
        );
        assert!(scope.contains(&url(first)), "{issuer}");
    }
    let connection = IssuerConnection {
        connect: Some(Connect {
            host: "10.1.0.1".to_owned(),
            port: 6443,
        }),
        ..IssuerConnection::default()
    };
    let scope = TokenScope::new(&connection, issuer, &url(first));
    assert!(scope.contains(&url("https://anywhere.example.org/")));
}
