//! Whatever an issuer answers, the last good keys stay, and nobody else's tokens feel it.

mod rows;

use std::time::Duration;

use portcullis_tests::lab::scene::{Cluster, poll};
use portcullis_tests::lab::{
    Answer, App, Authority, Crowd, Endpoint, Gateway, Issuer, Scene, SigningKey, Version, wait,
};
use serde_json::{Value, json};

/// Longer than the longest pause after failed reads, with a `refresh` of ten seconds, and a read that takes all its
/// time.
const RECOVERY: Duration = Duration::from_secs(25);

/// A policy that reads every issuer's keys again and again.
fn restless(scene: &Scene) -> Value {
    let mut policy = scene.policy();
    for trust in policy["trust"].as_array_mut().into_iter().flatten() {
        trust["keys"]["refresh"] = json!("10s");
    }
    policy
}

/// Both gateways, each with all the keys of the scene.
async fn gateways(scene: &Scene, policy: &Value) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for version in Version::ALL {
        let gateway = scene.gateway(policy.clone()).version(version).start().await;
        gateways.push(gateway);
    }
    gateways
}

/// What the tokens of all these clusters, one each, come to.
async fn verdicts(
    gateway: &Gateway,
    clusters: &[Cluster],
    token: impl Fn(&Cluster) -> String,
) -> Vec<(String, String)> {
    let mut verdicts = Vec::new();
    for cluster in clusters {
        let verdict = gateway.call(poll(&token(cluster))).await.verdict();
        verdicts.push((cluster.name.clone(), verdict));
    }
    verdicts
}

fn all(clusters: &[Cluster], verdict: &str) -> Vec<(String, String)> {
    let verdict = |cluster: &Cluster| (cluster.name.clone(), verdict.to_owned());
    clusters.iter().map(verdict).collect()
}

fn documents_read(cluster: &Cluster) -> usize {
    cluster.issuer.count(Endpoint::Discovery)
}

async fn failed(gateway: &Gateway, cluster: &Cluster, times: f64) {
    let failed = [("trust", cluster.name.as_str()), ("outcome", "failed")];
    gateway
        .metric("portcullis_key_reads_total", &failed, |reads| {
            reads >= times
        })
        .await;
}

/// Every row is an issuer of its own, so that all of them fail within the same ten seconds.
#[tokio::test]
async fn bad_answers_leave_the_last_good_keys_in_place() {
    let canary = App::start("canary").await;
    let intruder = SigningKey::p256();
    let rows = rows::rows(&intruder, canary.address());
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    let mut scene = Scene::start(&names).await;
    let well = Cluster::start(&scene.authority, "well", "https://well.example.com").await;
    scene.clusters.push(well);
    let gateways = gateways(&scene, &restless(&scene)).await;
    let (sick, well) = scene.clusters.split_at(rows.len());
    for gateway in &gateways {
        let accepted = verdicts(gateway, &scene.clusters, Cluster::token).await;
        assert_eq!(accepted, all(&scene.clusters, "200"));
    }

    let located: Vec<usize> = sick.iter().map(documents_read).collect();
    for (row, cluster) in rows.iter().zip(sick) {
        for (endpoint, answer) in &row.answers {
            cluster.issuer.answer(*endpoint, answer.clone());
        }
    }
    for gateway in &gateways {
        for cluster in sick {
            // The first read after a 404 asks where the key set is now.
            failed(gateway, cluster, 2.0).await;
        }
        let accepted = verdicts(gateway, &scene.clusters, Cluster::token).await;
        assert_eq!(accepted, all(&scene.clusters, "200"));
        let reached = scene.app.count();
        let crowd = Crowd::gather(gateway.address(), sick.len()).await;
        let invented = |cluster: &Cluster| poll(&cluster.karma().sign(&intruder));
        for reply in crowd.send(sick.iter().map(invented)).join_all().await {
            assert_eq!(reply.verdict(), "503 keys-unavailable");
        }
        assert_eq!(scene.app.count(), reached);
        let failed = [("trust", "well"), ("outcome", "failed")];
        let stats = gateway.stats().await;
        let failed = stats.value("portcullis_key_reads_total", &failed);
        assert_eq!(failed.unwrap_or_default(), 0.0);
    }
    for ((row, cluster), located) in rows.iter().zip(sick).zip(located) {
        let located_again = documents_read(cluster) > located;
        assert_eq!(located_again, row.moves, "{}", row.name);
    }
    assert_eq!(canary.count(), 0);

    let fresh = SigningKey::p256();
    for cluster in &scene.clusters {
        cluster.issuer.answer_truly(Endpoint::Keys);
        cluster.issuer.answer_truly(Endpoint::Discovery);
        cluster.issuer.set_keys(&[&cluster.key, &fresh]);
    }
    for gateway in &gateways {
        for cluster in sick.iter().chain(well) {
            let token = poll(&cluster.karma().sign(&fresh));
            wait::until_true(&cluster.name, RECOVERY, async || {
                gateway.call(token.clone()).await.verdict() == "200"
            })
            .await;
        }
    }
}

#[tokio::test]
async fn j12_one_bad_key_among_good_ones_costs_none_of_them() {
    let scene = Scene::start(&["staging"]).await;
    let staging = scene.cluster("staging");
    let rsa = SigningKey::rsa("blue");
    let mut jwks = rows::unfit(&SigningKey::p256());
    jwks.insert(1, staging.key.jwk());
    jwks.push(rsa.jwk());
    staging.issuer.set_jwks(jwks);
    let gateway = scene.gateway(scene.policy()).start().await;
    for key in [&staging.key, &rsa] {
        let reply = gateway.call(poll(&staging.karma().sign(key))).await;
        assert_eq!(reply.verdict(), "200");
    }
    assert_eq!(scene.app.count(), 2);
}

#[tokio::test]
async fn t12_an_issuer_with_another_certificate_is_not_believed() {
    let mut scene = Scene::start(&["foreign-authority", "wrong-name"]).await;
    let intruder = SigningKey::p256();
    // Both sit where their issuer should be, with its name and a key of their own.
    let [foreign, wrong] = &mut scene.clusters[..] else {
        panic!("two clusters");
    };
    foreign.issuer = Issuer::start(&Authority::new(), foreign.issuer.name(), &[&intruder]).await;
    wrong.issuer = Issuer::start(
        &scene.authority,
        "https://elsewhere.example.com",
        &[&intruder],
    )
    .await;
    let mut policy = restless(&scene);
    for (place, cluster) in scene.clusters.iter().enumerate() {
        policy["trust"][place]["keys"]["inline"] = json!({"keys": [cluster.key.jwk()]});
    }
    let name = "https://kubernetes.wrong-name.example.com";
    policy["trust"][1]["issuer"] = json!(name);
    let (foreign, wrong) = (&scene.clusters[0], &scene.clusters[1]);
    for version in Version::ALL {
        let before = scene.app.count();
        let gateway = Gateway::with(policy.clone())
            .version(version)
            .issuer(&foreign.name, &foreign.issuer, &scene.authority)
            .tls_cluster(
                &wrong.name,
                wrong.issuer.address(),
                "kubernetes.wrong-name.example.com",
                &scene.authority,
            )
            .app(portcullis_tests::lab::scene::HOST, scene.app.address())
            .start()
            .await;
        for (cluster, issuer) in [(foreign, foreign.issuer.name()), (wrong, name)] {
            failed(&gateway, cluster, 1.0).await;
            let token = cluster.karma().claim("iss", issuer);
            let good = gateway.call(poll(&token.sign(&cluster.key))).await;
            assert_eq!(good.verdict(), "200", "{version} {}", cluster.name);
            let bad = gateway.call(poll(&token.sign(&intruder))).await;
            assert_eq!(bad.verdict(), "503 keys-unavailable");
            assert_eq!(cluster.issuer.seen().len(), 0, "{}", cluster.name);
        }
        assert_eq!(scene.app.count(), before + 2);
    }
}

#[tokio::test]
async fn a_slow_issuer_holds_a_request_up_for_seconds_at_most() {
    let scene = Scene::start(&["staging", "production"]).await;
    let staging = scene.cluster("staging");
    staging.issuer.answer(Endpoint::Discovery, Answer::Silence);
    let gateway = scene.gateway(scene.policy()).start().await;
    let token = poll(&staging.token());
    let crowd = Crowd::gather(gateway.address(), 8).await;
    let waiting = tokio::time::timeout(
        Duration::from_secs(8),
        crowd.send(vec![token.clone(); 8]).join_all(),
    );
    for reply in waiting.await.expect("answers within seconds") {
        assert_eq!(reply.verdict(), "503 keys-unavailable");
    }
    let others = poll(&scene.cluster("production").token());
    assert_eq!(gateway.call(others).await.verdict(), "200");
    assert_eq!(scene.app.count(), 1);
}
