//! Access with a session, and what the app receives of it.

use portcullis_tests::lab::fixture::{AUDIENCE, HOST, get_alerts};
use portcullis_tests::lab::{Call, SigningKey, Version};
use serde_json::json;

use crate::sessions::companion::REFRESH;
use crate::sessions::session_gateway::{
    SEALED, SessionGateway, TOKEN, TestSession, cookies, header_values, with_session,
};

#[tokio::test]
async fn a_session_is_verified_with_the_companions_keys() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version))
            .await
            .explained();
        let ann = TestSession::new("ann/1");
        let (response, seen) = gateway
            .assert_allowed_with_response("good", with_session(&gateway.valid_token(&ann)))
            .await;
        assert_eq!(response.header("set-cookie"), None);
        for (name, value) in [
            ("x-auth-request-user", "ann%2F1"),
            ("x-portcullis-caller", "sso/ann%2F1"),
            ("x-auth-request-email", "ann@example.com"),
            ("x-auth-request-groups", "sre,on-call"),
            ("x-auth-request-preferred-username", "ann"),
            ("cookie", "theme=dark; lang=en"),
        ] {
            assert_eq!(
                header_values(&seen, name),
                [value],
                "{name} in Envoy {version}"
            );
        }
        assert_eq!(gateway.companion.count(REFRESH), 0);

        let line = gateway
            .gateway
            .logged("the request", |line| line["caller"] == "sso/ann%2F1");
        let line = line.await;
        assert_eq!(
            (&line["rule"], &line["reason"]),
            (&json!("users"), &json!("rule"))
        );
        let record = gateway.gateway.audit_records().pop().unwrap().record;
        assert_eq!(record["caller"], "sso/ann%2F1");
        assert_eq!(record["trust"], "sso");
        assert_eq!(record["kid"], gateway.key.kid());
        let labels = [("decision", "allowed"), ("reason", "rule")];
        let envoy = &gateway.gateway;
        envoy
            .metric("portcullis_decisions_total", &labels, |count| count == 1.0)
            .await;
        let keys = [("trust", "sso"), ("outcome", "succeeded")];
        envoy
            .metric("portcullis_key_fetches_total", &keys, |count| count == 1.0)
            .await;
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn h14_session_cookies_are_not_passed_to_the_app() {
    let mut gateway = SessionGateway::start().await.explained();
    let good = gateway.valid_token(&TestSession::new("ann"));
    let all_names = format!(
        "a=1;{TOKEN}={good};  b=\"2; {TOKEN}.0=x; {SEALED}=y; {SEALED}.1=z;{TOKEN}-login-abc=w; \
         {TOKEN}s=theirs;c; __secure-portcullis=theirs too"
    );
    let left = format!("a=1;  b=\"2; {TOKEN}s=theirs;c; __secure-portcullis=theirs too");
    let karma = gateway.token();
    for (what, call) in [
        ("a session", Call::get(HOST, "/api")),
        ("a public rule", Call::get(HOST, "/-/healthy")),
        (
            "a preflight",
            Call::new("OPTIONS", HOST, "/api")
                .header("origin", "https://karma.example.com")
                .header("access-control-request-method", "PUT"),
        ),
        ("a bearer token", get_alerts(&karma)),
    ] {
        let call = call.header("cookie", &all_names);
        let (_, seen) = gateway.assert_allowed_with_response(what, call).await;
        assert_eq!(header_values(&seen, "cookie"), [left.as_str()], "{what}");
    }
    let only = Call::get(HOST, "/-/healthy").header("cookie", format!("{TOKEN}=x"));
    let (_, seen) = gateway
        .assert_allowed_with_response("only ours", only)
        .await;
    assert!(header_values(&seen, "cookie").is_empty());
    let several = Call::get(HOST, "/-/healthy")
        .header("cookie", "a=1")
        .header("cookie", format!("{SEALED}=x"))
        .header("cookie", "b=2");
    let (_, seen) = gateway
        .assert_allowed_with_response("several headers", several)
        .await;
    assert_eq!(header_values(&seen, "cookie").join("; "), "a=1; b=2");
    let theirs = Call::get(HOST, "/-/healthy").header("cookie", b"a=\xe9;b");
    let (_, seen) = gateway
        .assert_allowed_with_response("none of ours", theirs)
        .await;
    assert_eq!(header_values(&seen, "cookie"), ["a=\u{e9};b"]);

    // In HTTP/2 each cookie may be a separate header (RFC 9113 section 8.2.3).
    let mut separate = Call::get(HOST, "/api");
    for pair in ["a=1", &format!("{TOKEN}={good}"), "b=2"] {
        separate = separate.header("cookie", pair);
    }
    let response = separate.send_h2(gateway.gateway.address()).await;
    gateway.count_forwarded();
    assert_eq!(response.status, 200, "{}", response.text());
    let seen = gateway.fixture.app.requests().pop().unwrap();
    assert_eq!(header_values(&seen, "cookie"), ["a=1; b=2"]);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j09_session_and_bearer_tokens_are_not_interchangeable() {
    let mut gateway = SessionGateway::start().await.explained();
    let ann = TestSession::new("ann");
    let (good, karma) = (gateway.valid_token(&ann), gateway.token());
    gateway
        .assert_allowed_with_response("a session", with_session(&good))
        .await;
    let bearer = gateway.assert_refused(
        "a session as bearer",
        get_alerts(&good),
        401,
        "token-malformed",
    );
    bearer.await;
    let typed = |typ: &str| ann.token().header("typ", typ).sign(&gateway.key);
    let other_key = SigningKey::p256().named(gateway.key.kid());
    for (what, token, reason) in [
        (
            "a bearer token as session",
            karma.clone(),
            "token-malformed",
        ),
        ("JWT", typed("JWT"), "token-malformed"),
        ("at+jwt", typed("at+jwt"), "token-malformed"),
        ("logout+jwt", typed("logout+jwt"), "token-malformed"),
        (
            "another case",
            typed("Portcullis-Session+JWT"),
            "token-malformed",
        ),
        (
            "a media type",
            typed("application/portcullis-session+jwt"),
            "token-malformed",
        ),
        (
            "another key",
            ann.token().sign(&other_key),
            "signature-invalid",
        ),
        (
            "another issuer",
            ann.token()
                .claim("iss", "https://evil.example.com")
                .sign(&gateway.key),
            "issuer-unknown",
        ),
        (
            "another audience",
            ann.token().claim("aud", AUDIENCE).sign(&gateway.key),
            "audience-mismatch",
        ),
        (
            "another provider",
            ann.token().claim("idp", "blue").sign(&gateway.key),
            "issuer-unknown",
        ),
        (
            "lifetime too long",
            ann.token().expires_in(7200).sign(&gateway.key),
            "lifetime-too-long",
        ),
        ("not a token", "x".to_owned(), "token-malformed"),
    ] {
        gateway
            .assert_refused(what, with_session(&token), 401, reason)
            .await;
    }
    // An invalid bearer token never falls back to the session, and a valid one needs none (H03).
    let both = |token: &str| get_alerts(token).header("cookie", cookies(&good));
    gateway
        .assert_refused(
            "invalid bearer token",
            both("a.b.c"),
            401,
            "token-malformed",
        )
        .await;
    let (_, seen) = gateway
        .assert_allowed_with_response("a valid bearer token", both(&karma))
        .await;
    assert_eq!(
        header_values(&seen, "x-portcullis-caller"),
        ["blue/monitoring/karma"]
    );
    let basic = with_session(&good).header("authorization", "Basic YTpi");
    let (_, seen) = gateway
        .assert_allowed_with_response("with Basic credentials", basic)
        .await;
    assert!(header_values(&seen, "authorization").is_empty());
    assert_eq!(gateway.companion.count(REFRESH), 0);
    gateway.assert_clean().await;
}

/// A malformed bearer token must not count as another scheme: it would be ignored beside a session, and
/// an app with `forward_authorization` could accept it.
#[tokio::test]
async fn h02_a_malformed_bearer_token_never_falls_back_to_the_session() {
    for version in Version::ALL {
        let edit = |policy: &mut serde_json::Value| {
            policy["apps"][0]["forward_authorization"] = json!(true);
        };
        let mut gateway = SessionGateway::with(edit, |builder| builder.version(version))
            .await
            .explained();
        let good = gateway.valid_token(&TestSession::new("ann"));
        let values: [&[u8]; 18] = [
            b"Bearer",
            b"Bearer ",
            b"Bearer\tX",
            b"bearer\t",
            b"Bearer \tX",
            b"BEARER:X",
            b"Bearer,X",
            b"Bearer=X",
            b"Bearer;X",
            b"Bearer/X",
            b"Bearer\"X\"",
            b"Bearer(X)",
            b"Bearer@X",
            b"Bearer\xa0X",
            b"Bearer\x85X",
            b"Bearer\xc2\xa0X",
            b"Bearer\xe2\x80\x83X",
            b"bEaReR\xffX",
        ];
        for value in values {
            let call = with_session(&good).header("authorization", value);
            let what = String::from_utf8_lossy(value).into_owned();
            gateway
                .assert_refused(&what, call, 400, "authorization-malformed")
                .await;
        }
        for value in ["Basic YTpi", "Bearerx y", "Token x"] {
            let call = with_session(&good).header("authorization", value);
            let (_, seen) = gateway.assert_allowed_with_response(value, call).await;
            assert_eq!(header_values(&seen, "x-auth-request-user"), ["ann"]);
        }
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn c04_cookies_set_by_another_host_neither_lock_out_nor_grant_access() {
    let mut gateway = SessionGateway::start().await.explained();
    let (ann, eve) = (TestSession::new("ann"), TestSession::new("eve"));
    let good = gateway.valid_token(&ann);
    let with = |cookies: String| Call::get(HOST, "/api").header("cookie", cookies);
    for (what, cookies) in [
        ("invalid cookie first", format!("{TOKEN}=x; {TOKEN}={good}")),
        (
            "invalid cookie last",
            format!("{TOKEN}={good}; {TOKEN}=x; {TOKEN}.0=y; {TOKEN}.1=z"),
        ),
        (
            "expired token",
            format!("{TOKEN}={}; {TOKEN}={good}", gateway.expired_token(&eve)),
        ),
        (
            "duplicate",
            format!("{TOKEN}={good}; {TOKEN}={}", gateway.valid_token(&ann)),
        ),
    ] {
        let (_, seen) = gateway
            .assert_allowed_with_response(what, with(cookies))
            .await;
        assert_eq!(
            header_values(&seen, "x-portcullis-caller"),
            ["sso/ann"],
            "{what}"
        );
    }
    let two = format!("{TOKEN}={good}; {TOKEN}={}", gateway.valid_token(&eve));
    gateway
        .assert_refused("two sessions", with(two), 401, "no-credentials")
        .await;

    // A long token is split into chunks (C03).
    let groups: Vec<String> = (0..300).map(|number| format!("group-{number}")).collect();
    let mut groups = json!(groups);
    groups.as_array_mut().unwrap().push(json!("sre"));
    let long = ann.token().claim("groups", groups).sign(&gateway.key);
    let (first, second) = long.split_at(4000);
    assert!(second.len() < 4000, "two chunks");
    let chunks = format!("{TOKEN}.1={second}; {TOKEN}.0={first}");
    gateway
        .assert_allowed_with_response("in chunks", with(chunks))
        .await;
    for (what, cookies, reason) in [
        (
            "chunk missing",
            format!("{TOKEN}.0={first}"),
            "no-credentials",
        ),
        (
            "another order",
            format!("{TOKEN}.0={second}; {TOKEN}.1={first}"),
            "no-credentials",
        ),
        (
            "last chunk damaged",
            format!("{TOKEN}.0={first}; {TOKEN}.1={}", &second[1..]),
            "token-malformed",
        ),
    ] {
        gateway
            .assert_refused(what, with(cookies), 401, reason)
            .await;
    }
    gateway.assert_clean().await;
}
