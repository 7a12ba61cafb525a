//! Files that are reloaded at run time.

use std::fs;

use portcullis_tests::lab::wait;

use crate::serve::fixture::{Companion, Files, POLICY};
use crate::serve::tls::{certify, ping_over_tls, tls_flags};

#[tokio::test]
async fn an_invalid_policy_edit_is_reported_and_the_old_policy_stays() {
    let companion = Companion::up(&[]).await;
    companion
        .files
        .write("portcullis.yaml", &POLICY.replace("group", "gruop"));
    companion.wait_for_log("reload failed").await;
    let lines = companion.log();
    let line = lines
        .iter()
        .find(|line| {
            let message = line["message"].as_str();
            message.is_some_and(|text| text.starts_with("reload failed"))
        })
        .unwrap();
    let report = line["error"].as_str().unwrap();
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
    companion.wait_for_log("reloaded").await;
    assert!(
        companion
            .metrics()
            .await
            .contains("file_stale{file=\"policy\"} 0\n")
    );
}

#[tokio::test]
async fn it_terminates_tls_and_reloads_the_certificate() {
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

    let new_trust = certify(&companion.files.folder);
    let is_used = async || ping_over_tls(address, &new_trust).is_some();
    wait::until_true("the new certificate", wait::LONG, is_used).await;
    assert!(ping_over_tls(address, &trust).is_none());

    fs::write(companion.files.folder.join("key.pem"), "no key").unwrap();
    companion.wait_for_log("has no PEM private key").await;
    assert!(ping_over_tls(address, &new_trust).is_some());
}
