//! Tokens that are bound to a pod. The gateway verifies them offline, so it does not know that the pod is deleted: it
//! accepts them until they expire. What bounds that is their lifetime, and what ends it at once is an edit of the policy.

use portcullis_tests::lab::fixture::AUDIENCE;
use portcullis_tests::lab::{App, wait};
use serde_json::json;

use crate::cluster::{Cluster, gateway, policy, verdict};

#[tokio::test]
async fn a_token_of_a_deleted_pod_is_accepted_until_it_expires_or_the_policy_refuses_it() {
    let blue = Cluster::open("blue").await;
    let app = App::start("alertmanager").await;
    let mut policy = policy(&[&blue]);
    policy["trust"][0]["max_lifetime"] = json!("10m");
    let mut gateway = gateway(policy.clone(), &[&blue], &app).start().await;
    let pods = "/api/v1/namespaces/monitoring/pods";
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "karma-0"},
        "spec": {
            "serviceAccountName": "karma",
            "containers": [{"name": "karma", "image": "registry.example.com/karma"}],
        },
    });
    let created = blue.server.post(pods, &pod).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let spec = |seconds: u32| {
        json!({
            "audiences": [AUDIENCE],
            "expirationSeconds": seconds,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "karma-0"},
        })
    };
    // Kubernetes issues none for less than ten minutes.
    let token = blue.server.token("monitoring", "karma", spec(600)).await;
    let long = blue.server.token("monitoring", "karma", spec(3600)).await;
    assert!(blue.server.accepts(&token, AUDIENCE).await);
    assert_eq!(verdict(&gateway, &token).await, "200");
    assert_eq!(verdict(&gateway, &long).await, "401 lifetime-too-long");

    blue.server.delete(&format!("{pods}/karma-0")).await;
    // The API server itself remembers for ten seconds that it accepted a token.
    wait::until_true("a refusal by the API server", wait::LONG, async || {
        !blue.server.accepts(&token, AUDIENCE).await
    })
    .await;
    assert_eq!(verdict(&gateway, &token).await, "200", "after the deletion");

    policy["apps"][0]["rules"][0]["allow"] = json!([{"service_account": "blue/monitoring/other"}]);
    gateway.replace_policy(policy).await.expect("a policy");
    assert_eq!(verdict(&gateway, &token).await, "403 caller-not-allowed");
}
