//! Targets whose certificate is not valid get no request.

use std::fs;

use portcullis_tests::lab::{Authority, folder, port, wait};

use super::fixture::{Attach, file, refusal, token};
use super::target::{HOST, Target};

#[tokio::test]
async fn an_unknown_ca_is_refused() {
    for target in [Target::start().await, Target::with_http2().await] {
        let other = Authority::new();
        let ca = other.file().to_str().unwrap();
        let attach = Attach::start(&target.url(), &file(token(600)), &["--ca-file", ca]).await;
        let response = attach.get("/").await;
        assert_eq!(response.status, 502);
        let (reason, message) = refusal(&response);
        assert_eq!(reason, "target-tls");
        assert!(message.contains("invalid peer certificate"), "{message}");
        assert!(target.requests().is_empty());
        let metrics = attach.metrics().await;
        assert!(metrics.contains("outcome=\"target-tls\"} 1\n"), "{metrics}");
    }
}

#[tokio::test]
async fn the_system_does_not_know_a_private_ca() {
    let target = Target::start().await;
    let attach = Attach::start(&target.url(), &file(token(600)), &[]).await;
    let (reason, message) = refusal(&attach.get("/").await);
    assert_eq!(reason, "target-tls", "{message}");
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let target = Target::with(&["other.example.com"], &["http/1.1"]).await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    let (reason, message) = refusal(&attach.get("/").await);
    assert_eq!(reason, "target-tls");
    assert!(message.contains("not valid for name"), "{message}");
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_new_ca_file_is_used_without_a_restart() {
    let target = Target::start().await;
    let ca = folder::fresh("attach-ca").join("ca.pem");
    fs::copy(Authority::new().file(), &ca).unwrap();
    let more = ["--ca-file", ca.to_str().unwrap()];
    let attach = Attach::start(&target.url(), &file(token(600)), &more).await;
    assert_eq!(attach.get("/").await.status, 502);
    fs::copy(target.authority.file(), &ca).unwrap();
    let is_trusted = async || attach.get("/").await.status == 200;
    wait::until_true("the new CA", wait::LONG, is_trusted).await;
}

#[tokio::test]
async fn an_unreachable_target_is_named_by_its_error() {
    let url = format!("https://{HOST}:{}", port::free().port());
    let attach = Attach::start(&url, &file(token(600)), &[]).await;
    let response = attach.get("/").await;
    assert_eq!(response.status, 502);
    let (reason, message) = refusal(&response);
    assert_eq!(reason, "target-unreachable");
    assert!(message.contains("Connection refused"), "{message}");
}
