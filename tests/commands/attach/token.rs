//! The file of the token while it changes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_tests::lab::{Call, Connection, SigningKey, Token, wait};
use serde_json::json;
use tokio::task::JoinSet;

use super::fixture::{Attach, Volume, file, refusal, token};
use super::target::Target;

/// Waits until the target gets this token.
async fn until_sent(attach: &Attach, target: &Target, token: &str) {
    let expected = format!("Bearer {token}");
    wait::until_true("the new token", wait::LONG, async || {
        attach.get("/").await;
        target.last().values("authorization") == [&*expected]
    })
    .await;
}

/// Waits for a refusal, and returns its reason and its message.
async fn until_refused(attach: &Attach) -> (String, String) {
    let refused = async || {
        let response = attach.get("/").await;
        (response.status == 503).then(|| refusal(&response))
    };
    wait::until("a refusal", wait::LONG, refused).await
}

#[tokio::test]
async fn a_rotated_token_is_used_without_a_failed_request() {
    let target = Target::start().await;
    let mut tokens = vec![token(600)];
    let mut volume = Volume::with(&tokens[0]);
    let attach = Attach::to(&target, &volume.file(), &[]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let mut connection = Connection::open(attach.address).await.unwrap();
        let stop = Arc::clone(&stop);
        clients.spawn(async move {
            let (mut count, call) = (0, Call::get("127.0.0.1", "/"));
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(connection.send(&call).await.status, 200);
                count += 1;
            }
            count
        });
    }
    for _ in 0..4 {
        let next = token(600);
        volume.publish(&next);
        let expected = format!("Bearer {next}");
        wait::until_true("the new token", wait::LONG, async || {
            let last = target.requests().pop();
            last.is_some_and(|last| last.values("authorization") == [&*expected])
        })
        .await;
        tokens.push(next);
    }
    stop.store(true, Ordering::Relaxed);
    let count: usize = clients.join_all().await.iter().sum();
    let received = target.requests();
    assert_eq!(received.len(), count);
    let known: Vec<String> = tokens
        .iter()
        .map(|token| format!("Bearer {token}"))
        .collect();
    // One after the other, and nothing else.
    let mut sent: Vec<&str> = received
        .iter()
        .map(|one| one.values("authorization")[0])
        .collect();
    sent.dedup();
    assert!(
        sent.iter()
            .all(|token| known.iter().any(|known| known == token))
    );
    assert!(known.iter().all(|token| sent.contains(&&**token)));
}

#[tokio::test]
async fn a_token_that_is_rotated_while_the_target_is_away_is_sent_when_it_is_back() {
    let mut target = Target::start().await;
    let mut volume = Volume::with(&token(600));
    let attach = Attach::to(&target, &volume.file(), &[]).await;
    assert_eq!(attach.get("/").await.status, 200);
    target.stop();
    let next = token(700);
    volume.publish(&next);
    let is_down = async || attach.get("/").await.status == 502;
    wait::until_true("the end of the target", wait::LONG, is_down).await;
    let restarted = async || {
        target.restart();
        attach.get("/").await.status == 200
    };
    wait::until_true("the target", wait::LONG, restarted).await;
    until_sent(&attach, &target, &next).await;
}

#[tokio::test]
async fn an_expired_token_is_not_sent() {
    let target = Target::start().await;
    let path = file(token(2));
    let attach = Attach::to(&target, &path, &[]).await;
    assert_eq!(attach.ready().await.status, 200);
    let (reason, message) = until_refused(&attach).await;
    assert_eq!(reason, "token-expired");
    assert!(message.starts_with("the token expired at "), "{message}");
    assert!(message.contains(" GMT; it is "), "{message}");
    let ready = attach.ready().await;
    assert_eq!(ready.status, 503);
    let missing = format!(
        "missing: token for {} at {}\n",
        target.url(),
        attach.address
    );
    assert_eq!(ready.text(), missing);
    attach
        .wait_for_log("the token has expired; requests are refused")
        .await;
    let count = target.requests().len();
    attach.get("/").await;
    assert_eq!(target.requests().len(), count);
    let metrics = attach.metrics().await;
    let unusable = format!(
        "portcullis_attach_token_usable{{target=\"{}\",listen=\"{}\"}} 0\n",
        target.url(),
        attach.address
    );
    assert!(metrics.contains(&unusable), "{metrics}");
    let next = token(600);
    fs::write(&path, &next).unwrap();
    wait::until_true("a token", wait::LONG, async || {
        attach.get("/").await.status == 200
    })
    .await;
    assert_eq!(attach.ready().await.status, 200);
}

/// The connection takes longer than the token is valid.
#[tokio::test]
async fn a_token_that_expires_while_connecting_is_not_sent() {
    for target in [Target::start().await, Target::with_http2().await] {
        let attach = Attach::to(&target, &file(token(3)), &[]).await;
        target.hold_handshakes();
        let response = attach.get("/").await;
        assert_eq!(response.status, 503);
        assert_eq!(refusal(&response).0, "token-expired");
        target.release_handshakes();
        // Requests have another connection or wait for the one that is established now.
        let path = file(token(600));
        let other = Attach::to(&target, &path, &[]).await;
        assert_eq!(other.get("/other").await.status, 200);
        let paths: Vec<String> = target.requests().into_iter().map(|one| one.uri).collect();
        assert_eq!(paths, ["/other"]);
    }
}

/// A request whose response takes longer than the token is valid.
#[tokio::test]
async fn a_request_that_was_sent_in_time_is_answered_after_the_tokens_end() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(3)), &[]).await;
    let (response, ()) = tokio::join!(attach.get("/wait"), async {
        attach
            .wait_for_log("the token has expired; requests are refused")
            .await;
        target.release();
    });
    assert_eq!(response.status, 200);
}

/// Changes a file so that it has no token: the last one is sent for a while, and then none.
async fn check_without_token(reason: &str, change: impl FnOnce(&Path)) {
    let (target, path) = (Target::start().await, file(token(600)));
    let attach = Attach::to(&target, &path, &[]).await;
    change(&path);
    attach
        .wait_for_log("token file can't be used; the last token stays in use")
        .await;
    assert_eq!(attach.get("/").await.status, 200);
    let (found, message) = until_refused(&attach).await;
    assert_eq!(found, reason, "{message}");
    let metrics = attach.metrics().await;
    let counted = format!(
        "token_read_failures_total{{target=\"{}\",listen=\"{}\"}} 1\n",
        target.url(),
        attach.address
    );
    assert!(metrics.contains(&counted), "{metrics}");
    let next = token(600);
    fs::write(&path, &next).unwrap();
    let is_back = async || attach.get("/").await.status == 200;
    wait::until_true("a token", wait::LONG, is_back).await;
    until_sent(&attach, &target, &next).await;
}

#[tokio::test]
async fn a_file_that_vanishes_keeps_its_token_for_a_while() {
    check_without_token("token-unreadable", |path| fs::remove_file(path).unwrap()).await;
}

#[tokio::test]
async fn an_empty_file_keeps_its_token_for_a_while() {
    check_without_token("token-empty", |path| fs::write(path, "\n").unwrap()).await;
}

#[tokio::test]
async fn a_file_with_other_bytes_keeps_its_token_for_a_while() {
    check_without_token("token-malformed", |path| {
        fs::write(path, "a\u{1}b").unwrap();
    })
    .await;
}

/// A sign that the kubelet does not rotate it.
#[tokio::test]
async fn a_token_that_is_not_replaced_in_time_is_a_warning_once() {
    let target = Target::start().await;
    let old = Token::new(json!({"sub": "karma"})).ago(3500);
    let path = file(old.sign(&SigningKey::p256()));
    let attach = Attach::to(&target, &path, &[]).await;
    let warning = "the token expires soon and has not been replaced";
    attach.wait_for_log(warning).await;
    assert_eq!(attach.get("/").await.status, 200);
    fs::write(&path, token(600)).unwrap();
    let loaded = async || attach.process.log().matches("token loaded").count() == 2;
    wait::until_true("a new token", wait::LONG, loaded).await;
    assert_eq!(attach.process.log().matches(warning).count(), 1);
}

#[tokio::test]
async fn it_starts_without_a_token_and_takes_one_later() {
    let (target, path) = (Target::start().await, file(""));
    fs::remove_file(&path).unwrap();
    let attach = Attach::to(&target, &path, &[]).await;
    let response = attach.get("/").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after").as_deref(), Some("5"));
    let (reason, message) = refusal(&response);
    assert_eq!(reason, "token-unreadable");
    assert!(message.contains("No such file or directory"), "{message}");
    assert!(target.requests().is_empty());
    let own = token(600);
    fs::write(&path, format!("{own}\r\n")).unwrap();
    wait::until_true("a token", wait::LONG, async || {
        attach.get("/").await.status == 200
    })
    .await;
    until_sent(&attach, &target, &own).await;
}

#[tokio::test]
async fn a_token_that_is_no_jwt_is_sent_with_a_warning() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file("0paque+token/="), &[]).await;
    assert_eq!(attach.get("/").await.status, 200);
    assert_eq!(
        target.last().values("authorization"),
        ["Bearer 0paque+token/="]
    );
    attach
        .wait_for_log("the token is not a JWT with `exp`")
        .await;
    let metrics = attach.metrics().await;
    assert!(
        !metrics.contains("token_expiry_timestamp_seconds{"),
        "{metrics}"
    );
    assert!(
        metrics.contains("portcullis_attach_token_usable{"),
        "{metrics}"
    );
}

/// A token in place of the path of its file.
#[tokio::test]
async fn a_token_on_the_command_line_is_not_shown() {
    let target = Target::start().await;
    let attach = Attach::to(&target, Path::new(&token(600)), &[]).await;
    let response = attach.get("/").await;
    assert_eq!(response.status, 503);
    assert!(!response.text().contains("eyJ"));
    assert!(!attach.metrics().await.contains("eyJ"));
    assert!(!attach.process.log().contains("eyJ"));
}
