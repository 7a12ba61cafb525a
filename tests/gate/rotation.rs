//! Keys are rotated while tokens are in use, without a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_tests::lab::fixture::{Cluster, HOST, get_alerts};
use portcullis_tests::lab::token::assemble;
use portcullis_tests::lab::{
    Call, ClientPool, Endpoint, Fixture, Gateway, ServerResponse, SigningKey, Version, wait,
};
use serde_json::json;

/// Unknown key IDs cause at most one fetch in this time.
const FETCH_INTERVAL: Duration = Duration::from_secs(10);

/// The number of requests that may wait on one worker.
const MAX_WAITING: usize = 256;

/// Waits until the gateway has the fixture's keys for so long that an unknown key ID may cause another
/// fetch.
async fn wait_until_fetch_is_due(fixture: &Fixture, gateway: &Gateway) {
    for cluster in &fixture.clusters {
        let response = gateway.call(get_alerts(&cluster.token())).await;
        assert_eq!(response.verdict(), "200");
        let age = [("trust", cluster.name.as_str())];
        let is_due = |age| age >= FETCH_INTERVAL.as_secs_f64();
        gateway
            .metric("portcullis_key_age_seconds", &age, is_due)
            .await;
    }
}

/// A token with a key ID that does not exist.
fn unknown_kid_token(cluster: &Cluster, number: usize) -> String {
    let header = json!({"alg": "ES256", "kid": format!("unknown-{number}")});
    let claims = cluster.karma().claims().to_string();
    assemble(header.to_string().as_bytes(), claims.as_bytes(), &[7; 64])
}

#[tokio::test]
async fn k10_a_new_key_is_accepted_at_once_on_every_worker() {
    tokio::join!(
        accepts_a_new_key(Version::V1_36),
        accepts_a_new_key(Version::V1_40),
    );
}

async fn accepts_a_new_key(version: Version) {
    let fixture = Fixture::start(&["staging"]).await;
    let gateway = fixture
        .gateway(fixture.policy())
        .version(version)
        .start()
        .await;
    wait_until_fetch_is_due(&fixture, &gateway).await;
    let staging = fixture.cluster("staging");
    let fetches = staging.issuer.count(Endpoint::Keys);
    let before = fixture.app.count();

    let fresh = SigningKey::p256();
    staging.issuer.set_keys(&[&staging.key, &fresh]);
    let post = Call::post(HOST, "/api/v2/silences")
        .bearer(&staging.karma().sign(&fresh))
        .body(vec![b'x'; 100_000]);
    let clients = ClientPool::connect(gateway.address(), 32).await;
    for response in clients.send(vec![post; 32]).join_all().await {
        assert_eq!(response.verdict(), "200", "{version}");
        assert_eq!(response.json()["body_bytes"], 100_000);
    }
    assert_eq!(fixture.app.count(), before + 32);
    assert_eq!(gateway.workers_that_decided(), 2);
    assert_eq!(staging.issuer.count(Endpoint::Keys), fetches + 1);
    // The URL of the JWKS was known already.
    assert_eq!(staging.issuer.count(Endpoint::Discovery), 1);
}

#[tokio::test]
async fn t13_a_removed_key_is_dropped_after_two_refreshes() {
    let fixture = Fixture::start(&["removing", "flapping"]).await;
    let mut policy = fixture.policy();
    for index in 0..2 {
        policy["trust"][index]["keys"]["refresh"] = json!("10s");
    }
    let gateway = fixture.gateway(policy).start().await;
    let old: Vec<Call> = fixture
        .clusters
        .iter()
        .map(|c| get_alerts(&c.token()))
        .collect();
    for call in &old {
        assert_eq!(gateway.call(call.clone()).await.verdict(), "200");
    }

    let fresh = SigningKey::p256();
    for cluster in &fixture.clusters {
        cluster.issuer.set_keys(&[&fresh]);
    }
    let removed = Instant::now();
    for cluster in &fixture.clusters {
        // The second successful fetch is the one without the old key.
        let good = [("trust", cluster.name.as_str()), ("outcome", "succeeded")];
        gateway
            .metric("portcullis_key_fetches_total", &good, |fetches| {
                fetches >= 2.0
            })
            .await;
    }
    for (cluster, old) in fixture.clusters.iter().zip(&old) {
        let fresh = get_alerts(&cluster.karma().sign(&fresh));
        // A worker that did not fetch the set itself loads it on its next tick.
        wait::until_true("the new key is used", FETCH_INTERVAL, async || {
            gateway.call(fresh.clone()).await.verdict() == "200"
        })
        .await;
        assert_eq!(gateway.call(old.clone()).await.verdict(), "200");
    }

    let flapping = fixture.cluster("flapping");
    flapping.issuer.set_keys(&[&flapping.key, &fresh]);
    wait::until_true(
        "the removed key is refused",
        2 * FETCH_INTERVAL,
        async || gateway.call(old[0].clone()).await.verdict() == "401 key-unknown",
    )
    .await;
    // Two refresh intervals, the ticks that notice them, and a margin for a loaded machine.
    let took = removed.elapsed();
    assert!(
        took < 2 * FETCH_INTERVAL + Duration::from_secs(3),
        "{took:?}"
    );
    assert_eq!(gateway.call(old[1].clone()).await.verdict(), "200");
}

#[tokio::test]
async fn t06_unknown_kids_cause_one_fetch_in_ten_seconds_and_delay_no_other_request() {
    const FLOOD: usize = 10_000;
    let fixture = Fixture::start(&["staging"]).await;
    let gateway = fixture.gateway(fixture.policy()).start().await;
    wait_until_fetch_is_due(&fixture, &gateway).await;
    let staging = fixture.cluster("staging");
    let fetches = staging.issuer.count(Endpoint::Keys);
    let before = fixture.app.count();

    let bad: Arc<Vec<Call>> = Arc::new(
        (0..FLOOD)
            .map(|number| get_alerts(&unknown_kid_token(staging, number)))
            .collect(),
    );
    let sent = Arc::new(AtomicUsize::new(0));
    let next = {
        let sent = Arc::clone(&sent);
        move || bad.get(sent.fetch_add(1, Ordering::Relaxed)).cloned()
    };
    let good = get_alerts(&staging.token());
    let began = Instant::now();
    let clients = ClientPool::connect(gateway.address(), 64).await;
    let flood = tokio::spawn(clients.send_all(next));
    let mut passed = 0;
    while !flood.is_finished() {
        let start = Instant::now();
        assert_eq!(gateway.call(good.clone()).await.verdict(), "200");
        assert!(start.elapsed() < Duration::from_secs(2));
        passed += 1;
    }
    let counts = flood.await.unwrap();
    let windows = usize::try_from(began.elapsed().as_secs() / FETCH_INTERVAL.as_secs()).unwrap();
    assert_eq!(counts.get("401 key-unknown"), Some(&FLOOD), "{counts:?}");
    assert_eq!(fixture.app.count(), before + passed);
    let fetches = staging.issuer.count(Endpoint::Keys) - fetches;
    assert!(
        (1..=windows + 1).contains(&fetches),
        "{fetches} fetches in {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn waiting_requests_are_bounded_and_may_be_canceled() {
    const CLIENTS: usize = 400;
    let fixture = Fixture::start(&["staging"]).await;
    let gateway = fixture.gateway(fixture.policy()).workers(1).start().await;
    wait_until_fetch_is_due(&fixture, &gateway).await;
    let staging = fixture.cluster("staging");
    let before = fixture.app.count();

    staging
        .issuer
        .set_response(Endpoint::Keys, ServerResponse::Silence);
    let clients = ClientPool::connect(gateway.address(), CLIENTS).await;
    let calls = (0..CLIENTS).map(|number| get_alerts(&unknown_kid_token(staging, number)));
    let mut responses = clients.send(calls);
    // Requests beyond the limit get a response while the others still wait.
    for _ in MAX_WAITING..CLIENTS {
        let response = responses.join_next().await.unwrap().unwrap();
        assert_eq!(response.verdict(), "503 keys-unavailable");
    }
    let waiting = gateway.stats().await.sum("portcullis_waiting_requests");
    assert_eq!(waiting, 256.0);
    // A client that has waited before may be allowed.
    let good = get_alerts(&staging.token());
    assert_eq!(gateway.call(good.clone()).await.verdict(), "200");

    drop(responses);
    gateway
        .metric("portcullis_waiting_requests", &[], |waiting| waiting == 0.0)
        .await;
    staging.issuer.reset(Endpoint::Keys);
    let fresh = SigningKey::p256();
    staging.issuer.set_keys(&[&fresh]);
    let fresh = get_alerts(&staging.karma().sign(&fresh));
    wait::until_true("the new key is fetched", wait::LONG, async || {
        gateway.call(fresh.clone()).await.verdict() == "200"
    })
    .await;
    assert_eq!(gateway.call(good).await.verdict(), "200");
    assert_eq!(fixture.app.count(), before + 3);
    assert!(!gateway.log().contains("][critical]"));
}

#[tokio::test]
async fn t30_a_full_queue_is_released_without_harm_to_the_worker() {
    for version in Version::ALL {
        let fixture = Fixture::start(&["staging"]).await;
        let gateway = fixture
            .gateway(fixture.policy())
            .workers(1)
            .version(version);
        let gateway = gateway.start().await;
        wait_until_fetch_is_due(&fixture, &gateway).await;
        let staging = fixture.cluster("staging");
        let before = fixture.app.count();

        staging
            .issuer
            .set_response(Endpoint::Keys, ServerResponse::Silence);
        let clients = ClientPool::connect(gateway.address(), MAX_WAITING).await;
        let calls = (0..MAX_WAITING).map(|number| get_alerts(&unknown_kid_token(staging, number)));
        for response in clients.send(calls).join_all().await {
            assert_eq!(response.verdict(), "503 keys-unavailable", "{version}");
        }
        let good = gateway.call(get_alerts(&staging.token())).await.verdict();
        assert_eq!(good, "200", "{version}");
        assert_eq!(fixture.app.count(), before + 1);
        let log = gateway.log();
        assert!(!log.contains("failed: Uncaught"), "{version}");
    }
}
