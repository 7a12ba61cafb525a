//! The companion as a process.

use portcullis_tests::lab::companion::Settings;
use portcullis_tests::lab::{Authority, Call, Companion};
use serde_json::{Value, json};

const URL: &str = "https://auth.example.com";

fn policy() -> Value {
    json!({
        "sso": {"url": URL, "envoy_cluster": "portcullis"},
        "apps": [{
            "name": "app",
            "hosts": ["app.example.com"],
            "rules": [{"name": "users", "allow": [{"from": "sso", "anyone": true}]}],
        }],
    })
}

/// A companion whose provider is unreachable, which does not prevent its start.
fn companion() -> Settings {
    let provider = json!({
        "issuer": "https://localhost:1",
        "client_id": "portcullis",
        "client_secret": "s3cret",
    });
    let configuration = json!({
        "url": URL,
        "providers": [provider],
        "session": {"cookie": {"domain": "example.com"}},
    });
    Companion::with(configuration, &policy())
}

#[tokio::test]
async fn a_companion_stops_and_restarts() {
    let mut companion = companion().start().await;
    let ping = Call::get("auth.example.com", "/ping");
    assert_eq!(companion.call(ping.clone()).await.status, 200);
    let metrics = Call::get("localhost", "/metrics");
    assert_eq!(metrics.send(companion.metrics()).await.status, 200);
    companion.kill();
    assert!(companion.try_call(ping.clone()).await.is_err());
    companion.restart().await;
    assert_eq!(companion.call(ping).await.status, 200);
    assert!(companion.stop().await.success(), "{}", companion.log());
}

#[tokio::test]
async fn a_companion_terminates_tls_itself() {
    let settings = companion().tls(&Authority::new(), "auth.example.com");
    let companion = settings.start().await;
    let ping = Call::get("auth.example.com", "/ping");
    assert_eq!(companion.call(ping).await.status, 200);
}

#[tokio::test]
async fn a_companion_refuses_to_start() {
    let refused = companion().variable("RUST_LOG", "info");
    std::fs::write(refused.file("portcullis.yaml"), "apps: []").unwrap();
    let refused = refused.refuse().await;
    assert!(!refused.status.success());
    assert!(refused.log.contains("apps"), "{}", refused.log);
}
