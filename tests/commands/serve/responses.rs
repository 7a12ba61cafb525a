//! Responses and log lines.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use portcullis_tests::lab::{Call, Connection, wait};
use serde_json::Value;

use crate::serve::fixture::{Companion, Files};

#[tokio::test]
async fn it_starts_while_the_provider_is_down_and_ready_reports_it() {
    let companion = Companion::up(&[]).await;
    let is_reported = async || {
        let ready = companion.get("/ready").await;
        (ready.status, ready.text()) == (503, "missing: provider\n".to_owned())
    };
    wait::until_true("what is missing", wait::LONG, is_reported).await;
    let ping = companion.get("/ping").await;
    assert_eq!((ping.status, &*ping.text()), (200, "OK\n"));
    for path in ["/ping", "/ready"] {
        let call = Call::get("localhost", path);
        let response = call.send(companion.files.metrics).await;
        assert_eq!(response.status, companion.get(path).await.status, "{path}");
        let head = Call::new("HEAD", "auth.example.com", path);
        let head = head.send(companion.files.address).await;
        assert_eq!(
            (head.status, head.body.len()),
            (response.status, 0),
            "{path}"
        );
        assert_eq!(head.header("cache-control").as_deref(), Some("no-store"));
        let post = Call::post("auth.example.com", path);
        let post = post.send(companion.files.address).await;
        assert_eq!(post.status, 405, "{path}");
        assert_eq!(post.header("allow").as_deref(), Some("GET,HEAD"), "{path}");
    }
}

#[tokio::test]
async fn the_allowed_methods_are_those_of_the_endpoint() {
    let companion = Companion::up(&[]).await;
    for (path, allowed) in [
        ("/oauth2/start", "GET"),
        ("/oauth2/callback", "GET"),
        ("/oauth2/sign_out", "GET, POST"),
        ("/oauth2/sign_in", "GET,HEAD"),
        ("/oauth2/userinfo", "GET,HEAD"),
        ("/oauth2/refresh", "POST"),
        ("/oauth2/backchannel-logout", "POST"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            let call = Call::new(method, "auth.example.com", path);
            let response = call.send(companion.files.address).await;
            let is_allowed = allowed.split([',', ' ']).any(|one| one == method);
            assert_eq!(response.status != 405, is_allowed, "{method} {path}");
            let expected = (!is_allowed).then_some(allowed);
            assert_eq!(
                response.header("allow").as_deref(),
                expected,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_404_page_and_metrics_have_their_own_listener() {
    let companion = Companion::up(&[]).await;
    for path in [
        "/", "/metrics", "/oauth2", "/oauth2/", "//ping", "/ping/", "/PING", "/%70ing", "/ping;x",
    ] {
        let call = Call::get("auth.example.com", path).header("accept", "text/html");
        let page = call.send(companion.files.address).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().contains("<h1>Page not found</h1>"), "{path}");
        assert_eq!(page.header("x-frame-options").as_deref(), Some("DENY"));
        let opener = page.header("cross-origin-opener-policy");
        assert_eq!(opener.as_deref(), Some("same-origin"), "{path}");
    }
    let json = companion.get("/nowhere?code=hunter2").await;
    assert_eq!(
        (json.status, json.json()["error"].as_str()),
        (404, Some("not_found"))
    );
    let metrics = companion.metrics().await;
    for line in [
        concat!(
            "portcullis_companion_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
        "portcullis_companion_requests_total{endpoint=\"unknown\",status=\"404\"} 10",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn each_request_is_logged_in_one_line_without_secrets() {
    let companion = Companion::up(&[]).await;
    let call = Call::get("auth.example.com", "/nowhere?code=hunter2&state=hunter2")
        .header("cookie", "__Secure-portcullis=hunter2")
        .header("authorization", "Bearer hunter2")
        .header("referer", "https://hunter2.example.com/")
        .header("x-request-id", "from-the-proxy");
    let response = call.send(companion.files.address).await;
    let id = response.header("x-request-id").unwrap();
    companion.wait_for_log(&id).await;
    assert!(!companion.process.log().contains("hunter2"));
    let lines = companion.log();
    let request_lines: Vec<&Value> = lines.iter().filter(|line| line["id"] == *id).collect();
    let [line] = &*request_lines else {
        panic!("one line: {request_lines:?}");
    };
    assert_eq!(line["message"], "request completed");
    assert_eq!(
        (&line["method"], &line["path"]),
        (&"GET".into(), &"/nowhere".into())
    );
    assert_eq!(
        (&line["status"], &line["proxy_id"]),
        (&404.into(), &"from-the-proxy".into())
    );
    assert!(
        line["micros"].is_u64() && line["peer"].is_string(),
        "{line}"
    );
    assert!(
        !lines.iter().any(|line| line["path"] == "/ping"),
        "probes are not logged at info"
    );
}

#[tokio::test]
async fn the_log_format_can_be_text() {
    let companion = Companion::up(&["--log-format", "text"]).await;
    companion.get("/a%22b").await;
    companion.wait_for_log("path=\"/a%22b\"").await;
    assert!(companion.process.log().contains("INFO"));
}

#[tokio::test]
async fn t29_slow_clients_and_oversized_requests_are_disconnected() {
    let companion = Companion::up(&["--limits-header=1s"]).await;
    let mut slow = Connection::open(companion.files.address).await.unwrap();
    slow.write(b"GET /ping HTTP/1.1\r\nx: ").await.unwrap();
    // The server closes the connection, within the timeout of `read`.
    assert!(slow.read(1).await.is_err());
    let long = Call::get("auth.example.com", "/ping").header("x", "a".repeat(80 * 1024));
    let response = long.try_send(companion.files.address).await;
    assert!(response.is_err() || response.unwrap().status == 431);
    let body = Call::post("auth.example.com", "/nowhere").body(vec![b'a'; 80 * 1024]);
    let response = body.try_send(companion.files.address).await;
    assert!(response.is_err() || response.unwrap().status == 413);
    assert_eq!(companion.get("/ping").await.status, 200);
}

#[tokio::test]
async fn it_supports_http_2_in_clear_text() {
    let companion = Companion::up(&[]).await;
    let call = Call::get("auth.example.com", "/ping");
    assert_eq!(call.send_h2(companion.files.address).await.status, 200);
}

#[tokio::test]
async fn it_listens_on_a_unix_socket() {
    let files = Files::new();
    let socket = files.folder.join("socket");
    let listen = format!("--listen=unix:{}", socket.display());
    let mut companion = files.start(&[&listen]);
    companion.process.ready(async || socket.exists()).await;
    let mut stream = UnixStream::connect(&socket).unwrap();
    let request = b"GET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    companion.wait_for_log("\"peer\":\"unix\"").await;
    companion.signal("TERM");
    companion.end().await;
    assert!(!socket.exists());
}
