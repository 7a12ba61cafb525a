//! What is forwarded of a request, and what is not.

use portcullis_tests::lab::{App, Call};

use super::fixture::{Attach, file, refusal, token};
use super::target::Target;
use hyper::Version;

const CREDENTIALS: [(&str, &str); 8] = [
    ("Authorization", "Bearer of-the-client"),
    ("Cookie", "session=client"),
    ("Proxy-Authorization", "Basic Y2xpZW50"),
    ("Connection", "keep-alive, X-Hop"),
    ("X-Hop", "1"),
    ("Keep-Alive", "timeout=5"),
    ("TE", "gzip"),
    ("X-Client", "kept"),
];

fn with_credentials(mut call: Call) -> Call {
    for (name, value) in CREDENTIALS {
        call = call.header(name, value);
    }
    call
}

#[tokio::test]
async fn the_target_gets_the_token_and_its_own_host() {
    let (target, own) = (Target::start().await, token(600));
    let url = format!("{}/prefix/", target.url());
    let ca = target.authority.file().to_str().unwrap();
    let attach = Attach::start(&url, &file(format!("{own}\n")), &["--ca-file", ca]).await;
    let call = with_credentials(Call::get("127.0.0.1:9093", "/api/v2/alerts?filter=a%2Fb&x"));
    assert_eq!(attach.send(&call).await.status, 200);
    let received = target.last();
    assert_eq!(received.uri, "/prefix/api/v2/alerts?filter=a%2Fb&x");
    assert_eq!(received.values("authorization"), [format!("Bearer {own}")]);
    assert_eq!(received.values("host"), [target.address.to_string()]);
    assert_eq!(received.values("x-client"), ["kept"]);
    for name in [
        "cookie",
        "proxy-authorization",
        "x-hop",
        "keep-alive",
        "te",
        "connection",
    ] {
        assert!(received.values(name).is_empty(), "{name}: {received:?}");
    }
    let metrics = attach.metrics().await;
    let listen = attach.address;
    let counted =
        format!("requests_total{{target=\"{url}\",listen=\"{listen}\",outcome=\"forwarded\"}} 1\n");
    let counted = counted.replace("/prefix/\"", "/prefix\"");
    assert!(metrics.contains(&counted), "{metrics}");
}

#[tokio::test]
async fn credentials_of_the_client_are_kept_where_that_is_configured() {
    let (target, own) = (Target::start().await, token(600));
    let more = [
        "--keep-header",
        "Cookie",
        "--keep-header",
        "proxy-authorization",
    ];
    let attach = Attach::to(&target, &file(&own), &more).await;
    let call = with_credentials(Call::post("127.0.0.1", "/"));
    assert_eq!(attach.send(&call).await.status, 200);
    let received = target.last();
    assert_eq!(received.values("cookie"), ["session=client"]);
    assert_eq!(received.values("proxy-authorization"), ["Basic Y2xpZW50"]);
    assert_eq!(received.values("authorization"), [format!("Bearer {own}")]);
}

#[tokio::test]
async fn http_2_is_spoken_on_both_sides() {
    let (target, own) = (Target::with_http2().await, token(600));
    let attach = Attach::to(&target, &file(&own), &[]).await;
    let call = with_credentials(Call::get("127.0.0.1", "/")).header("te", "trailers");
    let call = Call::get("127.0.0.1", "/")
        .header("cookie", "a=1")
        .header("te", "trailers")
        .header("authorization", call.host());
    let response = call.send_h2(attach.address).await;
    assert_eq!((response.status, &*response.text()), (200, "ok"));
    let received = target.last();
    assert_eq!(received.version, Version::HTTP_2);
    assert_eq!(received.values("authorization"), [format!("Bearer {own}")]);
    assert_eq!(received.values("te"), ["trailers"]);
    assert!(received.values("cookie").is_empty());
    // A client with HTTP/1.1 too.
    let response = attach
        .send(&with_credentials(Call::get("127.0.0.1", "/")))
        .await;
    assert_eq!(response.status, 200);
    assert_eq!(target.last().version, Version::HTTP_2);
    // A client with HTTP/2 and a target without.
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(&own), &[]).await;
    let response = Call::get("127.0.0.1", "/").send_h2(attach.address).await;
    assert_eq!(
        (response.status, target.last().version),
        (200, Version::HTTP_11)
    );
}

/// The response to TRACE has the request, and so the token.
#[tokio::test]
async fn trace_and_connect_are_not_forwarded() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    for call in [
        Call::new("TRACE", "127.0.0.1", "/"),
        Call::new("CONNECT", "127.0.0.1:443", "127.0.0.1:443"),
    ] {
        let response = attach.send(&call).await;
        assert_eq!(response.status, 405, "{}", call.method());
        assert_eq!(refusal(&response).0, "method-not-forwarded");
    }
    let response = attach.send(&Call::new("OPTIONS", "127.0.0.1", "*")).await;
    assert_eq!(
        (response.status, &*refusal(&response).0),
        (400, "path-invalid")
    );
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn the_target_is_the_same_whatever_host_the_client_names() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    for (host, path) in [
        ("other.localhost", "/a"),
        ("127.0.0.1", "http://other.localhost/a"),
        ("127.0.0.1", "https://127.0.0.7:8443/a"),
    ] {
        let response = attach.send(&Call::get(host, path)).await;
        assert_eq!(response.status, 200, "{host} {path}");
        let received = target.last();
        assert_eq!(received.uri, "/a");
        assert_eq!(received.values("host"), [target.address.to_string()]);
    }
}

#[tokio::test]
async fn a_redirect_is_passed_on_and_not_followed() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    let response = attach.get("/redirect").await;
    assert_eq!(response.status, 302);
    let location = response.header("location");
    assert_eq!(location.as_deref(), Some("https://other.example.com/login"));
    assert_eq!(target.requests().len(), 1);
}

#[tokio::test]
async fn a_target_on_this_machine_needs_no_tls() {
    let (app, own) = (App::start("grafana").await, token(600));
    let url = format!("http://{}", app.address());
    let attach = Attach::start(&url, &file(&own), &[]).await;
    assert_eq!(attach.get("/api").await.status, 200);
    let received = app.requests().pop().unwrap().to_string();
    assert!(received.contains(&format!("Bearer {own}")));
}
