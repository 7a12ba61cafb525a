//! Least privilege in front of the real apps: a token that may read alerts may do nothing else.

use portcullis_tests::lab::fixture::AUDIENCE;
use portcullis_tests::lab::{Alertmanager, Call, Fixture, Gateway, Prometheus, Token};
use serde_json::{Value, json};

const ALERTMANAGER: &str = "alertmanager.example.com";
const PROMETHEUS: &str = "prometheus.example.com";

/// Karma reads alerts, Grafana queries Prometheus, and operators may do everything.
fn policy(trust: Value) -> Value {
    let operators = json!({"name": "operators", "allow": [{"service_account": "blue/ops/*"}]});
    json!({
        "trust": [trust],
        "apps": [
            {
                "name": "alertmanager",
                "hosts": [ALERTMANAGER],
                "rules": [
                    {
                        "name": "karma-polls",
                        "methods": ["GET", "HEAD"],
                        "paths": ["/api/v2/**", "/metrics"],
                        "allow": [{"service_account": "blue/monitoring/karma"}],
                    },
                    {"name": "probes", "paths": ["/-/healthy"], "public": true},
                    operators,
                ],
            },
            {
                "name": "prometheus",
                "hosts": [PROMETHEUS],
                "rules": [
                    {
                        "name": "grafana-queries",
                        "paths": ["/api/v1/query"],
                        "allow": [{"service_account": "blue/monitoring/grafana"}],
                    },
                    operators,
                ],
            },
        ],
    })
}

#[tokio::test]
async fn a_token_that_may_read_alerts_may_do_nothing_else() {
    let (fixture, alertmanager, prometheus) = tokio::join!(
        Fixture::start(&["blue"]),
        Alertmanager::start(),
        Prometheus::start()
    );
    let blue = fixture.cluster("blue");
    let gateway = Gateway::with(policy(blue.trust()))
        .issuer("blue", &blue.issuer, &fixture.authority)
        .app(ALERTMANAGER, alertmanager.address())
        .app(PROMETHEUS, prometheus.address())
        .start()
        .await;
    let token = |namespace: &str, name: &str| {
        Token::service_account(blue.issuer.name(), AUDIENCE, namespace, name).sign(&blue.key)
    };
    let karma = token("monitoring", "karma");
    let verdict = async |call: Call| gateway.call(call.bearer(&karma)).await.verdict();

    let alert = json!([{"labels": {"alertname": "Intruder"}}]).to_string();
    let create = |host: &str| {
        Call::post(host, "/api/v2/alerts")
            .header("content-type", "application/json")
            .body(alert.as_str())
    };
    let alerts = async || {
        let call = Call::get(ALERTMANAGER, "/api/v2/alerts").bearer(&karma);
        let response = gateway.call(call).await;
        assert_eq!(response.verdict(), "200");
        response.json()
    };
    assert_eq!(alerts().await, json!([]));
    assert_eq!(verdict(Call::get(ALERTMANAGER, "/metrics")).await, "200");

    let status = async || {
        let call = Call::get(ALERTMANAGER, "/metrics");
        let metrics = call.send(alertmanager.address()).await.text();
        let line = metrics.lines().find(|line| {
            line.starts_with("alertmanager_config_last_reload_success_timestamp_seconds")
        });
        line.map(str::to_owned)
    };
    let loaded = status().await;
    assert!(loaded.is_some());
    for call in [
        create(ALERTMANAGER),
        Call::post(ALERTMANAGER, "/-/reload"),
        Call::new("PUT", ALERTMANAGER, "/-/reload"),
        Call::get(ALERTMANAGER, "/-/reload"),
        Call::new("DELETE", ALERTMANAGER, "/api/v2/silence/9f2e"),
        Call::new("OPTIONS", ALERTMANAGER, "/api/v2/alerts"),
        Call::get(ALERTMANAGER, "/"),
        Call::get(ALERTMANAGER, "/api/v1/alerts"),
        Call::get(ALERTMANAGER, "/api/v2x"),
        Call::get(ALERTMANAGER, "/API/v2/alerts"),
        Call::get(ALERTMANAGER, "/metrics/"),
        Call::get(ALERTMANAGER, "/debug/pprof/"),
        Call::get(PROMETHEUS, "/api/v2/alerts"),
        Call::get(PROMETHEUS, "/api/v1/query?query=1"),
        Call::get(PROMETHEUS, "/metrics"),
        Call::post(PROMETHEUS, "/-/quit"),
    ] {
        let what = format!("{call:?}");
        assert_eq!(verdict(call).await, "403 caller-not-allowed", "{what}");
    }
    assert_eq!(alerts().await, json!([]), "nothing was created");
    assert_eq!(status().await, loaded, "nothing was reloaded");

    // What is refused above is allowed for the callers that the rules list.
    let grafana = token("monitoring", "grafana");
    let query = Call::get(PROMETHEUS, "/api/v1/query?query=1%2B1").bearer(&grafana);
    assert_eq!(gateway.call(query).await.json()["data"]["result"][1], "2");
    let other_app = Call::get(ALERTMANAGER, "/api/v2/alerts").bearer(&grafana);
    assert_eq!(
        gateway.call(other_app).await.verdict(),
        "403 caller-not-allowed"
    );
    let healthy = gateway.call(Call::get(ALERTMANAGER, "/-/healthy")).await;
    assert_eq!(healthy.status, 200);
    let operator = token("ops", "anna");
    let reload = Call::post(ALERTMANAGER, "/-/reload").bearer(&operator);
    assert_eq!(gateway.call(reload).await.status, 200);
    let created = gateway.call(create(ALERTMANAGER).bearer(&operator)).await;
    assert_eq!(created.status, 200);
    assert_eq!(alerts().await[0]["labels"]["alertname"], "Intruder");
}
