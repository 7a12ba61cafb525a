//! `encoded_paths: pass`: apps that read encoded separators in paths literally, such as RabbitMQ, Argo CD
//! and GitLab.

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, TestGateway, Version};
use serde_json::json;

#[tokio::test]
async fn encoded_separators_reach_the_app_unchanged_and_match_no_public_rule() {
    for version in Version::ALL {
        let mut gateway = TestGateway::with(
            |policy| {
                policy["apps"][0]["encoded_paths"] = json!("pass");
                let rules = policy["apps"][0]["rules"].as_array_mut().expect("rules");
                rules.push(json!({"name": "probes", "paths": ["/health/**"], "public": true}));
            },
            |builder| builder.version(version),
        )
        .await
        .explained();
        let token = gateway.token();
        for path in [
            "/api/queues/%2F/my%20queue",
            "/api/v4/projects/group%2fproject?x=%2F",
            "/api/v1/repositories/https%3A%2F%2Fgithub.com%2Forg%2Frepo",
            "/a%5Cb%3Bc%3Fd%23e",
        ] {
            let call = Call::get(HOST, path).bearer(&token);
            let seen = gateway.assert_allowed(path, call).await;
            assert_eq!(seen["path"], path, "{version}");
        }
        let public = Call::get(HOST, "/health/a%2Fb");
        gateway
            .assert_refused("public", public, 401, "no-credentials")
            .await;
        for path in [
            "/a%2F..%2Fb",
            "/..%2Fb",
            "/a%252Fb",
            "/a%2F%2e%2e",
            "/..%3Bx/b",
            "/a%2F;b",
        ] {
            let call = Call::get(HOST, path).bearer(&token);
            gateway
                .assert_refused(path, call, 400, "request-ambiguous")
                .await;
        }
        gateway.assert_clean().await;
    }
}
