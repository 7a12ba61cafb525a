//! Programs with tokens.

use portcullis_tests::lab::Call;

use crate::forward_auth::fronts::HOST;
use crate::forward_auth::stage::{Stage, alerts, seen};

/// What clients write of themselves, in the ways that servers may read it.
const CLAIMS: [(&str, &str); 14] = [
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
async fn h06_an_app_is_told_who_calls_by_nobody_but_us() {
    let stage = Stage::start().await;
    let karma = stage.karma();
    for front in &stage.fronts {
        let mut call = alerts().bearer(&karma);
        for (name, value) in CLAIMS {
            call = call.header(name, value);
        }
        let shown = seen(&front.send(call).await);
        let named = |name: &str| (name.to_owned(), "blue/monitoring/karma".to_owned());
        let expected = [named("x-auth-request-user"), named("x-portcullis-caller")];
        assert_eq!(shown.identity(), expected, "{}", front.name);
        assert_eq!(shown.0["path"], "/api/v2/alerts?active=true&filter=a%2Cb");
        assert_eq!(shown.0["method"], "GET");
        // H14: the token is for the gate.
        assert_eq!(shown.all("authorization"), [""; 0], "{}", front.name);
        // Who is let in without a name has none.
        let mut call = Call::get(HOST, "/-/healthy").bearer(&karma);
        for (name, value) in CLAIMS {
            call = call.header(name, value);
        }
        let shown = seen(&front.send(call).await);
        assert_eq!(shown.identity(), [], "{}", front.name);
        assert_eq!(shown.all("authorization"), [""; 0], "{}", front.name);
    }
}

#[tokio::test]
async fn a_program_is_refused_as_a_program() {
    let stage = Stage::start().await;
    let karma = stage.karma();
    for front in &stage.fronts {
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
            let reply = front.send(call).await;
            assert_eq!(reply.status, status, "{}: {reason}", front.name);
            assert_eq!(reply.header("location"), None);
            if front.hands_on {
                assert_eq!(reply.json()["reason"], reason, "{}", front.name);
            }
            if let Some(challenge) = challenge {
                assert_eq!(
                    reply.header("www-authenticate").as_deref(),
                    Some(challenge),
                    "{}",
                    front.name
                );
            }
        }
    }
    assert_eq!(stage.app.count(), 0);
}

#[tokio::test]
async fn many_cookies_are_no_trouble_and_go_on() {
    let stage = Stage::start().await;
    let karma = stage.karma();
    let cookies = format!("big={}", "x".repeat(6000));
    for front in &stage.fronts {
        let ours = "__Secure-portcullis=abc; __Secure-portcullis-session.0=def";
        let call = alerts().bearer(&karma);
        let call = call.header("cookie", format!("{cookies}; {ours}"));
        let shown = seen(&front.send(call).await);
        assert_eq!(shown.all("cookie"), [&*cookies], "{}", front.name);
    }
}

#[tokio::test]
async fn where_nobody_can_be_asked_nobody_goes_on() {
    let mut stage = Stage::start().await;
    let karma = stage.karma();
    stage.companion.kill();
    for front in &stage.fronts {
        for call in [
            alerts().bearer(&karma),
            Call::get(HOST, "/-/healthy"),
            Call::post(HOST, "/-/healthy"),
        ] {
            let reply = front.send(call).await;
            assert!(reply.status >= 500, "{}: {}", front.name, reply.status);
        }
    }
    assert_eq!(stage.app.count(), 0);
}

#[tokio::test]
async fn the_companion_reads_keys_itself_and_waits_for_them() {
    let mut stage = Stage::start().await;
    let karma = stage.karma();
    for front in &stage.fronts {
        seen(&front.send(alerts().bearer(&karma)).await);
    }
    // An issuer that is down is not missed.
    stage.issuer.down().await;
    for front in &stage.fronts {
        seen(&front.send(alerts().bearer(&karma)).await);
    }
}
