//! The filter as an Envoy dynamic module: the same engine with another adapter. With
//! `PORTCULLIS_ADAPTER=module`, the other tests use it too.

use portcullis_tests::lab::SigningKey;
use portcullis_tests::lab::client::Call;
use portcullis_tests::lab::envoy::{Adapter, Builder, PolicyEncoding, Rejected, Version};
use portcullis_tests::lab::fixture::{AUDIENCE, Fixture, HOST, get_alerts};
use portcullis_tests::lab::token::Token;
use serde_json::{Value, json};

/// The fixture's policy with a public rule and audit records.
pub(crate) fn policy(fixture: &Fixture) -> Value {
    let mut policy = fixture.policy();
    let probes = json!({"name": "probes", "paths": ["/-/healthy"], "public": true});
    policy["apps"][0]["rules"]
        .as_array_mut()
        .unwrap()
        .push(probes);
    policy["audit"] = json!({"allowed": "info", "refused": "warn"});
    policy
}

pub(crate) fn gateway(fixture: &Fixture, policy: &Value) -> Builder {
    fixture.gateway(policy.clone()).adapter(Adapter::Module)
}

#[tokio::test]
async fn decisions_are_those_of_the_filter_in_every_supported_envoy() {
    let fixture = Fixture::start(&["staging", "other"]).await;
    let staging = fixture.cluster("staging");
    let policy = policy(&fixture);
    let encodings = [
        PolicyEncoding::StringValue,
        PolicyEncoding::BytesValue,
        PolicyEncoding::Struct,
    ];
    for (encoding, version) in encodings.into_iter().zip(Version::OF_MODULE) {
        let gateway = gateway(&fixture, &policy).policy_encoding(encoding);
        let gateway = gateway.version(version).start().await;
        let before = fixture.app.count();

        // Several times, so that the token cache is used too.
        for _ in 0..3 {
            let call = get_alerts(&staging.token())
                .header("x-auth-request-user", "intruder")
                .header("X_Portcullis_Caller", "intruder")
                .header("cookie", "theme=dark");
            let response = gateway.call(call).await;
            assert_eq!(response.verdict(), "200");
            let received = fixture.app.requests().pop().unwrap();
            let text = received.to_string();
            assert!(!text.contains("intruder"), "{text}");
            assert!(!text.contains("authorization"), "{text}");
            for pair in [
                json!(["x-auth-request-user", "staging/monitoring/karma"]),
                json!(["x-portcullis-caller", "staging/monitoring/karma"]),
                json!(["cookie", "theme=dark"]),
            ] {
                assert!(
                    received["headers"].as_array().unwrap().contains(&pair),
                    "{text}"
                );
            }
        }
        let public = gateway.call(Call::get(HOST, "/-/healthy")).await;
        assert_eq!(public.verdict(), "200");
        assert_eq!(fixture.app.count(), before + 4);

        let unlisted = Token::service_account(staging.issuer.name(), AUDIENCE, "default", "other");
        let forged = staging.karma().sign(&fixture.cluster("other").key);
        for (call, verdict, challenge) in [
            (
                Call::get(HOST, "/api/v2/alerts"),
                "401 no-credentials",
                "Bearer realm=\"alertmanager\"",
            ),
            (
                get_alerts(&unlisted.sign(&staging.key)),
                "403 caller-not-allowed",
                "Bearer realm=\"alertmanager\", error=\"insufficient_scope\"",
            ),
            (
                get_alerts(&forged),
                "401 key-unknown",
                "Bearer realm=\"alertmanager\", error=\"invalid_token\"",
            ),
        ] {
            let response = gateway.call(call).await;
            assert_eq!(response.verdict(), verdict);
            assert_eq!(
                response.header("www-authenticate").as_deref(),
                Some(challenge)
            );
        }
        assert_eq!(fixture.app.count(), before + 4);
        let line = gateway
            .logged("a refusal", |line| {
                line["details"] == "portcullis{caller-not-allowed}"
            })
            .await;
        assert_eq!(line["caller"], "staging/default/other");
        assert_eq!(line["reason"], "caller-not-allowed");
        let log = gateway.log();
        assert!(log.contains(r#"{"audit":"portcullis.decision.v1","time":""#));
        assert!(log.contains(r#""decision":"allowed""#));
        assert!(log.contains(r#""client":"127.0.0.1""#), "{log}");
        assert!(log.contains(r#""reason":"caller-not-allowed""#));
    }
}

#[tokio::test]
async fn metrics_have_labels_and_every_decision_is_counted() {
    let fixture = Fixture::start(&["staging"]).await;
    let gateway = gateway(&fixture, &policy(&fixture)).start().await;
    let karma = get_alerts(&fixture.cluster("staging").token());
    for _ in 0..20 {
        assert_eq!(gateway.call(karma.clone()).await.verdict(), "200");
    }
    let anonymous = Call::get(HOST, "/api/v2/alerts");
    assert_eq!(
        gateway.call(anonymous).await.verdict(),
        "401 no-credentials"
    );
    for (decision, reason, expected) in [
        ("allowed", "rule", 20.0),
        ("refused", "no-credentials", 1.0),
    ] {
        let labels = [
            ("app", "alertmanager"),
            ("decision", decision),
            ("reason", reason),
        ];
        gateway
            .metric("portcullis_decisions_total", &labels, |count| {
                count == expected
            })
            .await;
    }
    gateway
        .metric("portcullis_policy_digest", &[], |digest| digest > 0.0)
        .await;
}

#[tokio::test]
async fn signatures_of_every_algorithm_are_verified() {
    let fixture = Fixture::start(&["staging"]).await;
    let staging = fixture.cluster("staging");
    let keys = SigningKey::one_per_algorithm();
    let mut policy = policy(&fixture);
    let jwks: Vec<Value> = keys.iter().map(SigningKey::jwk).collect();
    policy["trust"][0]["keys"] = json!({"inline": {"keys": jwks}});
    let gateway = gateway(&fixture, &policy).start().await;
    for key in &keys {
        let algorithm = key.jwk()["alg"].to_string();
        let token = staging.karma().sign(key);
        assert_eq!(
            gateway.call(get_alerts(&token)).await.verdict(),
            "200",
            "{algorithm}"
        );
        let other = staging.karma().claim("jti", "other").sign(key);
        let (Some((signed, _)), Some((_, signature))) =
            (other.rsplit_once('.'), token.rsplit_once('.'))
        else {
            panic!("two tokens");
        };
        let forged = get_alerts(&format!("{signed}.{signature}"));
        let verdict = gateway.call(forged).await.verdict();
        assert_eq!(verdict, "401 signature-invalid", "{algorithm}");
    }
}

#[tokio::test]
async fn h06_identity_trailers_are_removed() {
    let fixture = Fixture::start(&["staging"]).await;
    let gateway = gateway(&fixture, &policy(&fixture))
        .apps_by_http2()
        .start()
        .await;
    let call = get_alerts(&fixture.cluster("staging").token())
        .body("x")
        .trailer("x-checksum", "1")
        .trailer("x-portcullis-caller", "intruder")
        .trailer("authorization", "intruder");
    assert_eq!(call.send_h2(gateway.address()).await.status, 200);
    let received = fixture.app.requests().pop().unwrap();
    assert_eq!(received["trailers"], json!([["x-checksum", "1"]]));
}

#[tokio::test]
async fn invalid_configurations_are_rejected() {
    let fixture = Fixture::start(&["staging"]).await;
    let misnamed = json!({
        "name": "portcullis",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3\
                .DynamicModuleFilter",
            "dynamic_module_config": {"name": "portcullis", "do_not_close": true},
            "filter_name": "other",
        },
    });
    for (gateway, why) in [
        (
            gateway(&fixture, &json!("\"\"")),
            "byte 0: the configuration starts with",
        ),
        (
            fixture.gateway(Value::Null).filters(vec![misnamed]),
            "unknown filter name; help: set `filter_name: portcullis`",
        ),
    ] {
        let Err(Rejected(log)) = gateway.try_start().await else {
            panic!("{why}: not rejected");
        };
        let line = format!("portcullis: invalid configuration: {why}");
        assert!(log.contains(&line), "{line}\n{log}");
    }
}

/// Envoy 1.36 compares a hash of the whole ABI and rejects modules that were built for another one.
/// It needs the WebAssembly filter.
#[tokio::test]
async fn envoy_1_36_rejects_the_dynamic_module() {
    let fixture = Fixture::start(&["staging"]).await;
    let builder = gateway(&fixture, &policy(&fixture)).version(Version::V1_36);
    assert!(builder.try_start().await.is_err());
}
