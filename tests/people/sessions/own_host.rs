//! The companion's own host: its endpoints for browsers and providers are allowed without a rule, and
//! no other path is.

use portcullis_tests::lab::envoy::Builder;
use portcullis_tests::lab::{Call, Version};
use serde_json::json;

use crate::sessions::session_gateway::{SEALED, SessionGateway, TOKEN, TestSession};

/// The companion's host, and an app's wildcard that covers it.
const COMPANION_HOST: &str = "auth.tools.example.com";
const WILDCARD: &str = "*.tools.example.com";

#[tokio::test]
async fn exactly_the_companions_endpoints_for_clients_are_allowed_unchanged() {
    for version in Version::ALL {
        // The host belongs to the companion even under an app's wildcard.
        let edit = |policy: &mut serde_json::Value| {
            policy["apps"][0]["hosts"] = json!([WILDCARD]);
            policy["sso"]["url"] = json!(format!("https://{COMPANION_HOST}"));
        };
        let more = |builder: Builder| builder.version(version).app_at(COMPANION_HOST, "companion");
        let gateway = SessionGateway::with(edit, more).await;
        let token = gateway.valid_token(&TestSession::new("ann"));
        let cookies = format!("{TOKEN}={token}; {SEALED}=y; {TOKEN}-login-a=b; c=d");
        let call = |method: &str, path: &str| {
            Call::new(method, COMPANION_HOST, path)
                .header("cookie", &cookies)
                .header("authorization", "Basic YTpi")
                .header("x-original-url", "https://app.example.com/a?b")
                .header("x-original-method", "PUT")
                .header("x-auth-request-user", "forged")
                .header("x-forwarded-user", "forged")
        };
        for (method, path) in [
            ("GET", "/oauth2/start?rd=https%3A%2F%2Fapp.example.com%2F"),
            ("GET", "/oauth2/callback?code=a&state=b"),
            ("GET", "/oauth2/callback/sso"),
            ("GET", "/oauth2/sign_in"),
            ("GET", "/oauth2/userinfo"),
            ("POST", "/oauth2/sign_out"),
            ("POST", "/oauth2/backchannel-logout"),
            ("GET", "/oauth2/jwks"),
            ("GET", "/ping"),
            ("GET", "/ready"),
        ] {
            let count = |path: &str| gateway.companion.count(path);
            let plain = path.split('?').next().unwrap();
            let before = count(plain);
            let response = gateway.gateway.call(call(method, path)).await;
            assert!(
                matches!(response.status, 200 | 500),
                "{path}: {}",
                response.text()
            );
            // The filter itself fetches keys and revocations, without cookies.
            let seen = gateway.companion.requests_to(plain);
            let ours = seen
                .iter()
                .skip(before)
                .find(|seen| !seen.all("cookie").is_empty());
            let ours = ours.unwrap_or_else(|| panic!("{path} did not reach the companion"));
            assert_eq!(ours.method, method);
            assert_eq!(ours.all("cookie"), [cookies.as_str()], "{path}");
            assert_eq!(ours.all("authorization"), ["Basic YTpi"], "{path}");
            assert_eq!(ours.all("x-original-url"), ["https://app.example.com/a?b"]);
            assert_eq!(ours.all("x-original-method"), ["PUT"], "{path}");
            for name in [
                "x-auth-request-user",
                "x-forwarded-user",
                "x-portcullis-caller",
            ] {
                assert!(ours.all(name).is_empty(), "{path}: {name}");
            }
        }
        for path in [
            "/",
            "/metrics",
            "/oauth2",
            "/oauth2/",
            "/oauth2/Start",
            "/oauth2/start/",
            "/oauth2/start/x",
            "/oauth2/authx",
            "/oauth2/callback/other",
            "/oauth2/mirror/green",
            "/oauth2/mirror/",
            "/ping/",
            "/api/v2/alerts",
        ] {
            gateway
                .assert_refused(path, call("GET", path), 403, "app-unknown")
                .await;
            assert_eq!(gateway.companion.count(path), 0, "{path}");
        }
        // These are for proxies, which reach the companion through another cluster. The filter itself calls
        // some of them.
        for (method, path) in [
            ("GET", "/oauth2/auth"),
            ("PUT", "/oauth2/auth/api/v2/alerts"),
            ("GET", "/oauth2/auth?allowed_groups=sre"),
            ("POST", "/oauth2/refresh"),
            ("GET", "/oauth2/mirror/blue"),
            ("GET", "/oauth2/revocations"),
        ] {
            gateway
                .assert_refused(path, call(method, path), 403, "app-unknown")
                .await;
            let plain = path.split('?').next().unwrap();
            let seen = gateway.companion.requests_to(plain);
            let theirs = seen
                .iter()
                .any(|seen| seen.all("x-original-method") == ["PUT"]);
            assert!(!theirs, "{method} {path} reached the companion");
        }
        let ambiguous = call("GET", "/oauth2/start;x");
        gateway
            .assert_refused("ambiguous", ambiguous, 400, "request-ambiguous")
            .await;
        let labels = [("app", "none"), ("reason", "companion")];
        let envoy = &gateway.gateway;
        envoy
            .metric("portcullis_decisions_total", &labels, |count| count == 10.0)
            .await;
        gateway.assert_clean().await;
    }
}
