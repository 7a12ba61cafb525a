//! An expired session token is refreshed by one call to the companion, without the user noticing.

use std::time::{Duration, Instant};

use portcullis_tests::lab::envoy::Builder;
use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, Connection, Response, SigningKey, Version, wait};
use serde_json::json;

use crate::sessions::companion::{CannedResponse, REFRESH};
use crate::sessions::session_gateway::{
    AUTH, SEALED, SessionGateway, TOKEN, TestSession, as_navigation, cookies, header_values,
    set_cookie, with_session,
};

const REFRESHES: &str = "portcullis_refreshes_total";

/// Checks that the response has the cookies, each on a line of its own, and is not cacheable.
fn assert_carries_cookies(response: &Response, lines: &[String], what: &str) {
    assert_eq!(response.all("set-cookie"), lines, "{what}");
    assert_eq!(response.all("cache-control"), ["no-store"], "{what}");
}

async fn wait_for_count(gateway: &SessionGateway, outcome: &str, count: f64) {
    let labels = [("outcome", outcome)];
    let counted = |now| now == count;
    gateway.gateway.metric(REFRESHES, &labels, counted).await;
}

#[tokio::test]
async fn one_call_refreshes_a_session_and_the_apps_response_sets_the_cookies() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let ann = TestSession::new("ann");
        let lines = gateway.refresh_succeeds(&ann);
        let expired = gateway.expired_token(&ann);
        let call = Call::post(HOST, "/api/v2/silences")
            .header(
                "cookie",
                format!("{}; {TOKEN}-login-x=y", cookies(&expired)),
            )
            .header("cookie", "more=1")
            .body(vec![b'x'; 100_000]);
        let (response, seen) = gateway.assert_allowed_with_response("a form", call).await;
        assert_carries_cookies(&response, &lines, "a form");
        assert_eq!(seen["body_bytes"], 100_000, "Envoy {version}");
        assert_eq!(seen["method"], "POST");
        assert_eq!(header_values(&seen, "x-portcullis-caller"), ["sso/ann"]);
        assert_eq!(
            header_values(&seen, "cookie"),
            ["theme=dark; lang=en; more=1"]
        );

        let refreshes = gateway.companion.requests_to(REFRESH);
        assert_eq!(refreshes.len(), 1);
        assert_eq!(refreshes[0].method, "POST");
        assert_eq!(refreshes[0].all("host"), [AUTH]);
        let session_cookies = format!("{TOKEN}={expired}; {SEALED}=sealed");
        assert_eq!(refreshes[0].all("cookie"), [session_cookies]);
        assert_eq!(refreshes[0].body_bytes, 0);
        assert_eq!(refreshes[0].all("content-length"), ["0"]);
        assert!(refreshes[0].all("authorization").is_empty());
        wait_for_count(&gateway, "refreshed", 1.0).await;

        // The browser sends the new token from now on, and no refresh is needed.
        let (response, _) = gateway
            .assert_allowed_with_response("fresh", with_session(&gateway.valid_token(&ann)))
            .await;
        assert_eq!(response.header("set-cookie"), None);
        assert_eq!(response.header("cache-control"), None);
        assert_eq!(gateway.companion.count(REFRESH), 1);
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn refusals_and_http_2_responses_set_the_cookies_too() {
    let mut gateway = SessionGateway::start().await;
    let mut ann = TestSession::new("ann");
    let lines = gateway.refresh_succeeds(&ann);
    let page = as_navigation(with_session(&gateway.expired_token(&ann)));
    let response = page.send_h2(gateway.gateway.address()).await;
    assert_eq!(response.status, 200);
    gateway.count_forwarded();
    assert_carries_cookies(&response, &lines, "HTTP/2");

    // The new token does not have the group.
    let guest = ann.token().claim("groups", json!([])).sign(&gateway.key);
    let lines = [set_cookie(TOKEN, &guest), set_cookie(SEALED, "resealed")];
    gateway
        .companion
        .set_refresh_response(CannedResponse::cookies(200, lines.clone()));
    let call = with_session(&gateway.expired_token(&ann));
    let response = gateway
        .assert_refused(
            "a user without the group",
            call.clone(),
            403,
            "caller-not-allowed",
        )
        .await;
    assert_carries_cookies(&response, &lines, "a user without the group");
    let response = gateway.gateway.call(as_navigation(call.clone())).await;
    assert_eq!(response.status, 403);
    assert_carries_cookies(&response, &lines, "page of a user without the group");
    let grpc = call.header("content-type", "application/grpc");
    let response = grpc.send_h2(gateway.gateway.address()).await;
    assert_eq!(response.grpc_status(), Some(7));
    assert_carries_cookies(&response, &lines, "request of a user without the group");
    gateway.assert_not_forwarded("a user without the group");

    // Of the cookies that the refresh response sets, only ours are forwarded.
    ann = TestSession::new("ann");
    let mut lines = gateway.refresh_succeeds(&ann);
    let unrelated = [
        "tracking=1",
        "__secure-portcullis=x",
        "__Secure-portcullis-other=y",
    ];
    lines.extend(unrelated.map(str::to_owned));
    gateway
        .companion
        .set_refresh_response(CannedResponse::cookies(200, lines.clone()));
    let (response, _) = gateway
        .assert_allowed_with_response(
            "unrelated cookies",
            with_session(&gateway.expired_token(&ann)),
        )
        .await;
    assert_carries_cookies(&response, &lines[..2], "unrelated cookies");
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h11_a_response_that_sets_session_cookies_is_not_cacheable() {
    const CACHED: &str = "cached.example.com";
    let gateway = SessionGateway::with(
        |policy| policy["apps"][0]["hosts"] = json!([HOST, CACHED]),
        // The companion acts as an app with cacheable pages.
        |builder| builder.app_at(CACHED, "companion"),
    )
    .await;
    let ann = TestSession::new("ann");
    let lines = gateway.refresh_succeeds(&ann);
    let page = |token: &str| Call::get(CACHED, "/page").header("cookie", cookies(token));
    let response = gateway.gateway.call(page(&gateway.valid_token(&ann))).await;
    let of_caches = ["cdn-cache-control", "surrogate-control"];
    for name in ["cache-control"].iter().chain(&of_caches) {
        assert_eq!(response.all(name), ["public, max-age=3600"], "{name}");
    }
    assert_eq!(response.header("set-cookie"), None);
    let response = gateway
        .gateway
        .call(page(&gateway.expired_token(&ann)))
        .await;
    assert_eq!(response.status, 200);
    assert_carries_cookies(&response, &lines, "a page");
    for name in of_caches {
        assert_eq!(response.header(name), None, "{name}");
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_token_with_another_sessions_sealed_cookie_requires_sign_in() {
    let gateway = SessionGateway::start().await;
    gateway.refresh_succeeds(&TestSession::new("bob"));
    let expired = with_session(&gateway.expired_token(&TestSession::new("ann")));
    let response = gateway
        .assert_refused("fetch", expired.clone(), 401, "session-expired")
        .await;
    assert_eq!(
        response.header("set-cookie"),
        None,
        "the cookies are another session's"
    );
    let response = gateway.gateway.call(as_navigation(expired)).await;
    assert_eq!(response.status, 302);
    assert_eq!(response.header("set-cookie"), None);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn an_ended_session_requires_sign_in_and_its_cookies_are_deleted() {
    let gateway = SessionGateway::start().await;
    let lines = gateway.refresh_ends_session();
    let expired = with_session(&gateway.expired_token(&TestSession::new("ann")));
    let response = gateway
        .assert_refused("fetch", expired.clone(), 401, "session-expired")
        .await;
    assert_carries_cookies(&response, &lines, "fetch");
    let response = gateway.gateway.call(as_navigation(expired)).await;
    assert_eq!(response.status, 302);
    assert_carries_cookies(&response, &lines, "a page");
    let location = response.header("location").unwrap();
    assert!(
        location.starts_with("https://auth.example.com/oauth2/start?rd="),
        "{location}"
    );
    gateway.assert_not_forwarded("a page");
    wait_for_count(&gateway, "ended", 2.0).await;

    // Without the sealed session there is nothing to refresh.
    let token = gateway.expired_token(&TestSession::new("ann"));
    let alone = Call::get(HOST, "/api").header("cookie", format!("{TOKEN}={token}"));
    let response = gateway
        .assert_refused("no sealed session", alone, 401, "session-expired")
        .await;
    assert_eq!(response.header("set-cookie"), None);
    assert_eq!(gateway.companion.count(REFRESH), 2);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn an_invalid_refresh_response_is_a_503() {
    let mut gateway = SessionGateway::start().await;
    let ann = TestSession::new("ann");
    let expired = with_session(&gateway.expired_token(&ann));
    let lines = gateway.refresh_succeeds(&ann);
    gateway
        .assert_allowed_with_response("at first", expired.clone())
        .await;
    let token = |token: &str| vec![set_cookie(TOKEN, token), set_cookie(SEALED, "resealed")];
    let other_key = SigningKey::p256().named(gateway.key.kid());
    for (what, status, lines) in [
        ("500", 500, lines.clone()),
        ("404", 404, lines.clone()),
        ("302", 302, lines.clone()),
        ("204", 204, lines.clone()),
        ("no cookies", 200, vec![]),
        ("no token", 200, vec![set_cookie(SEALED, "resealed")]),
        ("not a token", 200, token("x")),
        ("another key", 200, token(&ann.token().sign(&other_key))),
        ("expired token", 200, token(&gateway.expired_token(&ann))),
        ("a bearer token", 200, token(&gateway.token())),
    ] {
        gateway
            .companion
            .set_refresh_response(CannedResponse::cookies(status, lines));
        let response = gateway
            .assert_refused(what, expired.clone(), 503, "session-unavailable")
            .await;
        assert_eq!(
            response.header("retry-after").as_deref(),
            Some("5"),
            "{what}"
        );
        assert_eq!(response.header("set-cookie"), None, "{what}");
        let page = gateway.gateway.call(as_navigation(expired.clone())).await;
        assert_eq!(
            (page.status, page.header("location")),
            (503, None),
            "{what}"
        );
        gateway.assert_not_forwarded(what);
    }
    wait_for_count(&gateway, "unavailable", 20.0).await;
    wait_for_count(&gateway, "refreshed", 1.0).await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_hanging_companion_delays_a_request_by_twenty_seconds_and_a_stopped_one_does_not() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let ann = TestSession::new("ann");
        let good = with_session(&gateway.valid_token(&ann));
        gateway
            .assert_allowed_with_response("at first", good.clone())
            .await;
        let expired = with_session(&gateway.expired_token(&ann));
        gateway.refresh_succeeds(&ann);
        gateway.companion.hold();
        let began = Instant::now();
        gateway
            .assert_refused("no response", expired.clone(), 503, "session-unavailable")
            .await;
        let took = began.elapsed();
        let bounds = Duration::from_secs(19)..Duration::from_secs(26);
        assert!(bounds.contains(&took), "{took:?}");

        gateway.companion.down().await;
        gateway
            .assert_refused(
                "connection refused",
                expired.clone(),
                503,
                "session-unavailable",
            )
            .await;
        // Requests with a valid token are not affected.
        gateway.assert_allowed_with_response("good", good).await;
        gateway.companion.release();
        gateway.companion.up().await;
        wait::until_true("the session is refreshed", wait::LONG, async || {
            let response = gateway.gateway.call(expired.clone()).await;
            let passed = response.status == 200;
            if passed {
                gateway.count_forwarded();
            }
            passed
        })
        .await;
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn a_websocket_opens_with_an_expired_session_token() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let ann = TestSession::new("ann");
        let lines = gateway.refresh_succeeds(&ann);
        let call = Call::get(HOST, "/live")
            .header("cookie", cookies(&gateway.expired_token(&ann)))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("origin", format!("https://{HOST}"));
        let address = gateway.gateway.address();
        let mut connection = Connection::open(address).await.unwrap();
        let response = connection.send(&call).await;
        assert_eq!(response.status, 101, "Envoy {version}");
        assert_carries_cookies(&response, &lines, "an upgrade");
        connection.write(b"ping").await.unwrap();
        assert_eq!(connection.read(4).await.unwrap(), b"ping");
        gateway.count_forwarded();
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn a_refreshed_token_with_a_new_key_waits_for_the_key() {
    let mut gateway = SessionGateway::start().await;
    let ann = TestSession::new("ann");
    gateway
        .assert_allowed_with_response("at first", with_session(&gateway.valid_token(&ann)))
        .await;
    // After ten seconds, an unknown key may cause another fetch.
    let age = [("trust", "sso")];
    let is_due = |age| age >= 10.0;
    let metric = gateway
        .gateway
        .metric("portcullis_key_age_seconds", &age, is_due);
    metric.await;
    let fresh = SigningKey::p256();
    gateway.companion.set_keys(&[&fresh, &gateway.key]);
    let lines = [
        set_cookie(TOKEN, &ann.token().sign(&fresh)),
        set_cookie(SEALED, "resealed"),
    ];
    gateway
        .companion
        .set_refresh_response(CannedResponse::cookies(200, lines.clone()));
    let (response, _) = gateway
        .assert_allowed_with_response("a new key", with_session(&gateway.expired_token(&ann)))
        .await;
    assert_carries_cookies(&response, &lines, "a new key");
    assert_eq!(gateway.companion.count(REFRESH), 1);
    gateway.assert_clean().await;
}

/// With `allow_on_headers_stop_iteration`, Envoy reads the body of a request whose headers the filter
/// holds.
#[tokio::test]
async fn a_body_does_not_release_headers_that_wait_for_a_refresh() {
    let mut gateway = SessionGateway::with(|_| {}, Builder::stop_iteration).await;
    let eve = with_session(&gateway.valid_token(&TestSession::new("eve")));
    gateway.assert_allowed_with_response("at first", eve).await;
    let lines = gateway.refresh_ends_session();
    gateway.companion.hold();
    let form = Call::post(HOST, "/api/v2/silences")
        .header(
            "cookie",
            cookies(&gateway.expired_token(&TestSession::new("ann"))),
        )
        .body(vec![b'x'; 100_000]);
    let address = gateway.gateway.address();
    let response = tokio::spawn(async move { form.send(address).await });
    let waiting = "portcullis_waiting_requests";
    gateway
        .gateway
        .metric(waiting, &[], |waiting| waiting == 1.0)
        .await;
    gateway.assert_not_forwarded("a form that waits");
    gateway.companion.release();
    let response = response.await.unwrap();
    let response = gateway.assert_refusal("a form", response, 401, "session-expired");
    assert_carries_cookies(&response, &lines, "a form");
    gateway.assert_clean().await;
}
