//! The names that expressions use, compared with scraped metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_core::decision::Reason;
use portcullis_tests::lab::envoy::Stats;
use portcullis_tests::lab::folder::{self, workspace};
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Authority, Call, Prometheus, TestGateway, Version, port, tools, wait};
use serde_json::json;

use crate::files;
use crate::promql::{Matcher, Names, Selector};

/// Labels of each target, which the configuration of Prometheus sets.
const TARGET: [&str; 4] = ["instance", "job", "namespace", "pod"];

/// A label that the rules themselves make.
const MADE: &str = "digest";

/// Metrics of Istio's agent and of istiod, which the demo has not.
const ISTIO: [&str; 2] = [
    "istio_agent_wasm_config_conversion_count",
    "pilot_total_xds_rejects",
];

/// How the metrics of `portcullis attach` begin, which the demo does not run.
const ATTACH: &str = "portcullis_attach_";

/// Envoy's counter of rejected listener updates, which a gateway with a static listener has not.
const REJECTED: &str = "envoy_listener_manager_lds_update_rejected";

/// The series of Prometheus itself.
const ALERTS: &str = "ALERTS";

/// All expressions: the alerts', and the dashboard's.
fn expressions() -> Vec<String> {
    let rules = files::rules().into_iter();
    let rules = rules.map(|rule| files::string(&rule["expr"]));
    rules
        .chain(files::queries().into_iter().map(|(_, query)| query))
        .collect()
}

fn is_scraped(selector: &Selector) -> bool {
    let metric = selector.metric.as_str();
    // A name with a colon is that of a recording rule, which must exist.
    !ISTIO.contains(&metric) && ![REJECTED, ALERTS].contains(&metric) && !metric.starts_with(ATTACH)
}

/// Compares the names of all expressions with what Prometheus has scraped.
pub(crate) async fn assert_scraped(prometheus: &Prometheus) {
    let mut checked = BTreeSet::new();
    for expression in expressions() {
        let names = Names::of(&expression);
        assert!(!names.selectors.is_empty(), "{expression}");
        for selector in names.selectors.iter().filter(|one| is_scraped(one)) {
            let query = presence(selector);
            if checked.insert(query.clone()) {
                let series = prometheus.query(&query).await;
                assert!(!series.is_empty(), "not scraped: {query} of {expression}");
            }
        }
        let has_attach = |one: &Selector| one.metric.starts_with(ATTACH);
        if names.selectors.iter().any(has_attach) {
            continue;
        }
        for label in &names.grouping {
            if TARGET.contains(&label.as_str()) || label == MADE || label == "le" {
                continue;
            }
            let metrics = names.selectors.iter();
            let mut has_label = metrics
                .clone()
                .any(|one| ISTIO.contains(&one.metric.as_str()));
            for selector in metrics {
                let query = format!("{}{{{label}!=\"\"}}", selector.metric);
                has_label |= !prometheus.query(&query).await.is_empty();
            }
            assert!(has_label, "no series has the label {label} of {expression}");
        }
    }
    assert!(checked.len() >= 25, "only {} checked", checked.len());
}

/// A query for series with the selector's metric that have all of its labels.
fn presence(selector: &Selector) -> String {
    let labels = selector.matchers.iter().map(|matcher| {
        let Matcher { label, value } = matcher;
        if label == "__name__" {
            format!("{label}=~\"{value}\"")
        } else {
            format!("{label}!=\"\"")
        }
    });
    let labels: Vec<String> = labels.collect();
    format!("{}{{{}}}", selector.metric, labels.join(","))
}

#[tokio::test]
async fn attach_has_the_metrics_and_labels_of_its_alerts() {
    let (folder, listen, metrics) = (folder::fresh("attach"), port::free(), port::free());
    let (ca, token) = (folder.join("ca.pem"), folder.join("token"));
    fs::copy(Authority::new().file(), &ca).expect("a CA file");
    fs::write(&token, "e30.eyJleHAiOjQwMDAwMDAwMDB9.c2ln").expect("a token");
    let mut command = Command::new(tools::companion());
    command
        .args(["attach", "--listen", &listen.to_string()])
        .args(["--to", &format!("https://{}", port::free())])
        .args(["--metrics", &metrics.to_string()])
        .arg("--token-file")
        .arg(token)
        .arg("--ca-file")
        .arg(&ca);
    let mut process = Process::start("attach", &folder, command);
    process.ready_at(metrics, "/ready").await;
    // Some metrics exist only after a reload.
    fs::write(&ca, "no certificate").expect("a file");
    let scraped = wait::until("a failed reload", wait::LONG, async || {
        let call = Call::get("localhost", "/metrics");
        let scraped = call.send(metrics).await.text();
        scraped.contains("outcome=\"failed\"").then_some(scraped)
    })
    .await;
    let has = |metric: &str, label: &str| {
        let mut lines = scraped.lines();
        let series = |line: &&str| line.starts_with(&format!("{metric}{{"));
        lines
            .find(series)
            .is_some_and(|line| line.contains(&format!("{label}=\"")))
    };
    let mut count = 0;
    for expression in expressions() {
        let names = Names::of(&expression);
        for Selector { metric, matchers } in &names.selectors {
            if !metric.starts_with(ATTACH) {
                continue;
            }
            let labels = matchers.iter().map(|matcher| &matcher.label);
            let labels = labels.chain(&names.grouping);
            for label in labels.filter(|label| !TARGET.contains(&label.as_str())) {
                assert!(has(metric, label), "{metric}: {label}\n{scraped}");
            }
            let any = scraped.contains(&format!("\n{metric}{{"));
            assert!(any, "{metric}\n{scraped}");
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} found");
}

#[test]
fn each_reason_and_outcome_in_an_expression_is_one_that_the_programs_use() {
    let sources: String = ["src/companion", "src/engine"]
        .iter()
        .flat_map(|folder| sources(&workspace().join(folder)))
        .collect();
    let mut count = 0;
    for expression in expressions() {
        for Selector { metric, matchers } in Names::of(&expression).selectors {
            let matchers = matchers
                .iter()
                .filter(|_| !ISTIO.contains(&metric.as_str()));
            for Matcher { label, value } in matchers {
                for value in value.split('|') {
                    // `.` is `-`, or `_` after a relabeling.
                    let value = value.replace('.', "-");
                    let is_known = match label.as_str() {
                        "reason" => Reason::ALL.iter().any(|reason| reason.code() == value),
                        "decision" | "outcome" => sources.contains(&format!("\"{value}\"")),
                        _ => continue,
                    };
                    assert!(is_known, "no {label} {value}: {expression}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 20, "only {count} found");
}

/// The code below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("a file").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                vec![fs::read_to_string(&path).expect("a source")]
            } else {
                Vec::new()
            }
        })
        .collect()
}

/// The alerts about edits and failures of the filter depend on metrics of Envoy, whose names depend on its version.
#[tokio::test]
async fn envoy_counts_rejected_edits_and_reloads_of_the_filter() {
    for version in Version::ALL {
        let mut gateway = TestGateway::with(|_| {}, |builder| builder.version(version)).await;
        let has = |stats: &Stats, name: &str| stats.value(name, &[]);
        let before = gateway.gateway.stats().await;
        assert_eq!(has(&before, REJECTED), Some(0.0), "{version}");
        let reloads = has(&before, "envoy_wasm_portcullis_vm_reload");
        assert_eq!(reloads, Some(0.0), "{version}");
        let is_set = |digest| digest > 0.0;
        let digest = gateway
            .gateway
            .metric("portcullis_policy_digest", &[], is_set);
        let digest = Some(digest.await);
        let rejected = gateway.gateway.replace_policy(json!({"trust": []})).await;
        assert!(rejected.is_err(), "{version}");
        let after = gateway.gateway.stats().await;
        assert_eq!(has(&after, REJECTED), Some(1.0), "{version}");
        assert_eq!(has(&after, "portcullis_policy_digest"), digest, "{version}");
    }
}
