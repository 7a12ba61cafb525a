//! Start, stop, sockets, and targets that restart.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_tests::lab::{Call, Connection, folder, port, wait};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::fixture::{Attach, file, token};
use super::target::Target;

#[tokio::test]
async fn sigterm_lets_requests_in_flight_finish() {
    let target = Target::start().await;
    let mut attach = Attach::to(&target, &file(token(600)), &[]).await;
    let mut busy = Connection::open(attach.address).await.unwrap();
    let request = tokio::spawn(async move { busy.send(&Call::get("127.0.0.1", "/wait")).await });
    wait::until_true("the request", wait::LONG, async || {
        target.requests().len() == 1
    })
    .await;
    let (stopped, response) = tokio::join!(attach.process.stop(), async {
        let refused = async || Connection::open(attach.address).await.is_err();
        wait::until_true("refusals", wait::LONG, refused).await;
        target.release();
        request.await.unwrap()
    });
    assert!(stopped.success());
    assert_eq!(response.status, 200);
    assert!(attach.process.log().contains("stopped"));
}

#[tokio::test]
async fn sigterm_ends_a_websocket_after_the_limit() {
    let target = Target::start().await;
    let address = port::free();
    let config = json!({
        "token_file": file(token(600)),
        "ca_file": target.authority.file(),
        "forwards": [{"listen": address, "to": target.url()}],
        "limits": {"shutdown": "1s"},
    });
    let mut attach = Attach::configured(address, &config).await;
    let call = Call::get("127.0.0.1", "/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    let mut open = Connection::open(address).await.unwrap();
    assert_eq!(open.send(&call).await.status, 101);
    assert!(attach.process.stop().await.success());
    assert!(
        attach
            .process
            .log()
            .contains("requests in flight were aborted")
    );
    assert!(open.read(1).await.is_err());
}

#[tokio::test]
async fn a_target_that_restarts_is_found_again() {
    for mut target in [Target::start().await, Target::with_http2().await] {
        let attach = Attach::to(&target, &file(token(600)), &[]).await;
        assert_eq!(attach.get("/").await.status, 200);
        target.stop();
        let is_down = async || attach.get("/").await.status == 502;
        wait::until_true("the end of the target", wait::LONG, is_down).await;
        let restarted = async || {
            target.restart();
            attach.get("/").await.status == 200
        };
        wait::until_true("the target", wait::LONG, restarted).await;
    }
}

#[tokio::test]
async fn several_forwards_have_their_own_files() {
    let (blue, green) = (Target::start().await, Target::start().await);
    let (first, second) = (port::free(), folder::fresh("attach-socket").join("socket"));
    let (shared, own) = (token(600), token(600));
    let config = json!({
        "token_file": file(&shared),
        "ca_file": blue.authority.file(),
        "listen_mode": "0600",
        "forwards": [
            {"listen": first, "to": blue.url()},
            {
                "listen": format!("unix:{}", second.display()),
                "to": format!("{}/prefix", green.url()),
                "token_file": file(&own),
                "ca_file": green.authority.file(),
                "keep_headers": ["Cookie"],
            },
        ],
    });
    let mut attach = Attach::configured(first, &config).await;
    assert_eq!(attach.get("/a").await.status, 200);
    let mode = fs::metadata(&second).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut socket = UnixStream::connect(&second).await.unwrap();
    let request = b"GET /b HTTP/1.1\r\nhost: grafana\r\ncookie: a=1\r\nconnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let (blue, green) = (blue.last(), green.last());
    assert_eq!((&*blue.uri, &*green.uri), ("/a", "/prefix/b"));
    assert_eq!(blue.values("authorization"), [format!("Bearer {shared}")]);
    assert_eq!(green.values("authorization"), [format!("Bearer {own}")]);
    assert_eq!(green.values("cookie"), ["a=1"]);
    assert!(attach.process.stop().await.success());
    assert!(!second.exists());
}
