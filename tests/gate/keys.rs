//! Keys reach the gate by themselves, and outlive the issuer's bad days.

use std::time::Duration;

use portcullis_tests::lab::scene::poll;
use portcullis_tests::lab::{Call, Crowd, Endpoint, Gateway, Scene, Version, wait};
use serde_json::json;

/// Longer than the longest pause between two reads of an issuer that was down.
const RECOVERY: Duration = Duration::from_secs(35);

async fn verdict(gateway: &Gateway, call: &Call) -> String {
    gateway.call(call.clone()).await.verdict()
}

async fn becomes(gateway: &Gateway, call: &Call, expected: &str, limit: Duration) {
    wait::until_true(expected, limit, async || {
        verdict(gateway, call).await == expected
    })
    .await;
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_costs_503_until_it_is_up() {
    let mut scene = Scene::start(&["staging", "production"]).await;
    scene.cluster_mut("staging").issuer.down().await;
    let mut gateways = Vec::new();
    for version in Version::ALL {
        let gateway = scene.gateway(scene.policy()).version(version);
        gateways.push(gateway.start().await);
    }
    let call = poll(&scene.cluster("staging").token());
    for gateway in &gateways {
        let reply = gateway.call(call.clone()).await;
        assert_eq!(reply.verdict(), "503 keys-unavailable");
        assert_eq!(reply.header("retry-after").as_deref(), Some("5"));
    }
    assert_eq!(scene.app.count(), 0);

    let others = poll(&scene.cluster("production").token());
    for gateway in &gateways {
        assert_eq!(verdict(gateway, &others).await, "200");
    }
    scene.cluster_mut("staging").issuer.up().await;
    for gateway in &gateways {
        becomes(gateway, &call, "200", RECOVERY).await;
    }
}

#[tokio::test]
async fn an_issuer_that_goes_down_fails_nobody_until_its_keys_are_stale() {
    tokio::join!(
        outlives_its_issuer(Version::V1_36),
        outlives_its_issuer(Version::V1_40),
    );
}

async fn outlives_its_issuer(version: Version) {
    let mut scene = Scene::start(&["staging", "production"]).await;
    let mut policy = scene.policy();
    policy["trust"][0]["keys"]["refresh"] = json!("10s");
    policy["trust"][0]["keys"]["max_stale"] = json!("20s");
    let gateway = scene.gateway(policy).version(version).start().await;
    let seen_before = poll(&scene.cluster("staging").token());
    let others = poll(&scene.cluster("production").token());
    assert_eq!(verdict(&gateway, &seen_before).await, "200");
    assert_eq!(verdict(&gateway, &others).await, "200");

    scene.cluster_mut("staging").issuer.down().await;
    let failed = [("trust", "staging"), ("outcome", "failed")];
    gateway
        .metric("portcullis_key_reads_total", &failed, |reads| reads >= 1.0)
        .await;
    // A token that the workers remember, and one that they have never seen.
    let fresh = poll(&scene.cluster("staging").token());
    for call in [&seen_before, &fresh, &others] {
        assert_eq!(verdict(&gateway, call).await, "200");
    }

    becomes(&gateway, &seen_before, "503 keys-stale", RECOVERY).await;
    let reached = scene.app.count();
    let reply = gateway.call(fresh).await;
    assert_eq!(reply.verdict(), "503 keys-stale");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(scene.app.count(), reached);
    assert_eq!(verdict(&gateway, &others).await, "200");

    scene.cluster_mut("staging").issuer.up().await;
    becomes(&gateway, &seen_before, "200", RECOVERY).await;
}

/// With many trust entries the workers' ticks overlap, and each sees turns that began during its own.
#[tokio::test]
async fn all_workers_live_on_one_read_of_each_issuer() {
    let names: Vec<String> = (0..24).map(|number| format!("cluster-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for version in Version::ALL {
        let scene = Scene::start(&names).await;
        let gateway = scene.gateway(scene.policy()).workers(4).version(version);
        let gateway = gateway.start().await;
        let calls = scene.clusters.iter().cycle().map(|c| poll(&c.token()));
        let crowd = Crowd::gather(gateway.address(), 72).await;
        for reply in crowd.send(calls).join_all().await {
            assert_eq!(reply.verdict(), "200", "{version}");
        }
        assert_eq!(gateway.workers_that_decided(), 4);
        for cluster in &scene.clusters {
            assert_eq!(cluster.issuer.count(Endpoint::Discovery), 1);
            assert_eq!(cluster.issuer.count(Endpoint::Keys), 1);
        }
        assert_eq!(scene.app.count(), 72);
    }
}
