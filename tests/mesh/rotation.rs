//! Changes of an API server's key and issuer, without a refused token.

use portcullis_tests::lab::{App, SigningKey, kubernetes};
use serde_json::json;

use crate::cluster::{Cluster, becomes, gateway, policy, verdict};

#[tokio::test]
async fn a_signing_key_is_rotated_without_a_refused_token() {
    let mut blue = Cluster::open("blue").await;
    let app = App::start("alertmanager").await;
    let gateway = gateway(policy(&[&blue]), &[&blue], &app).start().await;
    let old_token = blue.token().await;
    assert_eq!(verdict(&gateway, &old_token).await, "200");

    // The new key is published before it signs.
    let new_key = SigningKey::rsa("rotated");
    let published = new_key.clone();
    blue.server
        .reconfigure(|settings| settings.other_keys = vec![published])
        .await;
    let fetched = [("trust", "blue"), ("outcome", "succeeded")];
    let fetches = "portcullis_key_fetches_total";
    let before = gateway.stats().await.value(fetches, &fetched);
    gateway
        .metric(fetches, &fetched, |count| Some(count) > before)
        .await;
    blue.server
        .reconfigure(|settings| {
            let old_key = std::mem::replace(&mut settings.signing_key, new_key);
            settings.other_keys = vec![old_key];
        })
        .await;
    let new_token = blue.token().await;
    assert_eq!(verdict(&gateway, &new_token).await, "200", "the new key");
    assert_eq!(verdict(&gateway, &old_token).await, "200", "the old key");

    // The end of the rotation: what the old key signed is refused once the keys are read again.
    blue.server
        .reconfigure(|settings| settings.other_keys.clear())
        .await;
    becomes(&gateway, &old_token, "401 key-unknown").await;
    assert_eq!(verdict(&gateway, &new_token).await, "200");
}

#[tokio::test]
async fn a_key_that_signs_as_soon_as_it_is_published_is_known_within_seconds() {
    let mut blue = Cluster::open("blue").await;
    let app = App::start("alertmanager").await;
    let mut policy = policy(&[&blue]);
    policy["trust"][0]["keys"]["refresh"] = json!("1h");
    let gateway = gateway(policy, &[&blue], &app).start().await;
    assert_eq!(verdict(&gateway, &blue.token().await).await, "200");
    blue.server
        .reconfigure(|settings| settings.signing_key = SigningKey::p256())
        .await;
    // Unknown keys cause one read in ten seconds.
    becomes(&gateway, &blue.token().await, "200").await;
}

#[tokio::test]
async fn a_cluster_moves_to_an_issuer_of_its_own() {
    const OWN: &str = "https://blue.issuers.example.com";
    let mut blue = Cluster::open("blue").await;
    let app = App::start("alertmanager").await;
    let mut policy = policy(&[&blue]);
    policy["trust"][0]["issuer"] = json!(OWN);
    policy["trust"][0]["former_issuers"] = json!([kubernetes::DEFAULT_ISSUER]);
    let mut gateway = gateway(policy.clone(), &[&blue], &app).start().await;
    let old_token = blue.token().await;
    assert_eq!(verdict(&gateway, &old_token).await, "200", "before");

    // Both issuers are accepted by the API server, and the first one is in new tokens.
    blue.server
        .reconfigure(|settings| settings.issuers.insert(0, OWN.to_owned()))
        .await;
    let new_token = blue.token().await;
    assert_eq!(verdict(&gateway, &new_token).await, "200", "the new issuer");
    assert_eq!(verdict(&gateway, &old_token).await, "200", "the old issuer");
    assert!(blue.server.accepts(&old_token, "gate").await);

    blue.server
        .reconfigure(|settings| settings.issuers.truncate(1))
        .await;
    policy["trust"][0]["former_issuers"].take();
    let members = policy["trust"][0].as_object_mut().expect("a trust entry");
    members.remove("former_issuers");
    gateway.replace_policy(policy).await.expect("a policy");
    assert_eq!(verdict(&gateway, &new_token).await, "200", "afterwards");
    assert_eq!(verdict(&gateway, &old_token).await, "401 issuer-unknown");
    assert!(!blue.server.accepts(&old_token, "gate").await);
}
