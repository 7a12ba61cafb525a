//! `portcullis attach` between a client that reads its configuration once and two Alertmanagers behind a gate, while
//! the kubelet rotates the token.

use std::fs;
use std::process::Command;
use std::time::Duration;

use portcullis_tests::lab::fixture::AUDIENCE;
use portcullis_tests::lab::karma::{Karma, Upstream};
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{
    Alertmanager, Authority, Call, Gateway, Issuer, ProjectedToken, SigningKey, Token, folder,
    port, tools, wait,
};
use serde_json::json;

const HOSTS: [&str; 2] = [
    "alertmanager-blue.example.com",
    "alertmanager-green.example.com",
];

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// How long a token is valid, in seconds. The gate accepts none for longer: its leeway is 0.
const LIFETIME: i64 = 2;

/// How many lifetimes of its token the client is watched.
const LIFETIMES: i64 = 10;

/// How often the client polls.
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn no_poll_fails_in_ten_lifetimes_of_the_token_where_a_copied_token_does() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let alertmanagers = [Alertmanager::start().await, Alertmanager::start().await];
    let app = |host: &str| {
        json!({
            "name": host.split('.').next(),
            "hosts": [host],
            "rules": [{
                "name": "karma-reads",
                "methods": ["GET", "HEAD"],
                "paths": ["/api/v2/**", "/metrics"],
                "allow": [{"service_account": "blue/monitoring/karma"}],
            }],
        })
    };
    let policy = json!({
        "trust": [{
            "name": "blue",
            "kind": "kubernetes",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "leeway": "0s",
            "keys": {"envoy_cluster": "blue"},
        }],
        "apps": HOSTS.map(app),
    });
    let mut gate = Gateway::with(policy)
        .issuer("blue", &issuer, &authority)
        .tls(&authority, &["*.example.com"]);
    for (host, app) in HOSTS.iter().zip(&alertmanagers) {
        gate = gate.app(host, app.address());
    }
    let gate = gate.start().await;

    let token = |seconds: i64| {
        let karma = Token::service_account(ISSUER, AUDIENCE, "monitoring", "karma");
        karma.expires_in(seconds).sign(&key)
    };
    let folder = folder::fresh("attach");
    let copied = token(LIFETIME);
    let mut volume = ProjectedToken::create(&folder.join("token"), &copied);
    let listeners = [port::free(), port::free()];
    let forwards = HOSTS.iter().zip(listeners).map(|(host, address)| {
        json!({"listen": address, "to": format!("https://{host}"), "connect": gate.address()})
    });
    let config = json!({
        "token_file": volume.path(),
        "ca_file": authority.file(),
        "forwards": forwards.collect::<Vec<_>>(),
    });
    let file = folder.join("attach.yaml");
    fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new(tools::companion());
    command.args(["attach", "--config"]).arg(&file);
    let mut attach = Process::start("attach", &folder, command);
    attach
        .ready(async || {
            let call = Call::get("127.0.0.1", "/metrics");
            call.try_send(listeners[0]).await.is_ok()
        })
        .await;

    let clients = listeners.map(|address| Upstream::new(&address.to_string(), address));
    let copying = HOSTS.map(|host| {
        Upstream::new(host, gate.address())
            .tls(authority.trust())
            .authorization(&format!("Bearer {copied}"))
    });
    // The kubelet rotates a token when most of its lifetime has passed: here, with one second left.
    let rotate = async |volume: &mut ProjectedToken| {
        let before = now();
        wait::until_true("the next second", wait::LONG, async || now() > before).await;
        volume.rotate(&token(LIFETIME));
    };
    rotate(&mut volume).await;
    wait::until_true("a token", wait::LONG, async || {
        let call = Call::get("127.0.0.1", "/metrics");
        call.send(listeners[0]).await.status == 200
    })
    .await;
    let karma = Karma::start(clients.to_vec(), PAUSE);
    let copying = Karma::start(copying.to_vec(), PAUSE);
    for _ in 0..LIFETIMES * LIFETIME {
        rotate(&mut volume).await;
    }
    karma.polled(1).await;
    let polls = karma.polls();
    assert_eq!(polls.failures, [""; 0], "of {} polls", polls.complete);
    assert!(polls.complete > 50, "{polls:?}");
    let polls = copying.polls();
    let expired = |failure: &String| failure.ends_with(": 401 expired");
    assert!(polls.failures.iter().all(expired), "{:?}", polls.failures);
    assert!(polls.failures.len() > 50, "{polls:?}");
    assert_eq!(attach.ended(), None);
}
