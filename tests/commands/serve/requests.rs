//! Unauthenticated requests, and what they must not cause.

use portcullis_tests::lab::{Call, Reply};

use crate::serve::fixture::Companion;

const LOGOUT: &str = "/oauth2/backchannel-logout";
const FORM: &str = "application/x-www-form-urlencoded";

async fn send(companion: &Companion, call: Call) -> Reply {
    call.send(companion.files.address).await
}

fn post(kind: &str, body: impl Into<Vec<u8>>) -> Call {
    Call::new("POST", "auth.example.com", LOGOUT)
        .header("content-type", kind)
        .body(body)
}

#[tokio::test]
async fn b01_a_logout_request_is_a_post_with_exactly_one_logout_token() {
    let companion = Companion::up(&[]).await;
    for method in ["GET", "PUT", "DELETE"] {
        let reply = send(&companion, Call::new(method, "auth.example.com", LOGOUT)).await;
        assert_eq!(reply.status, 405, "{method}");
    }
    let token = "logout_token=a.b.c";
    for (what, call) in [
        ("nothing", post(FORM, "")),
        ("two", post(FORM, format!("{token}&{token}"))),
        ("another field", post(FORM, "token=a.b.c")),
        (
            "JSON",
            post("application/json", r#"{"logout_token":"a.b.c"}"#),
        ),
        ("text", post("text/plain", token)),
        ("no token", post(FORM, token)),
    ] {
        let reply = send(&companion, call).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        assert_eq!(reply.json()["error"], "invalid_request", "{what}");
        assert_eq!(
            reply.header("cache-control").as_deref(),
            Some("no-store"),
            "{what}"
        );
    }
    let big = format!("logout_token={}", "x".repeat(1 << 20));
    let reply = post(FORM, big).try_send(companion.files.address).await;
    // It may get the response, or the connection may be closed while it still sends.
    assert!(reply.is_err() || matches!(reply.unwrap().status, 400 | 413));
    assert_eq!(companion.get("/ping").await.status, 200);
}

#[tokio::test]
async fn l02_an_unknown_state_after_logout_is_tolerated_without_a_redirect() {
    let companion = Companion::up(&[]).await;
    for query in [
        "?state=unknown",
        "?state=https://evil.example/",
        "?state=",
        "?state=a&state=b",
        "?state=a&rd=https://evil.example/",
        "?rd=//evil.example/",
        "",
    ] {
        let reply = companion.get(&format!("/oauth2/sign_out{query}")).await;
        assert_eq!(reply.status, 200, "{query}");
        assert_eq!(reply.all("location"), Vec::<String>::new(), "{query}");
        assert!(reply.text().contains("signed out"), "{query}");
        assert!(!reply.text().contains("evil"), "{query}");
    }
}
