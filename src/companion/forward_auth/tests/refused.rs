//! Refused requests, and the responses to the proxy.

use std::net::IpAddr;

use portcullis_core::decision::Reason;
use portcullis_tests::lab::{SigningKey, Token};
use serde_json::json;

use super::fixture::*;
use crate::forward_auth::ProxyPeer;
use crate::logging::captured::logged;

const ALERTS: &str = "GET https://app.example.com/api/v2/alerts";

#[tokio::test]
async fn h10_only_trusted_proxies_are_trusted() {
    let companion = Companion::start();
    let karma = companion.karma();
    let headers = [
        ("X-Original-Method", "GET"),
        ("X-Original-URL", "https://app.example.com/api/v2/alerts"),
        ("Authorization", &*karma),
    ];
    for (address, name) in [
        (Some("10.1.2.3"), "10.1.2.3"),
        (Some("::ffff:10.1.2.3"), "10.1.2.3"),
        (Some("fd00::1"), "fd00::1"),
        (None, "unix"),
    ] {
        let peer = ProxyPeer {
            address: address.map(|address| address.parse::<IpAddr>().unwrap()),
            is_trusted: false,
            client: address.and_then(|address| address.parse().ok()),
        };
        let response = companion.ask_as(peer, "GET /oauth2/auth", &headers);
        let (response, log) = logged(response).await;
        assert_eq!(response.verdict(), (403, Reason::ProxyUntrusted));
        assert_eq!(response.identity(), []);
        assert_eq!(
            response.json(),
            json!({"error": "insufficient_scope", "reason": "proxy-untrusted"})
        );
        // The peer, and the line that makes it a trusted proxy.
        assert!(
            log.contains(&format!("{name} is not a trusted proxy")),
            "{log}"
        );
        let line = format!("`trusted_proxies: [\"{name}\"]`");
        assert!(log.contains(&line), "{log}");
        assert!(!log.contains(&karma), "{log}");
        // It is the client itself.
        let client = match address {
            Some("::ffff:10.1.2.3") => Some("10.1.2.3"),
            address => address,
        };
        let member = client.map(|client| format!(r#""client":"{client}""#));
        assert_eq!(log.contains(r#""client":"#), client.is_some(), "{log}");
        assert!(member.is_none_or(|member| log.contains(&member)), "{log}");
    }
}

#[tokio::test]
async fn an_ambiguous_request_is_403_and_logged() {
    let companion = Companion::start();
    let karma = companion.karma();
    let url = ("X-Original-URL", "https://app.example.com/-/healthy");
    let incomplete = [url, ("Authorization", &*karma)];
    let (response, log) = logged(companion.ask("GET /oauth2/auth", &incomplete)).await;
    assert_eq!(response.verdict(), (403, Reason::RequestAmbiguous));
    assert!(log.contains("missing header `x-original-method`"));
    // A request that is ambiguous for core, too: NGINX turns 400 into 500.
    for url in [
        "https://app.example.com/api/../-/healthy",
        "https://app.example.com//-/healthy",
        "https://app.example.com/-/healthy%2f..",
        "https://app.example.com/-/healthy#x",
        "https://app.example.com/foo/secret%23/-/healthy",
        "https://user@app.example.com/-/healthy",
        "https://app.example.com\\@other.example.com/-/healthy",
        "https://app.example.com?/-/healthy",
        "https://app.example.com:443@other.example.com/-/healthy",
        "https:///-/healthy",
    ] {
        let response = companion.nginx(&format!("GET {url}"), &[]).await;
        assert_eq!(response.verdict(), (403, Reason::RequestAmbiguous), "{url}");
    }
    for (method, verdict) in [
        ("CONNECT", (403, Reason::RequestAmbiguous)),
        ("get", (401, Reason::NoCredentials)),
        ("POST", (401, Reason::NoCredentials)),
        ("HEAD", (202, Reason::Public)),
    ] {
        let original = format!("{method} https://app.example.com/-/healthy");
        let response = companion.nginx(&original, &[]).await;
        assert_eq!(response.verdict(), verdict, "{method}");
    }
    let two = [("Authorization", &*karma), ("Authorization", &*karma)];
    let response = companion.nginx(ALERTS, &two).await;
    assert_eq!(response.verdict(), (403, Reason::AuthorizationAmbiguous));
}

#[tokio::test]
async fn a_program_gets_a_challenge() {
    let companion = Companion::start();
    let response = companion.nginx(ALERTS, &[]).await;
    assert_eq!(response.verdict(), (401, Reason::NoCredentials));
    assert_eq!(
        response.header("www-authenticate"),
        Some("Bearer realm=\"app\"")
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("x-portcullis-sign-in"), None);
    assert_eq!(
        response.json(),
        json!({"error": "unauthenticated", "reason": "no-credentials"})
    );
    let expired = Token::service_account(BLUE, "gate", "monitoring", "karma").expires_in(-60);
    let expired = format!("Bearer {}", expired.sign(&companion.blue));
    let navigation = [("Authorization", &*expired), ("Sec-Fetch-Mode", "navigate")];
    let response = companion.nginx(ALERTS, &navigation).await;
    assert_eq!(response.verdict(), (401, Reason::Expired));
    let challenge = "Bearer realm=\"app\", error=\"invalid_token\"";
    assert_eq!(response.header("www-authenticate"), Some(challenge));
    assert_eq!(response.header("x-portcullis-sign-in"), None);
}

#[tokio::test]
async fn h13_a_navigation_gets_the_sign_in_url_and_no_redirect() {
    let companion = Companion::start();
    let page = "GET https://app.example.com/graph?g0.expr=a%26b&g0.tab=0";
    let navigation = [("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html,*/*")];
    let response = companion.nginx(page, &navigation).await;
    assert_eq!(response.verdict(), (401, Reason::NoCredentials));
    assert_eq!(response.header("location"), None);
    assert_eq!(
        response.header("www-authenticate"),
        Some("Bearer realm=\"app\"")
    );
    let start = "https://auth.example.com/oauth2/start?rd=https%3A%2F%2Fapp.example.com%2Fgraph\
                 %3Fg0.expr%3Da%2526b%26g0.tab%3D0";
    assert_eq!(response.header("x-portcullis-sign-in"), Some(start));
    // A proxy that returns the response unchanged needs no more.
    assert_eq!(
        response.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        response
            .body
            .contains(&format!("<a class=\"act\" href=\"{start}\">"))
    );
    let security = response.header("content-security-policy").unwrap();
    assert!(security.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(security.contains("; script-src 'sha256-"));
    // No redirect for other methods and embedded requests.
    let unknown = "GET https://unknown.example.com/";
    let response = companion.nginx(unknown, &navigation).await;
    assert_eq!(response.header("x-portcullis-sign-in"), None);
    let response = companion
        .nginx(page, &[("Sec-Fetch-Mode", "cors"), ("Accept", "text/html")])
        .await;
    assert_eq!(response.header("x-portcullis-sign-in"), None);
}

#[tokio::test]
async fn an_authenticated_caller_without_access_gets_403_and_a_page() {
    let companion = Companion::start();
    let karma = companion.karma();
    let post = "POST https://app.example.com/api/v2/silences";
    let response = companion.nginx(post, &[("Authorization", &karma)]).await;
    assert_eq!(response.verdict(), (403, Reason::CallerNotAllowed));
    let challenge = "Bearer realm=\"app\", error=\"insufficient_scope\"";
    assert_eq!(response.header("www-authenticate"), Some(challenge));
    let navigation = [("Authorization", &*karma), ("Sec-Fetch-Mode", "navigate")];
    let response = companion
        .nginx("GET https://app.example.com/", &navigation)
        .await;
    assert_eq!(response.verdict(), (403, Reason::CallerNotAllowed));
    assert!(response.body.starts_with("<!doctype html>"));
    let response = companion
        .nginx(
            "GET https://unknown.example.com/",
            &[("Authorization", &karma)],
        )
        .await;
    assert_eq!(response.verdict(), (403, Reason::AppUnknown));
}

#[tokio::test]
async fn h04_unavailable_keys_are_503_and_not_401() {
    let companion = Companion::start();
    let token = Token::service_account("https://down.example.com", "gate", "monitoring", "karma");
    let token = format!("Bearer {}", token.sign(&SigningKey::p256()));
    let response = companion.nginx(ALERTS, &[("Authorization", &token)]).await;
    assert_eq!(response.verdict(), (503, Reason::KeysUnavailable));
    assert!(response.header("retry-after").is_some());
    assert_eq!(response.header("www-authenticate"), None);
}

#[tokio::test]
async fn each_decision_leaves_one_record() {
    let companion = Companion::start();
    let karma = companion.karma();
    let ((), log) = logged(async {
        companion.nginx(ALERTS, &[("Authorization", &karma)]).await;
        companion.nginx(ALERTS, &[]).await;
    })
    .await;
    let records: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("portcullis::audit"))
        .collect();
    assert_eq!(records.len(), 2, "{log}");
    assert!(records[0].contains("INFO") && records[0].contains("blue/monitoring/karma"));
    assert!(records[1].contains("WARN") && records[1].contains("no-credentials"));
    assert!(!log.contains(karma.trim_start_matches("Bearer ")), "{log}");
}
