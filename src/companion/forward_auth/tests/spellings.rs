//! Requests that a proxy, an app and the policy could read differently.

use portcullis_core::decision::Reason;

use super::fixture::*;

#[tokio::test]
async fn h06_envoy_removes_identity_headers_in_any_spelling() {
    let companion = Companion::start();
    let karma = companion.karma();
    let spellings = [
        "x.auth.request.user",
        "X.Auth_Request-Email",
        "x-auth-request_groups",
        "X~Portcullis~Caller",
        "x+forwarded+user",
        "x_forwarded.email",
        "x'original'url",
        "X.WebAuth.User",
    ];
    let mut headers = vec![
        ("Host", "app.example.com"),
        ("X-Forwarded-Proto", "https"),
        ("Authorization", &*karma),
    ];
    headers.extend(spellings.map(|name| (name, "admin")));
    for request in [
        "GET /oauth2/auth/api/v2/alerts",
        "GET /oauth2/auth/-/healthy",
    ] {
        let response = companion.ask(request, &headers).await;
        assert_eq!(response.status, 200, "{request}");
        let removed = response.header("x-envoy-auth-headers-to-remove").unwrap();
        let removed: Vec<&str> = removed.split(',').collect();
        for name in spellings {
            let name = name.to_lowercase();
            assert!(removed.contains(&&*name), "{name}: {removed:?}");
        }
    }
}

#[tokio::test]
async fn h02_a_malformed_bearer_credential_never_falls_back_to_the_session() {
    let companion = Companion::start();
    let cookies = cookies(&companion.session(300));
    let page = "GET https://app.example.com/graph";
    let response = companion.nginx(page, &[("Cookie", &cookies)]).await;
    assert_eq!(response.verdict(), (202, Reason::Rule));
    for value in [
        "Bearer\tX",
        "bearer\tX",
        "Bearer:X",
        "Bearer\u{a0}X",
        "Bearer",
        "Bearer ",
        "BEARER  a b",
        "Bearer=X",
        "Bearer,X",
    ] {
        let headers = [("Cookie", &*cookies), ("Authorization", value)];
        let response = companion.nginx(page, &headers).await;
        let expected = (403, Reason::AuthorizationMalformed);
        assert_eq!(response.verdict(), expected, "{value:?}");
        assert_eq!(response.identity(), [], "{value:?}");
    }
}

#[tokio::test]
async fn h08_look_alike_dots_match_no_rule() {
    let companion = Companion::start();
    let karma = companion.karma();
    for path in [
        "/api/..%20/x",
        "/api/%20../x",
        "/api/.%20./x",
        "/api/%EF%BC%8E%EF%BC%8E/x",
        "/api/.%EF%BC%8E/x",
        "/api/%E2%80%A4%E2%80%A4/x",
        "/api/%E2%80%A5/x",
        "/api/..%09/x",
    ] {
        let original = format!("GET https://app.example.com{path}");
        let response = companion
            .nginx(&original, &[("Authorization", &karma)])
            .await;
        assert_eq!(response.status, 403, "{path}");
        assert_eq!(response.identity(), [], "{path}");
    }
}
