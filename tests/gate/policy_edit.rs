//! A changed policy starts with the cached keys, so that it can be changed while an issuer is down.

use portcullis_tests::lab::fixture::{Cluster, HOST, get_alerts};
use portcullis_tests::lab::{Call, ClientPool, Endpoint, Fixture, SigningKey, Version};
use serde_json::json;

#[tokio::test]
async fn a_rule_edit_keeps_the_keys_while_the_issuer_is_down() {
    for version in Version::ALL {
        let mut fixture = Fixture::start(&["staging", "production"]).await;
        let mut policy = fixture.policy();
        let mut gateway = fixture
            .gateway(policy.clone())
            .version(version)
            .start()
            .await;
        let tokens: Vec<String> = fixture.clusters.iter().map(Cluster::token).collect();
        for token in &tokens {
            assert_eq!(gateway.call(get_alerts(token)).await.verdict(), "200");
        }
        fixture.cluster_mut("staging").issuer.down().await;

        policy["apps"][0]["rules"][0]["methods"] = json!(["GET"]);
        gateway.replace_policy(policy.clone()).await.unwrap();
        for token in &tokens {
            let clients = ClientPool::connect(gateway.address(), 32).await;
            for response in clients.send(vec![get_alerts(token); 32]).join_all().await {
                assert_eq!(response.verdict(), "200", "{version}");
            }
        }
        let post = Call::post(HOST, "/api/v2/silences").bearer(&tokens[0]);
        let refused = gateway.call(post).await.verdict();
        assert_eq!(refused, "403 caller-not-allowed", "{version}");
        let production = &fixture.cluster("production").issuer;
        assert_eq!(production.count(Endpoint::Keys), 1);
    }
}

#[tokio::test]
async fn refuse_kids_applies_at_once_while_the_issuer_is_down() {
    let mut fixture = Fixture::start(&["staging"]).await;
    let stolen = SigningKey::p256();
    let staging = fixture.cluster("staging");
    staging.issuer.set_keys(&[&staging.key, &stolen]);
    let mut policy = fixture.policy();
    let mut gateway = fixture.gateway(policy.clone()).start().await;
    let good = get_alerts(&staging.token());
    let bad = get_alerts(&staging.karma().sign(&stolen));
    for call in [&good, &bad] {
        assert_eq!(gateway.call(call.clone()).await.verdict(), "200");
    }
    fixture.cluster_mut("staging").issuer.down().await;

    policy["trust"][0]["keys"]["refuse_kids"] = json!([stolen.kid()]);
    gateway.replace_policy(policy).await.unwrap();
    let clients = ClientPool::connect(gateway.address(), 32).await;
    for response in clients.send(vec![bad; 32]).join_all().await {
        assert_eq!(response.verdict(), "401 key-unknown");
    }
    assert_eq!(fixture.app.count(), 2);
    assert_eq!(gateway.call(good).await.verdict(), "200");
}

#[tokio::test]
async fn a_caller_in_refuse_callers_is_refused_at_once_and_no_other_is() {
    for version in Version::ALL {
        let fixture = Fixture::start(&["staging", "production"]).await;
        let mut policy = fixture.policy();
        let gateway = fixture.gateway(policy.clone()).version(version);
        let mut gateway = gateway.start().await;
        let [staging, production] =
            ["staging", "production"].map(|name| get_alerts(&fixture.cluster(name).token()));
        for call in [&staging, &production] {
            assert_eq!(gateway.call(call.clone()).await.verdict(), "200");
        }

        policy["refuse_callers"] = json!(["staging/monitoring/karma"]);
        gateway.replace_policy(policy.clone()).await.unwrap();
        let clients = ClientPool::connect(gateway.address(), 32).await;
        for response in clients.send(vec![staging.clone(); 32]).join_all().await {
            assert_eq!(response.verdict(), "403 caller-refused", "{version}");
        }
        assert_eq!(gateway.call(production).await.verdict(), "200");

        policy["refuse_callers"] = json!([]);
        gateway.replace_policy(policy).await.unwrap();
        assert_eq!(gateway.call(staging).await.verdict(), "200", "{version}");
    }
}

#[tokio::test]
async fn t25_an_invalid_edit_is_rejected_and_the_old_policy_stays() {
    let fixture = Fixture::start(&["staging"]).await;
    let policy = fixture.policy();
    let mut gateway = fixture.gateway(policy.clone()).start().await;
    let call = get_alerts(&fixture.cluster("staging").token());

    let mut typo = policy.clone();
    typo["apps"][0]["rules"][0]["alow"] = json!([]);
    let mut no_caller = policy.clone();
    no_caller["apps"][0]["rules"][0]["allow"] = json!([]);
    for (broken, path) in [
        (typo, "apps[0].rules[0].alow"),
        (no_caller, "apps[0].rules[0].allow"),
    ] {
        let refused = gateway.replace_policy(broken).await.unwrap_err().0;
        assert!(refused.contains(path), "{path}: {refused}");
        assert_eq!(gateway.call(call.clone()).await.verdict(), "200");
    }
    let nothing = Call::get(HOST, "/api/v2/alerts");
    assert_eq!(gateway.call(nothing).await.verdict(), "401 no-credentials");
    assert_eq!(fixture.app.count(), 2);
}

#[tokio::test]
async fn a_changed_issuer_with_the_same_name_starts_without_keys() {
    let fixture = Fixture::start(&["staging", "impostor"]).await;
    let mut policy = fixture.policy();
    let (staging, impostor) = (fixture.cluster("staging"), fixture.cluster("impostor"));
    policy["trust"].as_array_mut().unwrap().truncate(1);
    policy["apps"][0]["rules"]
        .as_array_mut()
        .unwrap()
        .truncate(1);
    let mut gateway = fixture.gateway(policy.clone()).start().await;
    assert_eq!(
        gateway.call(get_alerts(&staging.token())).await.verdict(),
        "200"
    );

    policy["trust"][0]["issuer"] = json!(impostor.issuer.name());
    policy["trust"][0]["keys"]["envoy_cluster"] = json!("impostor");
    gateway.replace_policy(policy).await.unwrap();
    let before = impostor.karma().sign(&staging.key);
    assert_eq!(
        gateway.call(get_alerts(&before)).await.verdict(),
        "401 key-unknown"
    );
    assert_eq!(
        gateway.call(get_alerts(&impostor.token())).await.verdict(),
        "200"
    );
    assert_eq!(fixture.app.count(), 2);
}
