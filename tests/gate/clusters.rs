//! The key that signed a token determines the caller's cluster, whatever the token says.

use portcullis_tests::lab::envoy::Gateway;
use portcullis_tests::lab::fixture::{Cluster, HOST, get_alerts};
use portcullis_tests::lab::{
    Call, Endpoint, Explainer, Fixture, ServerResponse, SigningKey, Version, token,
};
use serde_json::{Value, json};

/// The default issuer of clusters that kubeadm sets up.
const SHARED: &str = "https://kubernetes.default.svc.cluster.local";

async fn verdict(gateway: &Gateway, token: &str) -> String {
    gateway.call(get_alerts(token)).await.verdict()
}

/// A gateway, and `portcullis explain` with the same policy.
struct Explained {
    gateway: Gateway,
    explainer: Explainer,
}

impl Explained {
    async fn start(fixture: &Fixture, policy: Value) -> Self {
        Self {
            explainer: Explainer::new(&policy, fixture),
            gateway: fixture.gateway(policy).start().await,
        }
    }

    /// What the gateway does with a request. It is explained too, and the explanation must be the same.
    async fn verdict(&self, token: &str) -> String {
        let call = get_alerts(token);
        let response = self.gateway.call(call.clone()).await;
        self.explainer.assert_agrees(token, &call, &response).await;
        response.verdict()
    }
}

/// The caller in the last request that the app received.
fn last_caller(fixture: &Fixture) -> Value {
    let seen = fixture.app.requests();
    let headers = seen.last().expect("a request")["headers"].as_array();
    let user = headers
        .into_iter()
        .flatten()
        .find(|pair| pair[0] == "x-portcullis-caller");
    user.map_or(Value::Null, |pair| pair[1].clone())
}

/// The RFC 7638 thumbprint of a key, computed by core from its JWK.
fn thumbprint(key: &SigningKey) -> String {
    let set = json!({"keys": [key.jwk()]}).to_string();
    let set = portcullis_core::keys::KeySet::parse(set.as_bytes(), None).expect("a key");
    set.keys()[0].thumbprint().to_string()
}

#[tokio::test]
async fn k08_clusters_with_the_same_issuer_are_distinguished_by_key() {
    let fixture = Fixture::with_shared_issuer(SHARED, &["staging", "production"]).await;
    let mut policy = fixture.policy();
    policy["apps"][0]["rules"][0]["paths"] = json!(["/api/v2/alerts"]);
    policy["apps"][0]["rules"][1]["paths"] = json!(["/api/v2/silences"]);
    let explainer = Explainer::new(&policy, &fixture);
    for version in Version::ALL {
        let before = fixture.app.count();
        let gateway = fixture
            .gateway(policy.clone())
            .version(version)
            .start()
            .await;
        for (cluster, path) in [
            ("staging", "/api/v2/alerts"),
            ("production", "/api/v2/silences"),
        ] {
            let token = fixture.cluster(cluster).token();
            for requested in ["/api/v2/alerts", "/api/v2/silences"] {
                let call = Call::get(HOST, requested).bearer(&token);
                let response = gateway.call(call.clone()).await;
                explainer.assert_agrees(requested, &call, &response).await;
                if requested == path {
                    assert_eq!(response.verdict(), "200", "{version} {cluster} {requested}");
                    assert_eq!(last_caller(&fixture), format!("{cluster}/monitoring/karma"));
                } else {
                    let refused = "403 caller-not-allowed";
                    assert_eq!(
                        response.verdict(),
                        refused,
                        "{version} {cluster} {requested}"
                    );
                }
            }
        }
        assert_eq!(fixture.app.count(), before + 2);
    }
}

#[tokio::test]
async fn j19_a_key_is_valid_for_its_own_issuer_only() {
    let fixture = Fixture::start(&["staging", "production"]).await;
    let gateway = Explained::start(&fixture, fixture.policy()).await;
    let (staging, production) = (fixture.cluster("staging"), fixture.cluster("production"));

    let foreign = production.karma().sign(&staging.key);
    assert_eq!(gateway.verdict(&foreign).await, "401 key-unknown");
    let disguised = production
        .karma()
        .header("kid", production.key.kid())
        .sign(&staging.key);
    assert_eq!(gateway.verdict(&disguised).await, "401 signature-invalid");
    assert_eq!(fixture.app.count(), 0);

    assert_eq!(gateway.verdict(&production.token()).await, "200");
    assert_eq!(last_caller(&fixture), "production/monitoring/karma");
}

#[tokio::test]
async fn k09_a_former_issuer_is_accepted_during_a_migration() {
    let fixture = Fixture::start(&["staging", "moved"]).await;
    let mut policy = fixture.policy();
    policy["trust"][0]["former_issuers"] = json!([SHARED]);
    // The discovery document may still have an issuer that the policy lists as a former one.
    policy["trust"][1]["issuer"] = json!("https://new.example.com");
    policy["trust"][1]["former_issuers"] = json!([fixture.cluster("moved").issuer.name()]);
    policy["trust"][1]["keys"]["discovery"] =
        json!("https://kubernetes.moved.example.com/.well-known/openid-configuration");
    let gateway = Explained::start(&fixture, policy).await;

    let cluster = fixture.cluster("staging");
    for issuer in [cluster.issuer.name(), SHARED] {
        let token = cluster.karma().claim("iss", issuer).sign(&cluster.key);
        assert_eq!(gateway.verdict(&token).await, "200", "{issuer}");
        assert_eq!(last_caller(&fixture), "staging/monitoring/karma");
    }
    let cluster = fixture.cluster("moved");
    for issuer in [cluster.issuer.name(), "https://new.example.com"] {
        let token = cluster.karma().claim("iss", issuer).sign(&cluster.key);
        assert_eq!(gateway.verdict(&token).await, "200", "{issuer}");
        assert_eq!(last_caller(&fixture), "moved/monitoring/karma");
    }
    let older = cluster.karma().claim("iss", "https://older.example.com");
    let older = older.sign(&cluster.key);
    assert_eq!(gateway.verdict(&older).await, "401 issuer-unknown");
    assert_eq!(fixture.app.count(), 4);
}

#[tokio::test]
async fn j11_a_token_without_kid_needs_exactly_one_suitable_key() {
    let fixture = Fixture::start(&["one", "ec-and-rsa", "two-ec"]).await;
    let rsa = SigningKey::rsa("blue");
    let second_ec = SigningKey::p256();
    let [one, ec_and_rsa, two_ec] = &fixture.clusters[..] else {
        panic!("three clusters");
    };
    ec_and_rsa.issuer.set_keys(&[&ec_and_rsa.key, &rsa]);
    two_ec.issuer.set_keys(&[&two_ec.key, &second_ec]);
    let gateway = Explained::start(&fixture, fixture.policy()).await;

    let without_kid = |cluster: &Cluster, key| {
        let token = cluster.karma().header("kid", Value::Null);
        token.sign(key)
    };
    for (token, expected) in [
        (without_kid(one, &one.key), "200"),
        (without_kid(ec_and_rsa, &ec_and_rsa.key), "200"),
        (without_kid(ec_and_rsa, &rsa), "200"),
        (without_kid(two_ec, &two_ec.key), "401 key-unknown"),
        (without_kid(one, &second_ec), "401 signature-invalid"),
    ] {
        assert_eq!(gateway.verdict(&token).await, expected);
    }
    assert_eq!(fixture.app.count(), 3);
}

#[tokio::test]
async fn inline_keys_need_no_issuer_and_are_used_until_one_responds() {
    let mut fixture = Fixture::start(&["inline-only", "inline-first"]).await;
    let fresh = SigningKey::p256();
    let mut policy = fixture.policy();
    for (index, cluster) in fixture.clusters.iter().enumerate() {
        policy["trust"][index]["keys"]["inline"] = json!({"keys": [cluster.key.jwk()]});
    }
    let keys = policy["trust"][0]["keys"].as_object_mut();
    keys.expect("an object").remove("envoy_cluster");
    fixture.cluster_mut("inline-first").issuer.down().await;
    fixture.cluster("inline-first").issuer.set_keys(&[&fresh]);
    let explained = Explained::start(&fixture, policy).await;
    let gateway = &explained.gateway;

    let inline_only = fixture.cluster("inline-only");
    assert_eq!(explained.verdict(&inline_only.token()).await, "200");
    let unknown = inline_only.karma().sign(&fresh);
    assert_eq!(explained.verdict(&unknown).await, "401 key-unknown");
    assert_eq!(inline_only.issuer.requests().len(), 0);

    assert_eq!(
        explained
            .verdict(&fixture.cluster("inline-first").token())
            .await,
        "200"
    );
    let later = fixture.cluster("inline-first").karma().sign(&fresh);
    assert_eq!(explained.verdict(&later).await, "503 keys-unavailable");
    fixture.cluster_mut("inline-first").issuer.up().await;
    let succeeded = [("trust", "inline-first"), ("outcome", "succeeded")];
    gateway
        .metric("portcullis_key_fetches_total", &succeeded, |fetches| {
            fetches >= 1.0
        })
        .await;
    assert_eq!(explained.verdict(&later).await, "200");
    assert_eq!(fixture.app.count(), 3);
}

#[tokio::test]
async fn only_pinned_keys_are_accepted() {
    let fixture = Fixture::start(&["staging", "other"]).await;
    let staging = fixture.cluster("staging");
    let unpinned = SigningKey::p256();
    staging.issuer.set_keys(&[&staging.key, &unpinned]);
    let mut policy = fixture.policy();
    for index in 0..2 {
        policy["trust"][index]["keys"]["pins"] = json!([thumbprint(&staging.key)]);
    }
    let gateway = Explained::start(&fixture, policy).await;

    assert_eq!(gateway.verdict(&staging.token()).await, "200");
    let token = staging.karma().sign(&unpinned);
    assert_eq!(gateway.verdict(&token).await, "401 key-unknown");
    // A JWKS without a pinned key is rejected.
    let other = fixture.cluster("other").token();
    assert_eq!(gateway.verdict(&other).await, "503 keys-unavailable");
    assert_eq!(fixture.app.count(), 1);
}

#[tokio::test]
async fn a_mirror_serves_its_own_trust_entry_with_the_age_of_its_last_fetch() {
    let fixture = Fixture::start(&["current", "other-trust", "other-issuer", "stale"]).await;
    let mut policy = fixture.policy();
    let mut mirrored_keys = Value::Null;
    for (index, cluster) in fixture.clusters.iter().enumerate() {
        policy["trust"][index]["keys"]["mirror"] = json!(true);
        policy["trust"][index]["keys"]["max_stale"] = json!("1h");
        let mut mirrored = json!({
            "trust": cluster.name,
            "issuer": cluster.issuer.name(),
            "source": "https://10.0.0.1:6443/openid/v1/jwks",
            "fetched_at": token::now() - 60,
            "keys": [cluster.key.jwk()],
        });
        match cluster.name.as_str() {
            "other-trust" => mirrored["trust"] = json!("current"),
            "other-issuer" => mirrored["issuer"] = json!(SHARED),
            "stale" => mirrored["fetched_at"] = json!(token::now() - 3700),
            _ => {}
        }
        let response = ServerResponse::json("application/json", &mirrored);
        if cluster.name == "current" {
            mirrored_keys = mirrored;
        }
        cluster.issuer.set_response(Endpoint::Mirror, response);
    }
    let explainer = Explainer::new(&policy, &fixture).with_keys(&mirrored_keys);
    let gateway = fixture.gateway(policy).start().await;

    let current = get_alerts(&fixture.cluster("current").token());
    let response = gateway.call(current.clone()).await;
    explainer
        .assert_agrees("current", &current, &response)
        .await;
    for (name, expected) in [
        ("current", "200"),
        ("other-trust", "503 keys-unavailable"),
        ("other-issuer", "503 keys-unavailable"),
        ("stale", "503 keys-stale"),
    ] {
        let cluster = fixture.cluster(name);
        assert_eq!(
            verdict(&gateway, &cluster.token()).await,
            expected,
            "{name}"
        );
        let seen = cluster.issuer.requests();
        let path = format!("/oauth2/mirror/{name}");
        assert!(seen.iter().all(|seen| seen.path == path), "{seen:?}");
        assert!(seen.iter().all(|seen| seen.authorization.is_none()));
    }
    assert_eq!(fixture.app.count(), 2);
}

#[tokio::test]
async fn k12_key_requests_carry_no_credentials_and_use_the_issuers_host() {
    let fixture = Fixture::start(&["staging"]).await;
    let gateway = fixture.gateway(fixture.policy()).start().await;
    let cluster = fixture.cluster("staging");
    assert_eq!(verdict(&gateway, &cluster.token()).await, "200");

    let seen = cluster.issuer.requests();
    let endpoints: Vec<_> = seen.iter().map(|seen| seen.endpoint).collect();
    assert_eq!(endpoints, [Endpoint::Discovery, Endpoint::Keys]);
    assert_eq!(seen[0].host.as_deref(), Some(cluster.issuer.host()));
    let address = cluster.issuer.address().to_string();
    assert_eq!(seen[1].host, Some(address));
    assert!(seen.iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn k07_a_pinned_uid_rejects_a_recreated_service_account() {
    let fixture = Fixture::start(&["staging"]).await;
    let staging = fixture.cluster("staging");
    let mut policy = fixture.policy();
    let account = |uid: &str| {
        let mut bound = staging.karma().claims()["kubernetes.io"].clone();
        bound["serviceaccount"]["uid"] = json!(uid);
        staging
            .karma()
            .claim("kubernetes.io", bound)
            .sign(&staging.key)
    };
    policy["apps"][0]["rules"][0]["allow"] = json!([{
        "service_account": "staging/monitoring/karma",
        "claim": {"path": ["kubernetes.io", "serviceaccount", "uid"], "equals": "first"},
    }]);
    let gateway = fixture.gateway(policy).start().await;
    assert_eq!(verdict(&gateway, &account("first")).await, "200");
    let again = verdict(&gateway, &account("second")).await;
    assert_eq!(again, "403 caller-not-allowed");
}
