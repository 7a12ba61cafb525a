//! Refusals: the status, the challenge and the body, which gives the client no more than the
//! reason.

use portcullis_tests::lab::fixture::{AUDIENCE, HOST, get_alerts};
use portcullis_tests::lab::{Call, Response, SigningKey, TestGateway, Token, port};
use serde_json::{Value, json};

const DOWN: &str = "https://kubernetes.down.example.com";

/// Adds a second trust entry, whose issuer is unreachable, and a rule for karma on paths below
/// `/api`.
fn edit(policy: &mut Value) {
    let down = json!({
        "name": "down",
        "kind": "kubernetes",
        "issuer": DOWN,
        "audiences": [AUDIENCE],
        "keys": {"envoy_cluster": "down"},
    });
    policy["trust"].as_array_mut().unwrap().push(down);
    policy["apps"][0]["rules"][0]["paths"] = json!(["/api/**"]);
}

async fn start_gateway() -> TestGateway {
    let unused = port::free();
    TestGateway::with(edit, |builder| builder.cluster("down", unused))
        .await
        .explained()
}

/// Every kind of refusal: the request, the status, the reason, the OAuth error code, and the
/// `grpc-status`.
fn refusals(gateway: &TestGateway) -> Vec<(Call, u16, &'static str, &'static str, u32)> {
    let good = gateway.token();
    let blue = gateway.fixture.cluster("blue");
    let expired = blue.karma().ago(7200).sign(&blue.key);
    let unreachable = Token::service_account(DOWN, AUDIENCE, "monitoring", "karma");
    let unreachable = unreachable.sign(&SigningKey::p256());
    vec![
        (
            Call::get(HOST, "/api"),
            401,
            "no-credentials",
            "unauthenticated",
            16,
        ),
        (get_alerts(&expired), 401, "expired", "invalid_token", 16),
        (
            get_alerts("a.b.c"),
            401,
            "token-malformed",
            "invalid_token",
            16,
        ),
        (
            Call::get(HOST, "/x").bearer(&good),
            403,
            "caller-not-allowed",
            "insufficient_scope",
            7,
        ),
        (
            Call::get("evil.example.com", "/"),
            403,
            "app-unknown",
            "insufficient_scope",
            7,
        ),
        (
            get_alerts(&format!("{good},x")),
            400,
            "authorization-ambiguous",
            "invalid_request",
            3,
        ),
        (
            get_alerts("\""),
            400,
            "authorization-malformed",
            "invalid_request",
            3,
        ),
        (
            Call::get(HOST, "/api;x").bearer(&good),
            400,
            "request-ambiguous",
            "invalid_request",
            3,
        ),
        (
            get_alerts(&unreachable),
            503,
            "keys-unavailable",
            "temporarily_unavailable",
            14,
        ),
    ]
}

fn challenge(realm: &str, status: u16, error: &str) -> Option<String> {
    match (status, error) {
        (503, _) => None,
        (_, "unauthenticated") => Some(format!("Bearer realm=\"{realm}\"")),
        _ => Some(format!("Bearer realm=\"{realm}\", error=\"{error}\"")),
    }
}

fn realm(reason: &str) -> &'static str {
    match reason {
        "app-unknown" | "request-ambiguous" => "portcullis",
        _ => "alertmanager",
    }
}

/// Checks that no part of a token is in a header or the body.
fn assert_hides_token(response: &Response, what: &str) {
    let all = format!("{:?} {}", response.headers, response.text());
    assert!(!all.contains("eyJ"), "{what}: {all}");
}

#[tokio::test]
async fn h01_h04_h11_a_program_gets_status_challenge_and_reason() {
    let gateway = start_gateway().await;
    for (call, status, reason, error, _) in refusals(&gateway) {
        let response = gateway.assert_refused(reason, call, status, reason).await;
        let mut body = response.json();
        // Envoy's request ID.
        let id = body.as_object_mut().unwrap().remove("id");
        assert_eq!(id.as_ref().and_then(Value::as_str).unwrap().len(), 36);
        assert_eq!(body, json!({"error": error, "reason": reason}));
        assert_eq!(response.header("content-type").unwrap(), "application/json");
        let expected = challenge(realm(reason), status, error);
        assert_eq!(
            response.all("www-authenticate"),
            Vec::from_iter(expected),
            "{reason}"
        );
        let retry = (status == 503).then(|| "5".to_owned());
        assert_eq!(response.header("retry-after"), retry, "{reason}");
        assert_eq!(response.all("cache-control"), ["no-store"]);
        assert_eq!(response.header("location"), None);
        assert_eq!(response.header("set-cookie"), None);
        assert_hides_token(&response, reason);
        // The access log has the same, for operators of the proxy.
        let details = format!("portcullis{{{reason}}}");
        let line = gateway
            .gateway
            .logged(reason, |line| line["details"] == details.as_str());
        let line = line.await;
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&json!(status), &json!(reason))
        );
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h13_a_navigation_or_a_form_of_a_browser_gets_a_page() {
    let gateway = start_gateway().await;
    let accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
    for (call, status, reason, error, _) in refusals(&gateway) {
        for navigation in [
            call.clone().header("accept", accept),
            call.clone().header("sec-fetch-mode", "navigate"),
            call.clone().with_method("POST").header("accept", accept),
        ] {
            let response = gateway.gateway.call(navigation).await;
            assert_eq!(response.status, status, "{reason}");
            let page = response.text();
            assert!(page.starts_with("<!doctype html>"), "{reason}: {page}");
            assert!(
                page.contains(&format!("<code>{reason}</code>")),
                "{reason}: {page}"
            );
            assert_eq!(
                response.header("content-type").unwrap(),
                "text/html; charset=utf-8"
            );
            assert_eq!(response.header("cache-control").unwrap(), "no-store");
            assert_eq!(
                response.header("x-content-type-options").unwrap(),
                "nosniff"
            );
            let expected = challenge(realm(reason), status, error);
            assert_eq!(response.header("www-authenticate"), expected);
            assert_hides_token(&response, reason);
            gateway.assert_not_forwarded(reason);
        }
    }
    // A page's subrequests are not navigations, whatever they accept.
    let get = Call::get(HOST, "/api").header("accept", accept);
    for (what, call) in [
        ("fetch", get.clone().header("sec-fetch-mode", "cors")),
        ("image", get.clone().header("sec-fetch-mode", "no-cors")),
        (
            "POST",
            Call::post(HOST, "/api")
                .header("accept", accept)
                .header("sec-fetch-mode", "cors"),
        ),
        (
            "JSON",
            Call::get(HOST, "/api").header("accept", "application/json"),
        ),
        ("anything", Call::get(HOST, "/api").header("accept", "*/*")),
        (
            "two modes",
            get.header("sec-fetch-mode", "cors")
                .header("sec-fetch-mode", "navigate"),
        ),
    ] {
        gateway
            .assert_refused(what, call, 401, "no-credentials")
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h12_a_grpc_client_gets_a_grpc_status() {
    let mut gateway = start_gateway().await;
    let address = gateway.gateway.address();
    for kind in ["application/grpc", "application/grpc+proto"] {
        for (call, _, reason, _, grpc_status) in refusals(&gateway) {
            let call = call.header("content-type", kind);
            let response = call.clone().send_h2(address).await;
            gateway.assert_explained(reason, &call, &response).await;
            assert_eq!(response.status, 200, "{reason}");
            assert_eq!(response.grpc_status(), Some(grpc_status), "{reason}");
            assert_eq!(response.header("grpc-message").as_deref(), Some(reason));
            assert!(response.body.is_empty(), "{reason}");
            assert_hides_token(&response, reason);
            gateway.assert_not_forwarded(reason);
        }
    }
    let call = get_alerts(&gateway.token()).header("content-type", "application/grpc");
    assert_eq!(call.send_h2(address).await.status, 200);
    gateway.count_forwarded();
    // A request that only resembles gRPC gets the usual response.
    let call = Call::post(HOST, "/api").header("content-type", "application/grpc-web");
    gateway
        .assert_refused("gRPC-Web", call, 401, "no-credentials")
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h09_only_a_valid_preflight_is_allowed_without_credentials() {
    const CLOSED: &str = "closed.example.com";
    let mut gateway = TestGateway::with(
        |policy| {
            let mut app = policy["apps"][0].clone();
            app["name"] = json!("closed");
            app["hosts"] = json!([CLOSED]);
            app["preflight"] = json!(false);
            policy["apps"].as_array_mut().unwrap().push(app);
        },
        |builder| builder.app_at(CLOSED, "app-1"),
    )
    .await;
    let preflight = |method: &str, host: &str| {
        Call::new(method, host, "/api/v2/silences")
            .header("origin", "https://karma.example.com")
            .header("access-control-request-method", "DELETE")
    };
    let seen = gateway
        .assert_allowed("genuine", preflight("OPTIONS", HOST))
        .await;
    assert_eq!(seen["method"], "OPTIONS");
    let options = || Call::new("OPTIONS", HOST, "/api/v2/silences");
    for (what, call) in [
        ("another method", preflight("GET", HOST)),
        ("another method", preflight("DELETE", HOST)),
        ("another case", preflight("options", HOST)),
        (
            "no origin",
            options().header("access-control-request-method", "PUT"),
        ),
        (
            "no requested method",
            options().header("origin", "https://a.example.com"),
        ),
        (
            "an empty origin",
            options()
                .header("origin", "")
                .header("access-control-request-method", "PUT"),
        ),
        ("app without CORS", preflight("OPTIONS", CLOSED)),
        (
            "a health checker",
            Call::get(HOST, "/").header("user-agent", "GoogleHC/1.0"),
        ),
    ] {
        let verdict = gateway.gateway.call(call).await.verdict();
        // Envoy itself rejects a method that it does not know.
        assert!(
            matches!(verdict.as_str(), "401 no-credentials" | "400"),
            "{what}: {verdict}"
        );
        gateway.assert_not_forwarded(what);
    }
    gateway
        .assert_refused(
            "an unknown host",
            preflight("OPTIONS", "evil.example.com"),
            403,
            "app-unknown",
        )
        .await;
    gateway.assert_clean().await;
}
