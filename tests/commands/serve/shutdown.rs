//! Shutdown.

use portcullis_tests::lab::{Call, Connection, wait};

use crate::serve::fixture::{Companion, Files};
use crate::serve::tls::{certify, ping_over_tls, tls_flags};

#[tokio::test]
async fn sigterm_ends_it_gracefully() {
    for name in ["TERM", "INT", "QUIT"] {
        let mut companion = Companion::up(&[]).await;
        // An idle connection does not delay the shutdown.
        let mut idle = Connection::open(companion.files.address).await.unwrap();
        idle.send(&Call::get("auth.example.com", "/ping")).await;
        companion.signal(name);
        assert_eq!(companion.end().await, Some(0), "{name}");
        let lines = companion.log();
        assert_eq!(lines.last().unwrap()["message"], "stopped");
    }
}

#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let files = Files::new();
    let trust = certify(&files.folder);
    let [cert, key] = tls_flags(&files.folder);
    let long_limits = ["--limits-handshake=10m", "--limits-shutdown=10m"];
    let mut companion = files.start(&[&[&*cert, &*key], &long_limits[..]].concat());
    let address = companion.files.address;
    let ready = async || ping_over_tls(address, &trust).is_some();
    companion.process.ready(ready).await;
    // A client that never completes its request.
    let _silent = std::net::TcpStream::connect(address).unwrap();
    let is_connected = async || {
        let metrics = companion.metrics().await;
        metrics.contains("portcullis_companion_connections 1\n")
    };
    wait::until_true("the incomplete request", wait::LONG, is_connected).await;
    companion.signal("TERM");
    companion.wait_for_log("stopping").await;
    assert_eq!(companion.process.ended(), None);
    companion.signal("TERM");
    assert_eq!(companion.end().await, Some(0));
}

/// Service managers send SIGHUP to reload a program.
#[tokio::test]
async fn sighup_has_no_effect() {
    let mut companion = Companion::up(&[]).await;
    companion.signal("HUP");
    companion.wait_for_log("SIGHUP has no effect").await;
    assert_eq!(companion.process.ended(), None);
    companion.signal("TERM");
    assert_eq!(companion.end().await, Some(0));
    assert_eq!(companion.log().last().unwrap()["message"], "stopped");
}
