//! Unauthenticated requests, and what they must not cause.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Call, Response};

use crate::serve::fixture::{Companion, Files, POLICY};

const LOGOUT: &str = "/oauth2/backchannel-logout";
const FORM: &str = "application/x-www-form-urlencoded";

async fn send(companion: &Companion, call: Call) -> Response {
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
        let response = send(&companion, Call::new(method, "auth.example.com", LOGOUT)).await;
        assert_eq!(response.status, 405, "{method}");
    }
    let token = "logout_token=a.b.c";
    for (what, call) in [
        ("an empty form", post(FORM, "")),
        ("two tokens", post(FORM, format!("{token}&{token}"))),
        ("another field", post(FORM, "token=a.b.c")),
        (
            "JSON",
            post("application/json", r#"{"logout_token":"a.b.c"}"#),
        ),
        ("plain text", post("text/plain", token)),
        ("not a JWT", post(FORM, token)),
    ] {
        let response = send(&companion, call).await;
        assert_eq!(response.status, 400, "{what}: {}", response.text());
        assert_eq!(response.json()["error"], "invalid_request", "{what}");
        assert_eq!(
            response.header("cache-control").as_deref(),
            Some("no-store"),
            "{what}"
        );
    }
    let big = format!("logout_token={}", "x".repeat(1 << 20));
    let response = post(FORM, big).try_send(companion.files.address).await;
    // The client may get a response, or the connection may be closed while it still sends.
    assert!(response.is_err() || matches!(response.unwrap().status, 400 | 413));
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
        let response = companion.get(&format!("/oauth2/sign_out{query}")).await;
        assert_eq!(response.status, 200, "{query}");
        assert_eq!(response.all("location"), Vec::<String>::new(), "{query}");
        assert!(response.text().contains("signed out"), "{query}");
        assert!(!response.text().contains("evil"), "{query}");
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_millis(10);

/// A companion with these limits on open files. It may raise the soft one to `hard`.
async fn with_open_files(soft: usize, hard: usize) -> Companion {
    let files = Files::new();
    let serve = files.command(&[]);
    let mut command = Command::new("sh");
    let limit = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    command.args(["-c", &limit]);
    command.arg(serve.get_program()).args(serve.get_args());
    let mut process = Process::start("companion", &files.folder, command);
    process.ready_at(files.address, "/ping").await;
    Companion { files, process }
}

#[tokio::test]
async fn t29_many_connections_leave_descriptors_for_files() {
    for (soft, hard) in [(128, 128), (64, 256)] {
        let companion = with_open_files(soft, hard).await;
        companion.wait_for_log("fewer connections than").await;
        let address = companion.files.address;
        // The companion does not accept all of them, and the kernel completes only a few of the others.
        let connect = |_| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok();
        let clients: Vec<TcpStream> = (0..hard).filter_map(connect).collect();
        let edited = POLICY.replace("sre", "ops");
        companion.files.write("portcullis.yaml", &edited);
        companion.wait_for_log("reloaded").await;
        drop(clients);
        assert_eq!(companion.get("/ping").await.status, 200);
        assert!(!companion.process.log().contains("Too many open files"));
    }
}
