//! The encodings of the policy in Envoy's configuration, in the newest and the oldest Envoy, and a
//! missing policy.

use portcullis_tests::lab::fixture::{HOST, get_alerts};
use portcullis_tests::lab::{Call, Fixture, Gateway, PolicyEncoding, Version};
use serde_json::{Value, json};

const ENCODINGS: [PolicyEncoding; 3] = [
    PolicyEncoding::StringValue,
    PolicyEncoding::BytesValue,
    PolicyEncoding::Struct,
];

#[tokio::test]
async fn every_encoding_works_in_the_newest_and_the_oldest_envoy() {
    let fixture = Fixture::start(&["blue"]).await;
    let mut policy = fixture.policy();
    // What a Struct could lose: numbers, booleans, nesting, an object with one member.
    policy["max_token"] = json!(4096);
    policy["audit"] = json!({"allowed": "warn"});
    policy["apps"][0]["preflight"] = json!(false);
    policy["apps"][0]["rules"][0]["paths"] = json!(["/api/v2/**"]);
    let long = "A".repeat(4097);
    for version in Version::ALL {
        for encoding in ENCODINGS {
            let what = format!("{encoding:?} in Envoy {version}");
            let before = fixture.app.count();
            let builder = fixture
                .gateway(policy.clone())
                .version(version)
                .policy_encoding(encoding);
            let gateway = builder.start().await;
            let verdict = async |call| gateway.call(call).await.verdict();
            let token = fixture.cluster("blue").token();
            assert_eq!(verdict(get_alerts(&token)).await, "200", "{what}");
            assert_eq!(
                verdict(get_alerts(&long)).await,
                "401 token-too-large",
                "{what}"
            );
            assert_eq!(fixture.app.count(), before + 1, "{what}");
        }
    }
}

/// Policies that the filter rejects at start, and what Envoy's log must contain for each: the
/// location and the help.
fn invalid_policies(policy: &Value) -> Vec<(&'static str, Value, [&'static str; 2])> {
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut policy = policy.clone();
        edit(&mut policy);
        policy
    };
    vec![
        (
            "missing",
            Value::Null,
            [
                "the configuration is missing or empty",
                "write the policy as YAML under a google.protobuf.Struct",
            ],
        ),
        (
            "empty",
            json!(""),
            [
                "the configuration is missing or empty",
                "portcullis check --json FILE",
            ],
        ),
        (
            "white space",
            json!(" \n"),
            [
                "the configuration is missing or empty",
                "portcullis check --json FILE",
            ],
        ),
        ("an empty object", json!({}), ["apps", ";"]),
        (
            "YAML",
            json!("trust: []"),
            ["starts with 't'", "portcullis check --json FILE"],
        ),
        (
            "truncated",
            json!("{\"trust\": ["),
            ["not JSON", "write one JSON object"],
        ),
        (
            "a typo",
            edited(&|policy| policy["apps"][0]["rules"][0]["alow"] = json!([])),
            ["apps[0].rules[0].alow", "did you mean `allow`?"],
        ),
        (
            "no rules",
            edited(&|policy| policy["apps"][0]["rules"] = json!([])),
            ["apps[0].rules: ", ";"],
        ),
        (
            "an unknown trust entry",
            edited(&|policy| {
                policy["apps"][0]["rules"][0]["allow"] = json!([{"service_account": "red/a/b"}]);
            }),
            ["apps[0].rules[0].allow[0]", ";"],
        ),
        (
            "an app on the companion's host",
            edited(&|policy| {
                policy["sso"] =
                    json!({"url": format!("https://{HOST}"), "envoy_cluster": "portcullis"});
            }),
            ["apps[0].hosts[0]: ", "is the host of `sso.url`;"],
        ),
    ]
}

#[tokio::test]
async fn envoy_does_not_start_with_an_invalid_policy() {
    let fixture = Fixture::start(&["blue"]).await;
    for version in Version::ALL {
        for (what, policy, expected) in invalid_policies(&fixture.policy()).into_iter().take(2) {
            let started = fixture.gateway(policy).version(version).try_start().await;
            let log = started.expect_err(what).0;
            for text in expected {
                assert!(
                    log.contains(text),
                    "{what}, Envoy {version}: {text:?} is not in\n{log}"
                );
            }
        }
    }
    assert_eq!(fixture.app.count(), 0);
}

#[tokio::test]
async fn an_invalid_edit_is_reported_with_help_and_the_old_policy_stays() {
    let fixture = Fixture::start(&["blue"]).await;
    let good = fixture.policy();
    for version in Version::ALL {
        let mut gateway: Gateway = fixture.gateway(good.clone()).version(version).start().await;
        // Envoy does not retry a configuration that it has rejected, and treats a missing
        // configuration like an empty one.
        for (what, policy, expected) in invalid_policies(&good).into_iter().skip(1) {
            let refused = gateway.replace_policy(policy).await;
            let log = refused.expect_err(what).0;
            let line = log
                .lines()
                .find(|line| line.contains("portcullis: invalid configuration: "))
                .unwrap_or_else(|| panic!("{what}, Envoy {version}:\n{log}"));
            for text in expected {
                assert!(
                    line.contains(text),
                    "{what}, Envoy {version}: {text:?} is not in\n{line}"
                );
            }
            let token = fixture.cluster("blue").token();
            assert_eq!(
                gateway.call(get_alerts(&token)).await.verdict(),
                "200",
                "{what}"
            );
            let verdict = gateway.call(Call::get(HOST, "/")).await.verdict();
            assert_eq!(verdict, "401 no-credentials", "{what}");
        }
    }
}
