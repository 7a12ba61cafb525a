//! Requests with unsafe methods are allowed by a session only if they come from the app's own
//! origin.

use portcullis_tests::lab::Call;
use portcullis_tests::lab::fixture::{HOST, get_alerts};
use serde_json::json;

use crate::sessions::companion::REFRESH;
use crate::sessions::session_gateway::{SessionGateway, TestSession, cookies};

const ALLOWED_ORIGIN: &str = "https://karma.example.com";

#[tokio::test]
async fn unsafe_methods_and_upgrades_require_the_apps_own_origin() {
    let mut gateway = SessionGateway::with(
        |policy| policy["apps"][0]["origins"] = json!([ALLOWED_ORIGIN]),
        |builder| builder,
    )
    .await
    .explained();
    let good = cookies(&gateway.valid_token(&TestSession::new("ann")));
    let own = format!("https://{HOST}");
    let call = |method: &str, headers: &[(&str, &str)]| {
        let call = Call::new(method, HOST, "/api").header("cookie", &good);
        let headers = headers.iter();
        headers.fold(call, |call, (name, value)| call.header(name, value))
    };
    for (what, call) in [
        ("not from a page", call("POST", &[])),
        (
            "by Sec-Fetch-Site",
            call("POST", &[("sec-fetch-site", "same-origin")]),
        ),
        ("typed", call("DELETE", &[("sec-fetch-site", "none")])),
        ("by Origin", call("PUT", &[("origin", &own)])),
        (
            "an allowed origin",
            call(
                "POST",
                &[("origin", ALLOWED_ORIGIN), ("sec-fetch-site", "same-site")],
            ),
        ),
        ("GET", call("GET", &[("sec-fetch-site", "cross-site")])),
        (
            "HEAD",
            call("HEAD", &[("origin", "https://evil.example.com")]),
        ),
        (
            "OPTIONS",
            call("OPTIONS", &[("sec-fetch-site", "cross-site")]),
        ),
    ] {
        gateway.assert_allowed_with_response(what, call).await;
    }
    let upgrade = ("upgrade", "websocket");
    let connection = ("connection", "upgrade");
    for (what, call) in [
        (
            "another site",
            call("POST", &[("sec-fetch-site", "cross-site")]),
        ),
        (
            "another host of the site",
            call("POST", &[("sec-fetch-site", "same-site")]),
        ),
        (
            "another origin",
            call("PATCH", &[("origin", "https://evil.example.com")]),
        ),
        (
            "http origin",
            call("POST", &[("origin", &own.replace("https", "http"))]),
        ),
        ("null", call("POST", &[("origin", "null")])),
        (
            "contradictory headers",
            call(
                "POST",
                &[("origin", &own), ("sec-fetch-site", "cross-site")],
            ),
        ),
        (
            "custom method",
            call("PROPFIND", &[("sec-fetch-site", "cross-site")]),
        ),
        (
            "an upgrade",
            call(
                "GET",
                &[upgrade, connection, ("origin", "https://evil.example.com")],
            ),
        ),
    ] {
        gateway.assert_refused(what, call, 403, "cross-site").await;
    }
    // No refresh is requested either.
    let expired = cookies(&gateway.expired_token(&TestSession::new("ann")));
    let call = Call::post(HOST, "/api").header("cookie", expired);
    let call = call.header("sec-fetch-site", "cross-site");
    gateway
        .assert_refused("expired session", call, 403, "cross-site")
        .await;
    assert_eq!(gateway.companion.count(REFRESH), 0);
    // A token that no browser sends by itself needs no such check.
    let bearer = get_alerts(&gateway.token()).header("sec-fetch-site", "cross-site");
    gateway
        .assert_allowed_with_response("a bearer token", bearer)
        .await;
    gateway.assert_clean().await;
}
