//! What the gate reports and does not enforce, and what it tells apps and refused users.

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, TestGateway};
use serde_json::{Value, json};

const OTHER: &str = "other.example.com";

/// Refusals of one app are only reported, and another app refuses all callers.
fn edit(policy: &mut Value) {
    let app = &mut policy["apps"][0];
    app["rules"][0]["paths"] = json!(["/api/**"]);
    app["report_until"] = json!("2999-01-01T00:00:00Z");
    app["identity_headers"] = json!({"X-WEBAUTH-USER": "caller"});
    app["shadow_rules"] = json!([{"name": "open", "paths": ["/open"], "public": true}]);
    let other = json!({
        "name": "other", "hosts": [OTHER], "contact": "#sre, or https://wiki.example.com/access",
        "rules": [{"name": "none", "allow": [{"service_account": "blue/none/none"}]}],
    });
    policy["apps"].as_array_mut().unwrap().push(other);
}

async fn start() -> TestGateway {
    TestGateway::with(edit, |builder| builder.app_at(OTHER, "app-1")).await
}

/// The values of a header that the app received.
fn received(seen: &Value, name: &str) -> Vec<String> {
    let fields = seen["headers"].as_array().expect("a list").iter();
    let fields = fields.filter(|field| field[0] == name);
    fields
        .map(|field| field[1].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn refusals_are_reported_until_the_time_and_differences_of_shadow_rules_too() {
    let mut gateway = start().await.explained();
    let token = gateway.token();
    let bearer = format!("Bearer {token}");
    let caller = "blue/monitoring/karma";
    for (path, authorization, caller, forwarded) in [
        ("/open", "Basic YTpi", None, Some("Basic YTpi")),
        ("/x", "Bearer a.b.c", None, Some("Bearer a.b.c")),
        ("/x", &*bearer, Some(caller), Some(&*bearer)),
        ("/api/x", &bearer, Some(caller), None),
    ] {
        let call = Call::get(HOST, path)
            .header("authorization", authorization)
            .header("X-WebAuth_User", "root")
            .header("x-portcullis-caller", "root");
        let seen = gateway.assert_allowed(path, call).await;
        let identity: Vec<&str> = caller.into_iter().collect();
        assert_eq!(received(&seen, "x-webauth-user"), identity, "{path}");
        assert_eq!(received(&seen, "x-portcullis-caller"), identity, "{path}");
        let forwarded: Vec<&str> = forwarded.into_iter().collect();
        assert_eq!(received(&seen, "authorization"), forwarded, "{path}");
        assert!(!seen.to_string().contains("root"), "{seen}");
    }
    gateway
        .assert_refused(
            "ambiguous",
            Call::get(HOST, "/api;x"),
            400,
            "request-ambiguous",
        )
        .await;

    let envoy = &gateway.gateway;
    let counts = |count: f64| move |value: f64| value == count;
    for reason in ["no-credentials", "token-malformed", "caller-not-allowed"] {
        let labels = [("app", "alertmanager"), ("reason", reason)];
        let name = "portcullis_report_only_total";
        envoy.metric(name, &labels, counts(1.0)).await;
    }
    let labels = [
        ("app", "alertmanager"),
        ("decision", "refused"),
        ("shadow", "allowed"),
    ];
    let name = "portcullis_shadow_differences_total";
    envoy.metric(name, &labels, counts(1.0)).await;
    let labels = [
        ("app", "alertmanager"),
        ("decision", "allowed"),
        ("shadow", "refused"),
    ];
    envoy.metric(name, &labels, counts(1.0)).await;
    let name = "portcullis_report_until_timestamp_seconds";
    let labels = [("app", "alertmanager")];
    envoy.metric(name, &labels, counts(32_472_144_000.0)).await;
    let name = "portcullis_report_only_apps";
    envoy.metric(name, &[], counts(1.0)).await;

    let warning = "app `alertmanager` is open until 2999-01-01T00:00:00Z";
    assert!(envoy.log().contains(warning));
    let records = envoy.audit_records();
    let record = records.iter().find(|one| one.record["path"] == "/open");
    let record = &record.expect("a record").record;
    for (member, value) in [
        ("decision", "allowed"),
        ("reason", "report-only"),
        ("enforced", "no-credentials"),
        ("shadow", "allowed"),
        ("shadow_rule", "open"),
    ] {
        assert_eq!(record[member], value, "{record}");
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_refused_user_sees_whom_to_ask_and_the_request_id() {
    let gateway = start().await;
    let call = Call::get(OTHER, "/")
        .bearer(&gateway.token())
        .header("accept", "text/html");
    let page = gateway.gateway.call(call).await;
    assert_eq!(page.status, 403);
    let ask = "Ask #sre, or <a href=\"https://wiki.example.com/access\">https://wiki.example.com/access</a> \
               for access.";
    assert!(page.text().contains(ask), "{}", page.text());
    let is_refused = |line: &Value| line["host"] == OTHER;
    gateway.gateway.logged("the refusal", is_refused).await;
    let records = gateway.gateway.audit_records();
    let id = records[0].record["id"].as_str().expect("an ID");
    let shown = format!("Request ID: <code>{id}</code>");
    assert!(page.text().contains(&shown), "{}", page.text());
    gateway.assert_clean().await;
}
