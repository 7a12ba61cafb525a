//! Two clusters that kubeadm set up: the same issuer, each with its own key.

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{App, Call, Version};
use serde_json::json;

use crate::cluster::{Cluster, gateway, policy, verdict};

#[tokio::test]
async fn tokens_of_two_clusters_with_one_issuer_open_what_the_policy_says() {
    let (blue, green) = (Cluster::open("blue").await, Cluster::open("green").await);
    let tokens = [
        ("blue", "/api/v2/alerts", blue.token().await),
        ("green", "/api/v2/silences", green.token().await),
    ];
    let mut policy = policy(&[&blue, &green]);
    policy["apps"][0]["rules"][0]["paths"] = json!([tokens[0].1]);
    policy["apps"][0]["rules"][1]["paths"] = json!([tokens[1].1]);
    let app = App::start("alertmanager").await;
    for version in Version::ALL {
        let before = app.count();
        let gateway = gateway(policy.clone(), &[&blue, &green], &app);
        let gateway = gateway.version(version).start().await;
        for (cluster, own_path, token) in &tokens {
            for (_, path, _) in &tokens {
                let what = format!("{version}: {cluster} at {path}");
                let response = gateway.call(Call::get(HOST, path).bearer(token)).await;
                if path == own_path {
                    assert_eq!(response.verdict(), "200", "{what}");
                    let caller =
                        json!(["x-portcullis-caller", format!("{cluster}/monitoring/karma")]);
                    let seen = app.requests().pop().expect("a request");
                    let headers = seen["headers"].as_array().expect("headers");
                    assert!(headers.contains(&caller), "{what}: {headers:?}");
                } else {
                    assert_eq!(response.verdict(), "403 caller-not-allowed", "{what}");
                }
            }
        }
        assert_eq!(app.count(), before + 2, "{version}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_trusted_gains_nothing_by_its_issuer() {
    let (blue, stranger) = (
        Cluster::open("blue").await,
        Cluster::start("stranger").await,
    );
    let app = App::start("alertmanager").await;
    let gateway = gateway(policy(&[&blue]), &[&blue], &app).start().await;
    assert_eq!(verdict(&gateway, &blue.token().await).await, "200");
    let token = stranger.token().await;
    assert_eq!(verdict(&gateway, &token).await, "401 key-unknown");
    assert_eq!(app.count(), 1);
}
