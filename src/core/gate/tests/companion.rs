//! The companion's own host.

use super::users::*;
use super::*;
use crate::session::Cookies;

#[test]
fn only_the_companions_endpoints_for_clients_are_allowed_without_a_rule() {
    let mut test = TestGate::for_users();
    for path in [
        "/oauth2/start?rd=https://alertmanager.example.com/",
        "/oauth2/callback?code=a&state=b",
        "/oauth2/callback/sso",
        "/oauth2/callback/github",
        "/oauth2/sign_in",
        "/oauth2/userinfo",
        "/oauth2/sign_out",
        "/oauth2/backchannel-logout",
        "/oauth2/jwks",
        "/ping",
        "/ready",
    ] {
        for method in ["GET", "POST"] {
            for host in ["auth.example.com", "AUTH.example.com:443"] {
                assert_eq!(
                    test.evaluate(&format!("{method} {host} {path}"), &[]),
                    refused(Reason::Companion),
                    "{method} {path}"
                );
            }
        }
    }
    for path in [
        "/",
        "/metrics",
        "/oauth2",
        "/oauth2/",
        "/oauth2/callback/",
        "/oauth2/callback/blue",
        "/oauth2/callback/sso/more",
        "/oauth2/mirror",
        "/oauth2/mirror/",
        "/oauth2/mirror/red",
        "/oauth2/mirror/sso",
        "/oauth2/authx",
        // For proxies, which have a cluster of their own to the companion.
        "/oauth2/auth",
        "/oauth2/auth/",
        "/oauth2/auth/api/v2/alerts",
        "/oauth2/auth?rd=https://alertmanager.example.com/",
        "/oauth2/refresh",
        "/oauth2/revocations",
        "/oauth2/mirror/blue",
        "/oauth2/mirror/green",
        "/oauth2/start/",
        "/Oauth2/start",
        "/ping/",
        "/api/v2/alerts",
        "/-/healthy",
    ] {
        for method in ["GET", "POST", "PUT"] {
            let request = format!("{method} auth.example.com {path}");
            assert_eq!(
                test.evaluate(&request, &[]),
                refused(Reason::AppUnknown),
                "{request}"
            );
        }
        let request = format!("GET auth.example.com {path}");
        assert_eq!(
            test.evaluate(&request, &[]),
            refused(Reason::AppUnknown),
            "{path}"
        );
        let token = cookie(&session());
        assert_eq!(
            test.evaluate(&request, &[("cookie", &token)]),
            refused(Reason::AppUnknown),
            "a session opens nothing there: {path}"
        );
    }
    assert_eq!(
        test.evaluate("GET auth.example.com /oauth2//start", &[]),
        refused(Reason::RequestAmbiguous)
    );
}

#[test]
fn a_wildcard_of_an_app_excludes_the_companions_host() {
    let mut test = TestGate::for_users();
    let token = cookie(&session());
    let api = |host: &str| format!("GET {host} /api/v2/alerts");
    assert_eq!(
        test.evaluate(&api("other.example.com"), &[("cookie", &token)]),
        decided(Reason::Rule, Some("operators"), ALICE)
    );
    assert_eq!(
        test.evaluate(&api("auth.example.com"), &[("cookie", &token)]),
        refused(Reason::AppUnknown)
    );
    assert_eq!(
        test.evaluate("GET auth.example.com /-/healthy", &[]),
        refused(Reason::AppUnknown),
        "no public rule reaches there"
    );
}

#[test]
fn h14_only_the_companion_receives_its_cookies() {
    let mut test = TestGate::for_users();
    let cookies = Headers::new(vec![(b"cookie", b"a=1; __Secure-portcullis=x")]);
    for (request, companion) in [
        ("GET auth.example.com /oauth2/userinfo", true),
        ("GET alertmanager.example.com /-/healthy", false),
    ] {
        let decision = decision(&mut test, request, &[]);
        assert!(decision.is_allowed());
        assert_eq!(decision.is_for_companion(), companion);
        for name in [
            "authorization",
            "x-original-url",
            "X-Original_URL",
            "x-original-method",
        ] {
            let own = companion || name == "x-original-method";
            assert_eq!(decision.forwards(name.as_bytes()), own, "{name}");
        }
        for name in [
            "x-auth-request-user",
            "x-portcullis-caller",
            "x-forwarded-user",
            "x-rewrite-url",
        ] {
            assert!(!decision.forwards(name.as_bytes()), "{name}");
        }
        assert!(decision.forwards(b"x-forwarded-proto"));
        let expected = if companion {
            Cookies::Unchanged
        } else {
            Cookies::Replaced(b"a=1".to_vec())
        };
        assert_eq!(decision.forwarded_cookies(&cookies), expected);
    }
}

#[test]
fn h14_a_genuine_preflight_reaches_the_app_without_our_cookies() {
    let mut test = TestGate::for_users();
    let fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"OPTIONS"),
        (b":authority", b"alertmanager.example.com"),
        (b":path", b"/api/v2/alerts"),
        (b"origin", b"https://karma.example.org"),
        (b"access-control-request-method", b"POST"),
        (b"cookie", b"__Secure-portcullis-session.0=x"),
    ];
    let headers = Headers::new(fields);
    let (gate, context, cache) = test.parts();
    let evaluation = gate.evaluate(&headers, context, cache);
    let Evaluation::Decided(decision) = evaluation else {
        panic!("{evaluation:?}");
    };
    assert_eq!(decision.reason(), Reason::Preflight);
    assert_eq!(decision.forwarded_cookies(&headers), Cookies::Removed);
}
