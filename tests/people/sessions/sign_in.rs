//! Requests without a valid session.

use portcullis_tests::lab::Call;
use portcullis_tests::lab::fixture::HOST;
use serde_json::json;

use crate::sessions::session_gateway::{SessionGateway, TestSession, as_navigation, with_session};

#[tokio::test]
async fn a_browser_navigation_is_redirected_to_sign_in_with_a_return_url() {
    let gateway = SessionGateway::start().await;
    let address = gateway.gateway.address();
    let html = "text/html,application/xhtml+xml;q=0.9";
    let path = "/graph/%C3%A9?g0.expr=up%7Bjob=%22a%22%7D&next=https://x.example.com/?a=b&c='\"";
    let rd = "https%3A%2F%2Falertmanager.example.com%2Fgraph%2F%25C3%25A9%3Fg0.expr%3Dup%257Bjob\
        %3D%2522a%2522%257D%26next%3Dhttps%3A%2F%2Fx.example.com%2F%3Fa%3Db%26c%3D%27%22";
    for (what, call) in [
        ("navigate", as_navigation(Call::get(HOST, path))),
        ("html", Call::get(HOST, path).header("accept", html)),
        (
            "invalid session",
            as_navigation(Call::get(HOST, path).header("cookie", "__Secure-portcullis=x")),
        ),
    ] {
        let response = call.send(address).await;
        assert_eq!(response.status, 302, "{what}: {}", response.text());
        let location = format!("https://auth.example.com/oauth2/start?rd={rd}");
        assert_eq!(response.all("location"), [location], "{what}");
        assert_eq!(response.all("cache-control"), ["no-store"], "{what}");
        assert!(response.body.is_empty() && response.header("set-cookie").is_none());
        gateway.assert_not_forwarded(what);
    }
    let with_port = as_navigation(Call::get("alertmanager.example.com:8443", "/"));
    let response = with_port.send(address).await;
    let location = response.header("location").unwrap();
    assert!(location.ends_with("?rd=https%3A%2F%2Falertmanager.example.com%3A8443%2F"));
    gateway.assert_clean().await;
}

#[tokio::test]
async fn other_requests_get_a_401_with_a_challenge() {
    let mut gateway = SessionGateway::start().await;
    let ann = TestSession::new("ann");
    let api = || Call::get(HOST, "/api").header("accept", "text/html, */*");
    for (what, call) in [
        ("curl", Call::get(HOST, "/api").header("accept", "*/*")),
        ("fetch", api().header("sec-fetch-mode", "cors")),
        ("an image", api().header("sec-fetch-mode", "no-cors")),
    ] {
        let response = gateway
            .assert_refused(what, call, 401, "no-credentials")
            .await;
        let challenge = response.header("www-authenticate").unwrap();
        assert_eq!(challenge, "Bearer realm=\"alertmanager\"", "{what}");
        assert_eq!(response.header("location"), None, "{what}");
        let body = response.json();
        assert_eq!(body["error"], "unauthenticated", "{body}");
        assert_eq!(body["reason"], "no-credentials", "{body}");
    }
    // A form gets a page, because a redirect would lose what was entered.
    let form = as_navigation(Call::post(HOST, "/api").header("accept", "text/html"));
    let response = gateway.gateway.call(form).await;
    assert_eq!(response.status, 401);
    gateway.assert_not_forwarded("a form");
    assert_eq!(response.header("location"), None);
    let page = response.text();
    assert!(page.contains("<h1>Not signed in</h1>"), "{page}");
    assert!(
        page.contains("href=\"https://auth.example.com/oauth2/start?rd="),
        "{page}"
    );

    // An invalid session is treated like a missing one.
    let forged = with_session("a.b.c");
    let response = gateway
        .assert_refused("forged", forged, 401, "token-malformed")
        .await;
    assert_eq!(
        response.header("www-authenticate").unwrap(),
        "Bearer realm=\"alertmanager\""
    );

    // An authenticated user without access is not redirected.
    let guest = ann
        .token()
        .claim("groups", json!(["guests"]))
        .sign(&gateway.key);
    gateway
        .assert_refused(
            "a user without the group",
            with_session(&guest),
            403,
            "caller-not-allowed",
        )
        .await;
    let response = gateway
        .gateway
        .call(as_navigation(with_session(&guest)))
        .await;
    assert_eq!(response.status, 403);
    let page = response.text();
    assert!(page.contains("<code>caller-not-allowed</code>"), "{page}");
    assert!(
        page.contains(
            "href=\"https://auth.example.com/oauth2/sign_out?rd=https%3A%2F%2Falertmanager."
        ),
        "{page}"
    );
    gateway.assert_not_forwarded("a page");
    gateway
        .assert_allowed_with_response("a member", with_session(&gateway.valid_token(&ann)))
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h12_a_grpc_client_with_a_session_gets_a_grpc_status() {
    let gateway = SessionGateway::start().await;
    let address = gateway.gateway.address();
    let ann = TestSession::new("ann");
    let guest = ann
        .token()
        .claim("groups", json!(["guests"]))
        .sign(&gateway.key);
    let expired = with_session(&gateway.expired_token(&ann));
    for (what, call, grpc_status, reason) in [
        (
            "no credentials",
            Call::post(HOST, "/api"),
            16,
            "no-credentials",
        ),
        ("forged", with_session("a.b.c"), 16, "token-malformed"),
        (
            "a user without the group",
            with_session(&guest),
            7,
            "caller-not-allowed",
        ),
        ("no companion", expired, 14, "session-unavailable"),
    ] {
        let call = call.header("content-type", "application/grpc");
        let response = call.send_h2(address).await;
        assert_eq!(response.status, 200, "{what}");
        assert_eq!(response.grpc_status(), Some(grpc_status), "{what}");
        assert_eq!(
            response.header("grpc-message").as_deref(),
            Some(reason),
            "{what}"
        );
        gateway.assert_not_forwarded(what);
    }
    gateway.assert_clean().await;
}
