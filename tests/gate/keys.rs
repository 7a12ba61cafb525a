//! The filter fetches keys by itself and keeps them while the issuer is down.

use std::time::Duration;

use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::{
    Call, ClientPool, Endpoint, Explainer, Fixture, Gateway, Version, wait,
};
use serde_json::json;

/// Longer than the longest back-off between two fetches from an issuer that was down.
const RECOVERY: Duration = Duration::from_secs(35);

async fn verdict(gateway: &Gateway, call: &Call) -> String {
    gateway.call(call.clone()).await.verdict()
}

async fn wait_for_verdict(gateway: &Gateway, call: &Call, expected: &str, limit: Duration) {
    wait::until_true(expected, limit, async || {
        verdict(gateway, call).await == expected
    })
    .await;
}

#[tokio::test]
async fn an_issuer_that_is_down_at_start_causes_503_until_it_is_up() {
    let mut fixture = Fixture::start(&["staging", "production"]).await;
    fixture.cluster_mut("staging").issuer.down().await;
    let mut gateways = Vec::new();
    for version in Version::ALL {
        let gateway = fixture.gateway(fixture.policy()).version(version);
        gateways.push(gateway.start().await);
    }
    let call = get_alerts(&fixture.cluster("staging").token());
    let explainer = Explainer::new(&fixture.policy(), &fixture);
    for gateway in &gateways {
        let response = gateway.call(call.clone()).await;
        explainer.assert_agrees("down", &call, &response).await;
        assert_eq!(response.verdict(), "503 keys-unavailable");
        assert_eq!(response.header("retry-after").as_deref(), Some("5"));
    }
    assert_eq!(fixture.app.count(), 0);

    let others = get_alerts(&fixture.cluster("production").token());
    for gateway in &gateways {
        assert_eq!(verdict(gateway, &others).await, "200");
    }
    fixture.cluster_mut("staging").issuer.up().await;
    for gateway in &gateways {
        wait_for_verdict(gateway, &call, "200", RECOVERY).await;
    }
}

#[tokio::test]
async fn an_issuer_that_goes_down_causes_no_refusal_until_its_keys_are_stale() {
    tokio::join!(
        keeps_keys_while_issuer_is_down(Version::V1_36),
        keeps_keys_while_issuer_is_down(Version::V1_40),
    );
}

async fn keeps_keys_while_issuer_is_down(version: Version) {
    let mut fixture = Fixture::start(&["staging", "production"]).await;
    let mut policy = fixture.policy();
    policy["trust"][0]["keys"]["refresh"] = json!("10s");
    policy["trust"][0]["keys"]["max_stale"] = json!("20s");
    let gateway = fixture.gateway(policy).version(version).start().await;
    let seen_before = get_alerts(&fixture.cluster("staging").token());
    let others = get_alerts(&fixture.cluster("production").token());
    assert_eq!(verdict(&gateway, &seen_before).await, "200");
    assert_eq!(verdict(&gateway, &others).await, "200");

    fixture.cluster_mut("staging").issuer.down().await;
    let failed = [("trust", "staging"), ("outcome", "failed")];
    gateway
        .metric("portcullis_key_fetches_total", &failed, |fetches| {
            fetches >= 1.0
        })
        .await;
    // A token in the workers' caches, and one that they have never seen.
    let fresh = get_alerts(&fixture.cluster("staging").token());
    for call in [&seen_before, &fresh, &others] {
        assert_eq!(verdict(&gateway, call).await, "200");
    }

    wait_for_verdict(&gateway, &seen_before, "503 keys-stale", RECOVERY).await;
    let reached = fixture.app.count();
    let response = gateway.call(fresh).await;
    assert_eq!(response.verdict(), "503 keys-stale");
    assert!(response.header("retry-after").is_some());
    assert_eq!(fixture.app.count(), reached);
    assert_eq!(verdict(&gateway, &others).await, "200");

    fixture.cluster_mut("staging").issuer.up().await;
    wait_for_verdict(&gateway, &seen_before, "200", RECOVERY).await;
}

/// With many trust entries the workers' ticks overlap, and each worker sees leases that were taken
/// during its own tick.
#[tokio::test]
async fn all_workers_share_one_fetch_from_each_issuer() {
    let names: Vec<String> = (0..24).map(|number| format!("cluster-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for version in Version::ALL {
        let fixture = Fixture::start(&names).await;
        let gateway = fixture
            .gateway(fixture.policy())
            .workers(4)
            .version(version);
        let gateway = gateway.start().await;
        let calls = fixture
            .clusters
            .iter()
            .cycle()
            .map(|c| get_alerts(&c.token()));
        let clients = ClientPool::connect(gateway.address(), 72).await;
        for response in clients.send(calls).join_all().await {
            assert_eq!(response.verdict(), "200", "{version}");
        }
        assert_eq!(gateway.workers_that_decided(), 4);
        for cluster in &fixture.clusters {
            assert_eq!(cluster.issuer.count(Endpoint::Discovery), 1);
            assert_eq!(cluster.issuer.count(Endpoint::Keys), 1);
        }
        assert_eq!(fixture.app.count(), 72);
    }
}
