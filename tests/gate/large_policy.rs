//! A policy of thousands of apps.

use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::{Call, PolicyEncoding, TestGateway};
use serde_json::{Value, json};

/// An app of ten rules.
fn app(number: usize) -> Value {
    let rule = |rule: usize| {
        json!({
            "name": format!("rule-{rule}"),
            "methods": ["GET"],
            "paths": [format!("/api/v{rule}/**")],
            "allow": [{"service_account": format!("blue/team-{number}/karma")}],
        })
    };
    json!({
        "name": format!("app-{number}"),
        "hosts": [format!("app-{number}.example.com")],
        "rules": (0..10).map(rule).collect::<Vec<_>>(),
    })
}

#[tokio::test]
async fn a_policy_of_a_thousand_apps_is_accepted_in_every_encoding() {
    for encoding in [PolicyEncoding::StringValue, PolicyEncoding::Struct] {
        let mut gateway = TestGateway::with(
            |policy| {
                let apps = policy["apps"].as_array_mut().expect("apps");
                apps.extend((0..1000).map(app));
            },
            |builder| builder.policy_encoding(encoding),
        )
        .await
        .explained();
        let token = gateway.token();
        gateway
            .assert_allowed("the first app", get_alerts(&token))
            .await;
        let other = Call::get("app-999.example.com", "/api/v1/x").bearer(&token);
        gateway
            .assert_refused("the last app", other, 403, "caller-not-allowed")
            .await;
        gateway.assert_clean().await;
    }
}
