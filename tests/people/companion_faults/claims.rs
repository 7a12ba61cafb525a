//! Claims with characters that an app or a page could interpret.

use portcullis_tests::lab::Call;
use serde_json::{Value, json};

use crate::companion_faults::actions::{alerts, at_provider, cookie_header, userinfo};
use crate::companion_faults::deployment::{AUTH, HOST, Settings, URL};

#[tokio::test]
async fn h07_each_claim_reaches_apps_as_one_encoded_value() {
    let settings = Settings::single().with("trusted_proxies", json!(["127.0.0.1"]));
    let deployment = settings.start().await;
    let name = "mal lory/\u{fc},%";
    let groups = json!([
        "sre",
        "one,two",
        "three\r\nx-evil: 1",
        "\u{e9}\u{ff}\u{20ac}\u{80}",
        "nul\u{0}",
        "100%2C",
    ]);
    deployment
        .provider
        .set_account(
            name,
            json!({
                "email": "mal\r\nx-evil: 1@example.com",
                "email_verified": true,
                "groups": groups,
                "preferred_username": "<b>mal</b>\r\nset-cookie: evil=1",
            }),
        )
        .await;
    let mut mallory = deployment.signed_in(name, 0).await;
    assert_eq!(alerts(&mut mallory).await.status, 200);
    let expected = [
        ("x-auth-request-user", "mal%20lory%2F%C3%BC,%25"),
        (
            "x-auth-request-groups",
            "sre,one%2Ctwo,three%0D%0Ax-evil:%201,%C3%A9%C3%BF%E2%82%AC%C2%80,nul%00,100%252C",
        ),
        ("x-auth-request-email", "mal%0D%0Ax-evil:%201@example.com"),
        (
            "x-auth-request-preferred-username",
            "<b>mal</b>%0D%0Aset-cookie:%20evil=1",
        ),
        ("x-portcullis-caller", "sso/mal%20lory%2F%C3%BC,%25"),
    ];

    let seen = deployment.app.requests().pop().unwrap();
    let headers: Vec<(&str, &str)> = seen["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(pair)
        .collect();
    for (name, value) in expected {
        let values: Vec<&str> = headers
            .iter()
            .filter(|h| h.0 == name)
            .map(|h| h.1)
            .collect();
        assert_eq!(values, [value], "{name}");
    }
    assert!(
        !headers.iter().any(|(name, _)| *name == "x-evil"),
        "{headers:?}"
    );
    let visible = |value: &str| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    assert!(
        headers.iter().all(|(_, value)| visible(value)),
        "{headers:?}"
    );

    // Other proxies get the same values.
    let call = Call::get(AUTH, "/oauth2/auth")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", HOST)
        .header("x-forwarded-uri", "/api/v2/alerts")
        .header("cookie", cookie_header(&mallory));
    let response = deployment.replicas[0].companion.call(call).await;
    assert_eq!(response.status, 202, "{}", response.text());
    for (name, value) in expected {
        assert_eq!(response.all(name), [value], "{name}");
    }
    assert_eq!(
        (response.header("x-evil"), response.header("set-cookie")),
        (None, None)
    );

    // Userinfo has the claims unchanged, and a page shows them as text.
    let info = userinfo(&mut mallory).await.json();
    assert_eq!((&info["user"], &info["groups"]), (&json!(name), &groups));
    mallory.visit(&format!("{URL}/oauth2/sign_in")).await;
    at_provider(&mut mallory, name).await;
    let page = mallory.page();
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    assert!(!page.text().contains("<b>mal"), "{}", page.text());
}

/// A header that the app received.
fn pair(header: &Value) -> (&str, &str) {
    let text = |at: usize| header[at].as_str().expect("text");
    (text(0), text(1))
}
