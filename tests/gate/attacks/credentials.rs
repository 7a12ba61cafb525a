//! Credentials that are invalid because of how they are presented, or because there is more than
//! one.

use portcullis_tests::lab::fixture::{HOST, get_alerts};
use portcullis_tests::lab::{Call, Connection, TestGateway, secrets, wait};

fn get() -> Call {
    Call::get(HOST, "/api/v2/alerts")
}

#[tokio::test]
async fn h02_more_than_one_credential_is_refused() {
    let gateway = TestGateway::start(|_| ()).await.explained();
    let good = gateway.token();
    let bearer = format!("Bearer {good}");
    for others in [
        vec![bearer.clone(), bearer.clone()],
        vec!["Bearer x".to_owned(), bearer.clone()],
        vec![bearer.clone(), "Bearer x".to_owned()],
        vec!["Basic YTpi".to_owned(), bearer.clone()],
        vec![bearer.clone(), "Basic YTpi".to_owned()],
        vec![format!("{bearer}, {bearer}")],
        vec![format!("{bearer},{bearer}")],
        vec![format!("Bearer x, {bearer}")],
        vec![format!("Basic YTpi, {bearer}")],
        vec![format!("Digest a=\"b\",{bearer}")],
        vec![format!("{bearer}, Basic YTpi")],
        vec![format!("{bearer},")],
    ] {
        let what = others.join(" | ").replace(&good, "<token>");
        let call = others
            .iter()
            .fold(get(), |call, value| call.header("Authorization", value));
        gateway
            .assert_refused(&what, call, 400, "authorization-ambiguous")
            .await;
    }
    // A name in another case is the same header.
    let call = get()
        .header("authorization", &bearer)
        .header("AUTHORIZATION", "Bearer x");
    gateway
        .assert_refused(
            "one name in two cases",
            call,
            400,
            "authorization-ambiguous",
        )
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h02_a_bearer_token_is_accepted_in_authorization_only() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let good = gateway.token();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer   "] {
        let call = get().header("authorization", format!("{scheme} {good}"));
        gateway.assert_allowed(scheme, call).await;
    }
    let form = "application/x-www-form-urlencoded";
    let bearer = format!("Bearer {good}");
    for (what, call) in [
        ("no credentials", get()),
        (
            "in a form",
            Call::post(HOST, "/")
                .header("content-type", form)
                .body(format!("access_token={good}")),
        ),
        (
            "in a cookie",
            get().header("cookie", format!("token={good}")),
        ),
        (
            "in proxy-authorization",
            get().header("proxy-authorization", &bearer),
        ),
        (
            "as forwarded",
            get().header("x-forwarded-access-token", &good),
        ),
        (
            "as forwarded",
            get().header("x-forwarded-authorization", &bearer),
        ),
        ("similar name", get().header("x-authorization", &bearer)),
        (
            "as Basic",
            get().header("authorization", format!("Basic {good}")),
        ),
        (
            "as Token",
            get().header("authorization", format!("Token {good}")),
        ),
        (
            "without a space",
            get().header("authorization", format!("Bearer{good}")),
        ),
        (
            "as DPoP",
            get().header("authorization", format!("DPoP {good}")),
        ),
    ] {
        gateway
            .assert_refused(what, call, 401, "no-credentials")
            .await;
    }
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer \"x\"",
        "Bearer a b",
        "Bearer ===",
        "Bearer (x)",
        "Bearer\tx",
        "bearer:x",
        "BEARER,x",
        "Bearer=x",
        "Bearer/x",
        "Bearer\"x\"",
        "Bearer;x",
        "Bearer\u{a0}x",
        "Bearer\u{85}x",
        "Bearer\u{2003}x",
    ] {
        let call = get().header("authorization", value);
        gateway
            .assert_refused(value, call, 400, "authorization-malformed")
            .await;
    }
    gateway.assert_clean().await;
}

/// Envoy's access log has the path as the client sent it; the audit record does not.
#[tokio::test]
async fn h02_j23_a_token_in_the_query_is_neither_read_nor_logged() {
    let gateway = TestGateway::start(|_| ()).await.explained();
    let token = gateway.token();
    for name in ["access_token", "authorization", "token"] {
        let call = Call::get(HOST, &format!("/in-query?{name}={token}"));
        gateway
            .assert_refused(name, call, 401, "no-credentials")
            .await;
    }
    wait::until_true("three audit records", wait::LONG, async || {
        gateway.gateway.log().matches("\"/in-query\"").count() == 3
    })
    .await;
    assert_eq!(secrets::start_of_token(&gateway.gateway.log()), None);
}

#[tokio::test]
async fn non_ascii_bytes_in_any_header_neither_grant_access_nor_break_the_filter() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let good = gateway.token();
    // One connection is one worker: a request that breaks it affects all that follow.
    let mut connection = Connection::open(gateway.gateway.address()).await.unwrap();
    for byte in 0x80..=0xff_u8 {
        let what = format!("byte {byte:#x}");
        let value = [b"x", &[byte][..], b"y"].concat();
        let with_byte = |call: Call| {
            [
                "accept",
                "content-type",
                "cookie",
                "origin",
                "access-control-request-method",
                "sec-fetch-mode",
                "user-agent",
                "x-anything",
                "x-auth-request-user",
                "x_portcullis_caller",
                "x-forwarded-for",
                "proxy-authorization",
            ]
            .into_iter()
            .fold(call, |call, name| call.header(name, &value))
        };
        let response = connection.send(&with_byte(get_alerts(&good))).await;
        assert_eq!(response.status, 200, "{what}: {}", response.text());
        gateway.count_forwarded();
        let seen = gateway.fixture.app.requests().pop().unwrap();
        let headers = seen["headers"].as_array().unwrap();
        let text: String = value.iter().map(|&byte| char::from(byte)).collect();
        let carrying: Vec<&str> = headers
            .iter()
            .filter(|header| header[1] == text.as_str())
            .filter_map(|header| header[0].as_str())
            .collect();
        assert!(carrying.contains(&"x-anything"), "{what}: {carrying:?}");
        assert!(!carrying.contains(&"x-auth-request-user"), "{what}");
        assert!(!carrying.contains(&"x_portcullis_caller"), "{what}");

        let response = connection.send(&with_byte(get())).await;
        gateway.assert_refusal(&what, response, 401, "no-credentials");
        for (value, reason) in [
            ([b"Bearer ", &value[..]].concat(), "authorization-malformed"),
            (
                [b"Bearer ", good.as_bytes(), &[byte]].concat(),
                "authorization-malformed",
            ),
            (
                [&[byte][..], b"Bearer x"].concat(),
                "authorization-malformed",
            ),
        ] {
            // Envoy closes the connection after a 400.
            let call = get().header("authorization", value);
            gateway.assert_refused(&what, call, 400, reason).await;
        }
    }
    gateway.assert_clean().await;
}
