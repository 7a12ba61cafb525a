//! Keys from the companion's mirror: a real companion without providers, and mirrors that lie.

use std::time::Duration;

use portcullis_tests::lab::fixture::{Cluster, get_alerts};
use portcullis_tests::lab::{
    Companion, Endpoint, Fixture, Gateway, ServerResponse, SigningKey, token, wait,
};
use serde_json::{Value, json};

/// The shortest `refresh`.
const REFRESH: Duration = Duration::from_secs(10);

/// What a mirror states of a cluster's keys, fetched a minute ago.
fn document(cluster: &Cluster, key: &SigningKey) -> Value {
    json!({
        "version": 1,
        "trust": cluster.name,
        "issuer": cluster.issuer.name(),
        "source": "https://10.0.0.1:6443/openid/v1/jwks",
        "fetched_at": token::now() - 60,
        "keys": [key.jwk()],
    })
}

fn serve(cluster: &Cluster, document: &Value) {
    let response = ServerResponse::json("application/json", document);
    cluster.issuer.set_response(Endpoint::Mirror, response);
}

/// The fixture's policy with the mirror for every trust entry.
fn mirrored(fixture: &Fixture) -> Value {
    let mut policy = fixture.policy();
    for trust in policy["trust"].as_array_mut().expect("a list") {
        trust["keys"]["mirror"] = json!(true);
        trust["keys"]["refresh"] = json!("10s");
        trust["keys"]["max_stale"] = json!("1h");
    }
    policy
}

/// What a mirror can lie about: the cluster that it does it for, and a change of the document.
type Lie = (&'static str, fn(&mut Value));

const LIES: [Lie; 5] = [
    ("trust", |document| document["trust"] = json!("issuer")),
    ("issuer", |document| {
        document["issuer"] = json!("https://kubernetes.trust.example.com")
    }),
    ("future", |document| {
        document["fetched_at"] = json!(token::now() + 3600)
    }),
    ("old", |document| {
        document["fetched_at"] = json!(token::now() - 1800)
    }),
    ("timeless", |document| document["fetched_at"] = json!("now")),
];

async fn verdict(gateway: &Gateway, token: &str) -> String {
    gateway.call(get_alerts(token)).await.verdict()
}

async fn fetches(gateway: &Gateway, trust: &str, outcome: &str, count: f64) {
    let labels = [("trust", trust), ("outcome", outcome)];
    let metric = "portcullis_key_fetches_total";
    gateway
        .metric(metric, &labels, |fetches| fetches >= count)
        .await;
}

#[tokio::test]
async fn a_mirror_that_lies_gives_no_keys_and_takes_none() {
    let fixture = Fixture::start(&LIES.map(|(name, _)| name)).await;
    let attackers = SigningKey::p256();
    let lie = |cluster: &Cluster, change: fn(&mut Value)| {
        let mut document = document(cluster, &attackers);
        change(&mut document);
        serve(cluster, &document);
    };
    let forged = |cluster: &Cluster| cluster.karma().sign(&attackers);
    // Old keys are only wrong if there were newer ones.
    let is_first = |cluster: &&Cluster| cluster.name != "old";
    for (cluster, (name, change)) in fixture.clusters.iter().zip(LIES) {
        if name == "old" {
            serve(cluster, &document(cluster, &cluster.key));
        } else {
            lie(cluster, change);
        }
    }
    let gateway = fixture.gateway(mirrored(&fixture)).start().await;
    for cluster in fixture.clusters.iter().filter(is_first) {
        fetches(&gateway, &cluster.name, "failed", 1.0).await;
        let refused = verdict(&gateway, &forged(cluster)).await;
        assert_eq!(refused, "503 keys-unavailable", "{}", cluster.name);
        serve(cluster, &document(cluster, &cluster.key));
    }

    // The last good keys stay, and no others come.
    let failed = "portcullis_key_fetches_total";
    let mut failures = Vec::new();
    for (cluster, (name, change)) in fixture.clusters.iter().zip(LIES) {
        fetches(&gateway, name, "succeeded", 1.0).await;
        assert_eq!(verdict(&gateway, &cluster.token()).await, "200", "{name}");
        let stats = gateway.stats().await;
        let before = stats.value(failed, &[("trust", name), ("outcome", "failed")]);
        failures.push(before.unwrap_or(0.0));
        lie(cluster, change);
    }
    for (cluster, before) in fixture.clusters.iter().zip(failures) {
        let name = &cluster.name;
        fetches(&gateway, name, "failed", before + 1.0).await;
        assert_eq!(verdict(&gateway, &cluster.token()).await, "200", "{name}");
        let refused = verdict(&gateway, &forged(cluster)).await;
        assert!(
            ["401 key-unknown", "503 keys-unavailable"].contains(&&*refused),
            "{name}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_companion_without_providers_mirrors_keys_and_answers_304_while_they_are_the_same() {
    let fixture = Fixture::start(&["blue"]).await;
    let blue = fixture.cluster("blue");
    let mut policy = mirrored(&fixture);
    policy["trust"][0]["keys"]["envoy_cluster"] = json!("portcullis");
    // The companion fetches once in this test, the filter several times.
    let mut own = policy.clone();
    own["trust"][0]["keys"]["refresh"] = json!("1h");
    let configuration = json!({
        "trust": {"blue": {
            "connect": blue.issuer.address().to_string(),
            "ca_file": fixture.authority.file(),
        }},
    });
    let companion = Companion::with(configuration, &own).start().await;
    let gateway = fixture.gateway(policy);
    let gateway = gateway.cluster("portcullis", companion.address());
    let gateway = gateway.start().await;
    wait::until_true("the keys", REFRESH, async || {
        verdict(&gateway, &blue.token()).await == "200"
    })
    .await;

    let unchanged = [
        ("envoy_response_code", "304"),
        ("envoy_cluster_name", "portcullis"),
    ];
    let metric = "envoy_cluster_upstream_rq";
    gateway
        .metric(metric, &unchanged, |count| count >= 1.0)
        .await;
    assert_eq!(verdict(&gateway, &blue.token()).await, "200");
    // The age counts from the companion's fetch.
    let age = [("trust", "blue")];
    let age = gateway
        .metric("portcullis_key_age_seconds", &age, |age| age > 8.0)
        .await;
    assert!(age < 60.0, "{age}");
    assert_eq!(blue.issuer.count(Endpoint::Keys), 1);
    let forged = blue.karma().sign(&SigningKey::p256());
    assert_eq!(verdict(&gateway, &forged).await, "401 key-unknown");
}
