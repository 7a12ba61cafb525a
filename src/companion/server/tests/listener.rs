//! Sockets.

use std::os::unix::fs::PermissionsExt as _;

use portcullis_tests::lab::folder;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::config::{Listen, limits};
use crate::server::Listener;

use super::fixture::*;

#[tokio::test]
async fn handlers_get_the_peer() {
    let server = TestServer::start(&loopback(), limits()).await;
    let mut stream = server.connect().await;
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("a listener");
    let own = stream.local_addr().expect("an address").to_string();
    assert!(receive(&mut stream).await.ends_with(&own));
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_and_is_removed() {
    let path = folder::fresh("socket").join("companion");
    let mode = 0o600;
    let listen = Listen::Unix {
        path: path.clone(),
        mode,
    };
    let first = TestServer::start(&listen, limits()).await;
    let bits = std::fs::metadata(&path)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(bits & 0o777, mode);
    let mut stream = UnixStream::connect(&path).await.expect("a listener");
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("a listener");
    assert!(receive(&mut stream).await.ends_with("unix"));

    let received = Listener::bind(&listen)
        .await
        .expect_err("in use")
        .to_string();
    assert!(
        received.contains("can't listen: ")
            && received.contains("stop the process that listens there"),
        "{received}"
    );

    first.shutdown.start();
    first.task.await.expect("no panic");
    assert!(!path.exists());

    // What has replaced the socket meanwhile is kept.
    let replaced = TestServer::start(&listen, limits()).await;
    std::fs::remove_file(&path).expect("a socket");
    let next = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    replaced.shutdown.start();
    replaced.task.await.expect("no panic");
    assert!(path.exists());
    // A full queue does not mean that nobody listens.
    next.set_nonblocking(true).expect("a socket");
    let mut clients = Vec::new();
    while let Ok(client) = UnixStream::connect(&path).await {
        clients.push(client);
    }
    Listener::bind(&listen).await.expect_err("in use");
    assert!(path.exists());
    drop((next, clients));
    std::fs::remove_file(&path).expect("a socket");

    // The socket of a killed companion is replaced.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    let second = TestServer::start(&listen, limits()).await;
    second.shutdown.start();
    second.task.await.expect("no panic");

    std::fs::write(&path, "other data").expect("a file");
    let received = Listener::bind(&listen)
        .await
        .expect_err("a file")
        .to_string();
    assert!(
        received.contains("the path exists and is not a socket")
            && received.contains(&*path.to_string_lossy())
            && received.contains("help: remove it if nothing needs it"),
        "{received}"
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("the file"),
        "other data"
    );
}

#[tokio::test]
async fn an_unavailable_address_is_an_error_with_help() {
    let server = TestServer::start(&loopback(), limits()).await;
    for (address, help) in [
        (&*server.address, "use another address"),
        ("192.0.2.1:4180", "an address of this machine"),
    ] {
        let listen = Listen::Tcp(address.parse().expect("an address"));
        let received = Listener::bind(&listen)
            .await
            .expect_err(address)
            .to_string();
        assert!(
            received.starts_with(&format!("error: {address}: can't listen: ")),
            "{received}"
        );
        assert!(received.contains(help), "{received}");
    }
}
