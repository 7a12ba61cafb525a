//! The dashboard, with the metrics of the demo.

use std::collections::BTreeSet;
use std::fs;

use portcullis_tests::demo::{self, Caller, Clusters, DemoGateway};
use portcullis_tests::lab::{Call, Prometheus, port, wait};
use serde_json::Value;

use crate::{files, names};

/// What a variable of the dashboard stands for: `$job`, `$app`, and the interval for `rate`.
const VARIABLES: [(&str, &str); 3] = [("$__rate_interval", "1m"), ("$job", ".*"), ("$app", ".*")];

/// One in so many verifications is measured.
const VERIFICATIONS: usize = 40;

#[tokio::test]
async fn every_query_returns_a_series_of_the_demo_and_every_alert_uses_scraped_names() {
    let clusters = Clusters::new();
    let demo = DemoGateway::start(&clusters, [port::free(), port::free()]).await;
    let rows = demo::run_checks(&demo, &clusters).await;
    assert!(rows.iter().all(|row| row.differs.is_none()), "{rows:?}");

    // Nothing is wrong so far.
    let prometheus = demo.prometheus();
    wait::until_true("no critical alert", wait::LONG, async || {
        let critical = prometheus.query("ALERTS{severity=\"critical\"}").await;
        let scraped = prometheus.query("portcullis_companion_build_info").await;
        critical.is_empty() && !scraped.is_empty()
    })
    .await;

    cause_all_metrics(&demo, &clusters).await;
    let queries = files::queries();
    assert!(queries.len() >= 30, "only {} queries", queries.len());
    for (title, query) in queries {
        let query = VARIABLES
            .iter()
            .fold(query, |query, (name, value)| query.replace(name, value));
        assert!(!query.contains('$'), "{title}: unknown variable in {query}");
        wait::until_true(&format!("{title}: {query}"), wait::LONG, async || {
            returns_a_number(prometheus, &query).await
        })
        .await;
    }
    for (metric, label) in variables() {
        let values = prometheus.label_values(&metric, &label).await;
        assert!(!values.is_empty(), "{metric} has no {label}");
    }
    names::assert_scraped(prometheus).await;
}

/// Some metrics exist only after an event.
async fn cause_all_metrics(demo: &DemoGateway, clusters: &Clusters) {
    for _ in 0..VERIFICATIONS {
        let token = Caller::Karma.token(clusters).expect("a token");
        let call = Call::get(&demo.host("alertmanager"), "/api/v2/alerts").bearer(&token);
        let (response, _) = demo.call(&call).await;
        assert_eq!(response.status, 200);
    }
    let companion = demo.companion();
    for refused in [
        Call::get("localhost", "/oauth2/callback?state=a&state=b"),
        Call::get("localhost", "/oauth2/auth"),
        Call::post("localhost", "/oauth2/refresh"),
    ] {
        let status = companion.call(refused).await.status;
        assert!(matches!(status, 401 | 403), "{status}");
    }
    let policy = fs::read(companion.file("portcullis.yaml")).expect("a policy");
    let mut policy: Value = serde_json::from_slice(&policy).expect("a policy as JSON");
    policy["apps"][0]["rules"][0]["name"] = "karma-polls".into();
    policy["apps"][0]["report_until"] = "2999-01-01T00:00:00Z".into();
    companion.write_policy(&policy);
    companion.wait_for_log("reloaded").await;
}

/// Whether a query returns a series whose value is a number.
async fn returns_a_number(prometheus: &Prometheus, query: &str) -> bool {
    let series = prometheus.query(query).await;
    series.iter().any(|one| one["value"][1] != "NaN")
}

/// The metric and the label of each variable whose values Prometheus has.
fn variables() -> Vec<(String, String)> {
    let dashboard = files::dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("a list");
    let queries = variables.iter().filter(|one| one["type"] == "query");
    queries
        .map(|one| {
            let query = files::string(&one["query"]["query"]);
            let inside = query.strip_prefix("label_values(").expect("label_values");
            let (metric, label) = inside.split_once(", ").expect("two parameters");
            (metric.to_owned(), label.trim_end_matches(')').to_owned())
        })
        .collect()
}

#[test]
fn panels_have_titles_descriptions_and_the_chosen_data_source() {
    let dashboard = files::dashboard();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = files::string(&panel["title"]);
        assert!(ids.insert(panel["id"].as_u64()), "{title}: duplicate id");
        if panel["type"] == "row" {
            continue;
        }
        assert!(!files::string(&panel["description"]).is_empty(), "{title}");
        let targets = panel["targets"].as_array().expect("targets").iter();
        for target in targets.chain([panel]) {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
    // The alerts that a description names exist.
    let text = dashboard.to_string();
    let alerts = files::alerts();
    let alerts: BTreeSet<&str> = alerts
        .iter()
        .filter_map(|one| one["alert"].as_str())
        .collect();
    let named = text.split("Alerted as ").skip(1);
    for name in named.filter_map(|rest| rest.split([' ', '.']).next()) {
        assert!(alerts.contains(name), "no alert {name}");
    }
}
