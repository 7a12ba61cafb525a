//! Clusters that share an issuer, one of which publishes a key of another.

use std::time::Duration;

use portcullis_tests::lab::envoy::Gateway;
use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::{ClientPool, Endpoint, Fixture, SigningKey, Version, wait};
use serde_json::{Value, json};

/// The default issuer of clusters that kubeadm sets up.
const SHARED: &str = "https://kubernetes.default.svc.cluster.local";

/// Long enough for a scheduled fetch, and the fetches that confirm a new key.
const REFRESHED: Duration = Duration::from_secs(30);

/// A policy of both clusters in this order, whose keys are fetched every ten seconds.
fn policy(fixture: &Fixture, order: [usize; 2]) -> Value {
    let mut policy = fixture.policy();
    for index in order {
        policy["trust"][index]["keys"]["refresh"] = json!("10s");
    }
    let trusts = order.map(|index| policy["trust"][index].clone());
    policy["trust"] = json!(trusts);
    policy
}

/// The result of a request, with the caller that the app has seen.
async fn result(fixture: &Fixture, gateway: &Gateway, token: &str) -> String {
    let verdict = gateway.call(get_alerts(token)).await.verdict();
    if verdict != "200" {
        return verdict;
    }
    let seen = fixture.app.requests();
    let headers = seen.last().expect("a request")["headers"].as_array();
    let mut headers = headers.into_iter().flatten();
    let caller = headers.find(|pair| pair[0] == "x-portcullis-caller");
    caller
        .map_or(Value::Null, |pair| pair[1].clone())
        .to_string()
}

/// Waits for two further fetches of each cluster's keys.
async fn fetched_again(fixture: &Fixture) {
    let counts = || {
        let clusters = fixture.clusters.iter();
        clusters
            .map(|cluster| cluster.issuer.count(Endpoint::Keys))
            .collect::<Vec<_>>()
    };
    let before = counts();
    wait::until_true("two fetches of each cluster", REFRESHED, async || {
        counts()
            .iter()
            .zip(&before)
            .all(|(now, before)| *now >= before + 2)
    })
    .await;
}

/// The RFC 7638 thumbprint of a key, computed by core from its JWK.
fn thumbprint(key: &SigningKey) -> String {
    let set = json!({"keys": [key.jwk()]}).to_string();
    let set = portcullis_core::keys::KeySet::parse(set.as_bytes(), None).expect("a key");
    set.keys()[0].thumbprint().to_string()
}

#[tokio::test]
async fn k08_a_copied_key_does_not_take_over_the_callers() {
    tokio::join!(
        keeps_callers([0, 1], Version::V1_36, false),
        keeps_callers([1, 0], Version::V1_40, true),
    );
}

async fn keeps_callers(order: [usize; 2], version: Version, is_renamed: bool) {
    let fixture = Fixture::with_shared_issuer(SHARED, &["blue", "green"]).await;
    let (blue, green) = (fixture.cluster("blue"), fixture.cluster("green"));
    let gateway = fixture.gateway(policy(&fixture, order));
    let mut gateway = gateway.version(version).start().await;
    let expected = [
        (blue.token(), "\"blue/monitoring/karma\""),
        (green.token(), "\"green/monitoring/karma\""),
    ];
    for (token, caller) in &expected {
        assert_eq!(result(&fixture, &gateway, token).await, *caller);
    }

    let mut copy = blue.key.jwk();
    if is_renamed {
        copy["kid"] = json!("another");
    }
    green.issuer.set_jwks(vec![green.key.jwk(), copy]);
    fetched_again(&fixture).await;
    let renamed = blue.karma().header("kid", "another").sign(&blue.key);
    for (token, caller) in &expected {
        assert_eq!(
            result(&fixture, &gateway, token).await,
            *caller,
            "{version}"
        );
    }
    if is_renamed {
        assert_eq!(
            result(&fixture, &gateway, &renamed).await,
            "401 key-unknown"
        );
    }

    // The owner stays the same with a policy in another order.
    let mut edited = policy(&fixture, [order[1], order[0]]);
    edited["trust"][0]["max_lifetime"] = json!("2h");
    gateway.replace_policy(edited).await.unwrap();
    fetched_again(&fixture).await;
    for (token, caller) in &expected {
        let clients = ClientPool::connect(gateway.address(), 16).await;
        for response in clients.send(vec![get_alerts(token); 16]).join_all().await {
            assert_eq!(response.verdict(), "200", "{version}");
        }
        assert_eq!(
            result(&fixture, &gateway, token).await,
            *caller,
            "{version}"
        );
    }
}

#[tokio::test]
async fn h04_after_a_restart_a_copied_key_is_ambiguous_until_it_is_pinned() {
    for order in [[0, 1], [1, 0]] {
        let fixture = Fixture::with_shared_issuer(SHARED, &["blue", "green"]).await;
        let (blue, green) = (fixture.cluster("blue"), fixture.cluster("green"));
        green.issuer.set_keys(&[&green.key, &blue.key]);
        let mut policy = policy(&fixture, order);
        let mut gateway = fixture.gateway(policy.clone()).start().await;

        let response = gateway.call(get_alerts(&blue.token())).await;
        assert_eq!(response.verdict(), "503 key-ambiguous");
        assert_eq!(response.header("retry-after").as_deref(), Some("5"));
        let own = result(&fixture, &gateway, &green.token()).await;
        assert_eq!(own, "\"green/monitoring/karma\"");
        gateway
            .metric("portcullis_ambiguous_keys", &[], |keys| keys >= 1.0)
            .await;
        wait::until_true("the warning", REFRESHED, async || {
            let log = gateway.log();
            log.contains("`keys.pins`") && log.contains(&thumbprint(&blue.key))
        })
        .await;

        let trusts = policy["trust"].as_array_mut().expect("a list");
        let trust = trusts.iter_mut().find(|trust| trust["name"] == "blue");
        trust.expect("blue")["keys"]["pins"] = json!([thumbprint(&blue.key)]);
        gateway.replace_policy(policy).await.unwrap();
        for _ in 0..4 {
            let caller = result(&fixture, &gateway, &blue.token()).await;
            assert_eq!(caller, "\"blue/monitoring/karma\"");
        }
    }
}

#[tokio::test]
async fn k10_a_new_key_is_accepted_while_another_cluster_is_down() {
    for is_down in [false, true] {
        let mut fixture = Fixture::with_shared_issuer(SHARED, &["green", "blue"]).await;
        let gateway = fixture.gateway(fixture.policy()).start().await;
        for name in ["green", "blue"] {
            let token = fixture.cluster(name).token();
            assert_eq!(gateway.call(get_alerts(&token)).await.verdict(), "200");
            gateway
                .metric("portcullis_key_age_seconds", &[("trust", name)], |age| {
                    age >= 10.0
                })
                .await;
        }
        if is_down {
            fixture.cluster_mut("green").issuer.down().await;
        }
        let fresh = SigningKey::p256();
        let blue = fixture.cluster("blue");
        blue.issuer.set_keys(&[&blue.key, &fresh]);
        let token = blue.karma().sign(&fresh);
        let clients = ClientPool::connect(gateway.address(), 16).await;
        for response in clients.send(vec![get_alerts(&token); 16]).join_all().await {
            assert_eq!(response.verdict(), "200", "{is_down}");
        }
        let caller = result(&fixture, &gateway, &token).await;
        assert_eq!(caller, "\"blue/monitoring/karma\"");
        let others = fixture.cluster("green").token();
        assert_eq!(gateway.call(get_alerts(&others)).await.verdict(), "200");
    }
}
