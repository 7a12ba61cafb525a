//! Programs with tokens.

use portcullis_tests::lab::Call;

use crate::forward_auth::fixture::{Fixture, alerts, forwarded};
use crate::forward_auth::proxies::HOST;

/// Identity headers of a client, in spellings that servers may accept.
const FORGED_HEADERS: [(&str, &str); 14] = [
    ("X-Auth-Request-User", "root"),
    ("x-auth-request-email", "root@example.com"),
    ("X-Auth-Request-Groups", "sre"),
    ("X-AUTH-REQUEST-PREFERRED-USERNAME", "root"),
    ("X-Auth-Request-Access-Token", "abc"),
    ("X_Auth_Request_User", "root"),
    ("X-Auth_Request-Groups", "sre"),
    ("X-Portcullis-Caller", "sso/root"),
    ("X-Forwarded-User", "root"),
    ("X_Forwarded_User", "root"),
    ("X-Forwarded-Email", "root@example.com"),
    ("X-Forwarded-Groups", "sre"),
    ("X-Forwarded-Preferred-Username", "root"),
    ("X-Forwarded-Access-Token", "abc"),
];

#[tokio::test]
async fn h06_identity_headers_come_from_the_companion_only() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    for proxy in &fixture.proxies {
        let mut call = alerts().bearer(&karma);
        for (name, value) in FORGED_HEADERS {
            call = call.header(name, value);
        }
        let received = forwarded(&proxy.send(call).await);
        let header = |name: &str| (name.to_owned(), "blue/monitoring/karma".to_owned());
        let expected = [header("x-auth-request-user"), header("x-portcullis-caller")];
        assert_eq!(received.identity(), expected, "{}", proxy.name);
        assert_eq!(
            received.0["path"],
            "/api/v2/alerts?active=true&filter=a%2Cb"
        );
        assert_eq!(received.0["method"], "GET");
        // H14: the token is not passed on.
        assert_eq!(received.all("authorization"), [""; 0], "{}", proxy.name);
        // A request allowed by a public rule has no caller.
        let mut call = Call::get(HOST, "/-/healthy").bearer(&karma);
        for (name, value) in FORGED_HEADERS {
            call = call.header(name, value);
        }
        let received = forwarded(&proxy.send(call).await);
        assert_eq!(received.identity(), [], "{}", proxy.name);
        assert_eq!(received.all("authorization"), [""; 0], "{}", proxy.name);
    }
}

#[tokio::test]
async fn a_program_gets_a_status_and_a_challenge() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    for proxy in &fixture.proxies {
        for (call, status, reason, challenge) in [
            (
                alerts(),
                401,
                "no-credentials",
                Some("Bearer realm=\"alertmanager\""),
            ),
            (
                alerts().bearer("abc"),
                401,
                "token-malformed",
                Some("Bearer realm=\"alertmanager\", error=\"invalid_token\""),
            ),
            (
                Call::post(HOST, "/api/v2/silences")
                    .bearer(&karma)
                    .body("{}"),
                403,
                "caller-not-allowed",
                None,
            ),
            (
                Call::get(HOST, "/").bearer(&karma),
                403,
                "caller-not-allowed",
                None,
            ),
        ] {
            let response = proxy.send(call).await;
            assert_eq!(response.status, status, "{}: {reason}", proxy.name);
            assert_eq!(response.header("location"), None);
            if proxy.forwards_refusal_body {
                assert_eq!(response.json()["reason"], reason, "{}", proxy.name);
            }
            if let Some(challenge) = challenge {
                assert_eq!(
                    response.header("www-authenticate").as_deref(),
                    Some(challenge),
                    "{}",
                    proxy.name
                );
            }
        }
    }
    assert_eq!(fixture.app.count(), 0);
}

#[tokio::test]
async fn many_cookies_are_passed_to_the_app() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    let cookies = format!("big={}", "x".repeat(6000));
    for proxy in &fixture.proxies {
        let session_cookies = "__Secure-portcullis=abc; __Secure-portcullis-session.0=def";
        let call = alerts().bearer(&karma);
        let call = call.header("cookie", format!("{cookies}; {session_cookies}"));
        let received = forwarded(&proxy.send(call).await);
        assert_eq!(received.all("cookie"), [&*cookies], "{}", proxy.name);
    }
}

#[tokio::test]
async fn without_the_companion_no_request_is_allowed() {
    let mut fixture = Fixture::start().await;
    let karma = fixture.karma();
    fixture.companion.kill();
    for proxy in &fixture.proxies {
        for call in [
            alerts().bearer(&karma),
            Call::get(HOST, "/-/healthy"),
            Call::post(HOST, "/-/healthy"),
        ] {
            let response = proxy.send(call).await;
            assert!(
                response.status >= 500,
                "{}: {}",
                proxy.name,
                response.status
            );
        }
    }
    assert_eq!(fixture.app.count(), 0);
}

#[tokio::test]
async fn the_companion_fetches_keys_itself_and_waits_for_them() {
    let mut fixture = Fixture::start().await;
    let karma = fixture.karma();
    for proxy in &fixture.proxies {
        forwarded(&proxy.send(alerts().bearer(&karma)).await);
    }
    // Cached keys stay valid while the issuer is unreachable.
    fixture.issuer.down().await;
    for proxy in &fixture.proxies {
        forwarded(&proxy.send(alerts().bearer(&karma)).await);
    }
}
