//! Whatever an issuer responds, the last good keys stay in use, and tokens of other issuers are not
//! affected.

mod cases;

use std::time::Duration;

use portcullis_tests::lab::fixture::{Cluster, get_alerts};
use portcullis_tests::lab::{
    App, Authority, ClientPool, Endpoint, Fixture, Gateway, Issuer, ServerResponse, SigningKey,
    Version, wait,
};
use serde_json::{Value, json};

/// Longer than the longest back-off with a `refresh` of ten seconds, plus a fetch that times out.
const RECOVERY: Duration = Duration::from_secs(25);

/// A policy that fetches every issuer's keys frequently.
fn frequent_refresh(fixture: &Fixture) -> Value {
    let mut policy = fixture.policy();
    for trust in policy["trust"].as_array_mut().into_iter().flatten() {
        trust["keys"]["refresh"] = json!("10s");
    }
    policy
}

/// Both gateways, each with all keys of the fixture loaded.
async fn gateways(fixture: &Fixture, policy: &Value) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for version in Version::ALL {
        let gateway = fixture
            .gateway(policy.clone())
            .version(version)
            .start()
            .await;
        gateways.push(gateway);
    }
    gateways
}

/// The verdicts on one token of each of these clusters.
async fn verdicts(
    gateway: &Gateway,
    clusters: &[Cluster],
    token: impl Fn(&Cluster) -> String,
) -> Vec<(String, String)> {
    let mut verdicts = Vec::new();
    for cluster in clusters {
        let verdict = gateway.call(get_alerts(&token(cluster))).await.verdict();
        verdicts.push((cluster.name.clone(), verdict));
    }
    verdicts
}

fn all(clusters: &[Cluster], verdict: &str) -> Vec<(String, String)> {
    let verdict = |cluster: &Cluster| (cluster.name.clone(), verdict.to_owned());
    clusters.iter().map(verdict).collect()
}

fn discovery_count(cluster: &Cluster) -> usize {
    cluster.issuer.count(Endpoint::Discovery)
}

/// Waits for this many failed fetches.
async fn wait_for_failures(gateway: &Gateway, cluster: &Cluster, times: f64) {
    let failed = [("trust", cluster.name.as_str()), ("outcome", "failed")];
    gateway
        .metric("portcullis_key_fetches_total", &failed, |fetches| {
            fetches >= times
        })
        .await;
}

/// Every case is a separate issuer, so that all of them fail in the same ten seconds.
#[tokio::test]
async fn invalid_responses_keep_the_last_good_keys() {
    let canary = App::start("canary").await;
    let intruder = SigningKey::p256();
    let cases = cases::cases(&intruder, canary.address());
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    let mut fixture = Fixture::start(&names).await;
    let healthy =
        Cluster::start(&fixture.authority, "healthy", "https://healthy.example.com").await;
    fixture.clusters.push(healthy);
    let gateways = gateways(&fixture, &frequent_refresh(&fixture)).await;
    let (faulty, healthy) = fixture.clusters.split_at(cases.len());
    for gateway in &gateways {
        let accepted = verdicts(gateway, &fixture.clusters, Cluster::token).await;
        assert_eq!(accepted, all(&fixture.clusters, "200"));
    }

    let discoveries: Vec<usize> = faulty.iter().map(discovery_count).collect();
    for (case, cluster) in cases.iter().zip(faulty) {
        for (endpoint, response) in &case.responses {
            cluster.issuer.set_response(*endpoint, response.clone());
        }
    }
    for gateway in &gateways {
        for cluster in faulty {
            // The fetch after a 404 fetches the discovery document again.
            wait_for_failures(gateway, cluster, 2.0).await;
        }
        let accepted = verdicts(gateway, &fixture.clusters, Cluster::token).await;
        assert_eq!(accepted, all(&fixture.clusters, "200"));
        let reached = fixture.app.count();
        let clients = ClientPool::connect(gateway.address(), faulty.len()).await;
        let forged = |cluster: &Cluster| get_alerts(&cluster.karma().sign(&intruder));
        for response in clients.send(faulty.iter().map(forged)).join_all().await {
            assert_eq!(response.verdict(), "503 keys-unavailable");
        }
        assert_eq!(fixture.app.count(), reached);
        let failed = [("trust", "healthy"), ("outcome", "failed")];
        let stats = gateway.stats().await;
        let failed = stats.value("portcullis_key_fetches_total", &failed);
        assert_eq!(failed.unwrap_or_default(), 0.0);
    }
    for ((case, cluster), discoveries) in cases.iter().zip(faulty).zip(discoveries) {
        let discovered_again = discovery_count(cluster) > discoveries;
        assert_eq!(discovered_again, case.repeats_discovery, "{}", case.name);
    }
    assert_eq!(canary.count(), 0);

    let fresh = SigningKey::p256();
    for cluster in &fixture.clusters {
        cluster.issuer.reset(Endpoint::Keys);
        cluster.issuer.reset(Endpoint::Discovery);
        cluster.issuer.set_keys(&[&cluster.key, &fresh]);
    }
    for gateway in &gateways {
        for cluster in faulty.iter().chain(healthy) {
            let token = get_alerts(&cluster.karma().sign(&fresh));
            wait::until_true(&cluster.name, RECOVERY, async || {
                gateway.call(token.clone()).await.verdict() == "200"
            })
            .await;
        }
    }
}

#[tokio::test]
async fn j12_an_invalid_key_does_not_drop_the_valid_ones() {
    let fixture = Fixture::start(&["staging"]).await;
    let staging = fixture.cluster("staging");
    let rsa = SigningKey::rsa("blue");
    let mut jwks = cases::unusable(&SigningKey::p256());
    jwks.insert(1, staging.key.jwk());
    jwks.push(rsa.jwk());
    staging.issuer.set_jwks(jwks);
    let gateway = fixture.gateway(fixture.policy()).start().await;
    for key in [&staging.key, &rsa] {
        let response = gateway.call(get_alerts(&staging.karma().sign(key))).await;
        assert_eq!(response.verdict(), "200");
    }
    assert_eq!(fixture.app.count(), 2);
}

#[tokio::test]
async fn t12_an_issuer_with_another_certificate_is_not_trusted() {
    let mut fixture = Fixture::start(&["other-ca", "wrong-name"]).await;
    let intruder = SigningKey::p256();
    // Each is at the address of the cluster's issuer, and publishes a key of its own.
    let [other_ca, wrong_name] = &mut fixture.clusters[..] else {
        panic!("two clusters");
    };
    other_ca.issuer = Issuer::start(&Authority::new(), other_ca.issuer.name(), &[&intruder]).await;
    wrong_name.issuer = Issuer::start(
        &fixture.authority,
        "https://elsewhere.example.com",
        &[&intruder],
    )
    .await;
    let mut policy = frequent_refresh(&fixture);
    for (index, cluster) in fixture.clusters.iter().enumerate() {
        policy["trust"][index]["keys"]["inline"] = json!({"keys": [cluster.key.jwk()]});
    }
    let name = "https://kubernetes.wrong-name.example.com";
    policy["trust"][1]["issuer"] = json!(name);
    let (other_ca, wrong_name) = (&fixture.clusters[0], &fixture.clusters[1]);
    for version in Version::ALL {
        let before = fixture.app.count();
        let gateway = Gateway::with(policy.clone())
            .version(version)
            .issuer(&other_ca.name, &other_ca.issuer, &fixture.authority)
            .tls_cluster(
                &wrong_name.name,
                wrong_name.issuer.address(),
                "kubernetes.wrong-name.example.com",
                &fixture.authority,
            )
            .app(portcullis_tests::lab::fixture::HOST, fixture.app.address())
            .start()
            .await;
        for (cluster, issuer) in [(other_ca, other_ca.issuer.name()), (wrong_name, name)] {
            wait_for_failures(&gateway, cluster, 1.0).await;
            let token = cluster.karma().claim("iss", issuer);
            let good = gateway.call(get_alerts(&token.sign(&cluster.key))).await;
            assert_eq!(good.verdict(), "200", "{version} {}", cluster.name);
            let bad = gateway.call(get_alerts(&token.sign(&intruder))).await;
            assert_eq!(bad.verdict(), "503 keys-unavailable");
            assert_eq!(cluster.issuer.requests().len(), 0, "{}", cluster.name);
        }
        assert_eq!(fixture.app.count(), before + 2);
    }
}

#[tokio::test]
async fn a_slow_issuer_delays_a_request_for_seconds_at_most() {
    let fixture = Fixture::start(&["staging", "production"]).await;
    let staging = fixture.cluster("staging");
    staging
        .issuer
        .set_response(Endpoint::Discovery, ServerResponse::Silence);
    let gateway = fixture.gateway(fixture.policy()).start().await;
    let token = get_alerts(&staging.token());
    let clients = ClientPool::connect(gateway.address(), 8).await;
    let waiting = tokio::time::timeout(
        Duration::from_secs(8),
        clients.send(vec![token.clone(); 8]).join_all(),
    );
    for response in waiting.await.expect("a response within seconds") {
        assert_eq!(response.verdict(), "503 keys-unavailable");
    }
    let others = get_alerts(&fixture.cluster("production").token());
    assert_eq!(gateway.call(others).await.verdict(), "200");
    assert_eq!(fixture.app.count(), 1);
}
