//! What it keeps up with while it runs.

use std::fs;

use portcullis_tests::lab::wait;

use crate::serve::scene::{Companion, Files, POLICY};
use crate::serve::tls::{certify, ping_over_tls, tls_flags};

#[tokio::test]
async fn a_bad_edit_of_the_policy_keeps_what_worked_and_is_seen() {
    let companion = Companion::up(&[]).await;
    companion
        .files
        .write("portcullis.yaml", &POLICY.replace("group", "gruop"));
    companion.has_said("reload failed").await;
    let lines = companion.log();
    let line = lines
        .iter()
        .find(|line| line["report"].is_string())
        .unwrap();
    let report = line["report"].as_str().unwrap();
    assert!(
        report.contains("portcullis.yaml:7:29: apps[0].rules[0].allow[0].gruop"),
        "{report}"
    );
    assert!(report.ends_with("help: did you mean `group`?"), "{report}");
    let metrics = companion.metrics().await;
    assert!(metrics.contains("reloads_total{file=\"policy\",outcome=\"failed\"} 1\n"));
    assert!(metrics.contains("file_stale{file=\"policy\"} 1\n"));
    assert_eq!(companion.get("/ping").await.status, 200);

    companion
        .files
        .write("portcullis.yaml", &POLICY.replace("sre", "ops"));
    companion.has_said("reloaded").await;
    assert!(
        companion
            .metrics()
            .await
            .contains("file_stale{file=\"policy\"} 0\n")
    );
}

#[tokio::test]
async fn it_speaks_tls_and_takes_a_new_certificate_when_there_is_one() {
    let files = Files::new();
    let trust = certify(&files.folder);
    let [cert, key] = tls_flags(&files.folder);
    let mut companion = files.start(&[&cert, &key]);
    let address = companion.files.address;
    let ready = async || ping_over_tls(address, &trust).is_some();
    companion.process.ready(ready).await;
    assert!(
        ping_over_tls(address, &trust)
            .unwrap()
            .starts_with("HTTP/1.1 200 OK")
    );

    let renewed = certify(&companion.files.folder);
    let taken = async || ping_over_tls(address, &renewed).is_some();
    wait::until_true("the new certificate", wait::LONG, taken).await;
    assert!(ping_over_tls(address, &trust).is_none());

    fs::write(companion.files.folder.join("key.pem"), "no key").unwrap();
    companion.has_said("has no PEM private key").await;
    assert!(ping_over_tls(address, &renewed).is_some());
}
