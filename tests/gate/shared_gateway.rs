//! A gateway that the gate shares with apps of others (`ungated`).

use portcullis_tests::lab::{Call, TestGateway, Version};
use serde_json::{Value, json};

const SHOP: &str = "shop.example.com";

fn edit(policy: &mut Value) {
    policy["ungated"] = json!([SHOP]);
    policy["sso"] = json!({"url": "https://auth.example.com", "envoy_cluster": "companion"});
}

#[tokio::test]
async fn requests_for_an_ungated_host_are_forwarded_unchanged_and_counted() {
    for version in Version::ALL {
        let gateway = TestGateway::with(edit, |builder| {
            let builder = builder.version(version).raw_paths();
            builder
                .app_at(SHOP, "app-1")
                .app_at("other.example.com", "app-1")
        });
        let mut gateway = gateway.await;
        let call = Call::get(SHOP, "/cart//a;b/%2F?x=1")
            .header("authorization", "Basic YTpi")
            .header("x-forwarded-user", "ada")
            .header("X-Portcullis_Caller", "sso/1")
            .header(
                "cookie",
                "cart=1; __Secure-portcullis=x; __Secure-portcullis-session.0=y",
            );
        let seen = gateway.assert_allowed("unchanged", call).await;
        assert_eq!(seen["path"], "/cart//a;b/%2F?x=1");
        let has = |name: &str, value: &str| {
            let fields = seen["headers"].as_array().expect("a list");
            fields.contains(&json!([name, value]))
        };
        assert!(has("authorization", "Basic YTpi"), "{seen}");
        assert!(has("x-forwarded-user", "ada"), "{seen}");
        assert!(has("cookie", "cart=1"), "{seen}");
        assert!(!seen.to_string().contains("sso/1"), "{seen}");

        let call = Call::get("other.example.com", "/");
        gateway
            .assert_refused("not listed", call, 403, "app-unknown")
            .await;

        let labels = [
            ("app", "none"),
            ("decision", "allowed"),
            ("reason", "ungated"),
        ];
        let envoy = &gateway.gateway;
        envoy
            .metric("portcullis_decisions_total", &labels, |count| count == 1.0)
            .await;
        let records = envoy.audit_records();
        let record = records
            .iter()
            .find(|record| record.record["reason"] == "ungated");
        assert_eq!(record.expect("a record").record["host"], SHOP);
        gateway.assert_clean().await;
    }
}
