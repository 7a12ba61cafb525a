//! Headers, logs and metrics, compared with gateways that run the example configurations.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_tests::lab::{
    App, Authority, Call, ExampleConfig, Issuer, SigningKey, Token, Version, port, secrets, wait,
};
use serde_json::{Value, json};

use crate::document::{Document, ENVOY, POLICY, first_column, table};

const GITLAB: &str = "https://gitlab.com";
const KUBERNETES: &str = "https://kubernetes.default.svc.cluster.local";

fn on_free_ports(name: &str) -> ExampleConfig {
    let mut config = ExampleConfig::read(name);
    config.listen(port::free());
    config.admin(port::free());
    config
}

pub(crate) fn names(value: &Value) -> BTreeSet<String> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

#[tokio::test]
async fn the_reference_lists_the_headers_that_are_removed_and_set() {
    let reference = Document::read(POLICY);
    let section = reference.section("Identity headers");
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, GITLAB, &[&key]).await;
    let app = App::start("prometheus").await;
    let mut config = on_free_ports("minimal.yaml");
    config.file("public-ca.pem", authority.file());
    let public = config.path("public-ca.pem");
    config.replace("/etc/ssl/certs/ca-certificates.crt", &public);
    config.set_endpoint("gitlab", issuer.address());
    config.set_endpoint("prometheus", app.address());
    let gateway = config.start(Version::V1_36).await;

    let token = Token::id_token(GITLAB, "https://prometheus.example.com", "42")
        .claim("groups", json!(["sre", "on-call"]))
        .claim("project_path", "platform/releases")
        .sign(&key);
    let mut call = Call::get("prometheus.example.com", "/api/v1/query").bearer(&token);
    for name in first_column(section, "stripped") {
        let name = name.replace('*', "anything");
        for spelling in [name.clone(), name.to_uppercase(), name.replace('-', "_")] {
            call = call.header(spelling, "forged");
        }
    }
    assert_eq!(call.send(gateway.address()).await.status, 200);

    let seen = app.requests();
    let headers = seen[0]["headers"].as_array().expect("headers");
    assert!(
        headers.iter().all(|header| header[1] != "forged"),
        "{headers:?}"
    );
    assert!(
        headers.iter().all(|header| header[0] != "authorization"),
        "{headers:?}"
    );
    let set = headers
        .iter()
        .filter_map(|header| header[0].as_str())
        .filter(|name| name.starts_with("x-auth-request-") || name.starts_with("x-portcullis-"));
    let set: BTreeSet<String> = set.map(str::to_owned).collect();
    assert_eq!(
        first_column(section, "set")
            .into_iter()
            .collect::<BTreeSet<_>>(),
        set
    );
}

#[tokio::test]
async fn the_reference_lists_the_logs_and_metrics_of_the_gateway() {
    let (policy, reference) = (Document::read(POLICY), Document::read(ENVOY));
    let (authority, key) = (Authority::new(), SigningKey::p256());
    // Different keys: otherwise the entry whose keys are fetched first determines the caller.
    let blue = Issuer::start(&authority, KUBERNETES, &[&key]).await;
    let green = Issuer::start(&authority, KUBERNETES, &[&SigningKey::p256()]).await;
    let people = SigningKey::p256();
    let app = App::start("alertmanager").await;
    let mut config = on_free_ports("gateway.yaml");
    for (name, issuer) in [("blue", &blue), ("green", &green)] {
        config.file(&format!("{name}-ca.pem"), authority.file());
        config.set_endpoint(name, issuer.address());
    }
    config.set_endpoint("alertmanager", app.address());
    config.set_certificate(&authority, &["*.example.com"]);
    config.edit_policy(|policy| {
        let prometheus = &mut policy["apps"][1];
        prometheus["report_until"] = json!("2999-01-01T00:00:00Z");
        let open = json!([{"name": "open", "paths": ["/open"], "public": true}]);
        prometheus["shadow_rules"] = open;
        policy["revision"] = json!("4f2c91a");
        policy["audit"] = json!({"people": ["email", "preferred_username"]});
        let gitlab = json!({
            "name": "gitlab", "kind": "oidc", "issuer": GITLAB, "audiences": ["portcullis"],
            "keys": {"inline": {"keys": [people.jwk()]}},
        });
        policy["trust"].as_array_mut().expect("a list").push(gitlab);
    });
    let gateway = config.start(Version::V1_36).await;

    let karma = Token::service_account(KUBERNETES, "portcullis", "monitoring", "karma").sign(&key);
    let host = "alertmanager.example.com";
    let call = Call::get(host, "/api/v2/alerts?silenced=false").bearer(&karma);
    let (response, line) = gateway.call(&call).await;
    assert_eq!(response.status, 200);
    let logs = reference.section("Access log");
    let documented: BTreeMap<String, String> = table(logs, "access log")
        .iter()
        .map(|row| {
            (
                row[0].trim_matches('`').to_owned(),
                row[1].trim_matches('`').to_owned(),
            )
        })
        .collect();
    assert_eq!(json!(documented), *config.access_log_format());
    assert!(
        names(&line).iter().all(|name| !line[name].is_null()),
        "{line}"
    );
    assert_eq!(line["path"], "/api/v2/alerts");

    let ambiguous = Call::get(host, "/api/v2/alerts;a=b").bearer(&karma);
    assert_eq!(gateway.call(&ambiguous).await.0.status, 400);
    let logout = Token::service_account(KUBERNETES, "portcullis", "monitoring", "karma")
        .header("typ", "logout+jwt");
    let refused = Call::get(host, "/api/v2/alerts").bearer(&logout.sign(&key));
    assert_eq!(gateway.call(&refused).await.0.status, 401);
    let ada = Token::id_token(GITLAB, "portcullis", "4711")
        .claim("email", "ada@example.com")
        .claim("email_verified", true)
        .claim("preferred_username", "ada");
    let ada = Call::get(host, "/api/v2/alerts").bearer(&ada.sign(&people));
    assert_eq!(gateway.call(&ada).await.0.status, 403);
    let reported = Call::get("prometheus.example.com", "/open");
    let (_, line) = gateway.call(&reported).await;
    assert_eq!(line["reason"], "report-only");
    let log = gateway.log();
    let records = log
        .lines()
        .filter(|line| line.contains("portcullis.decision.v1"));
    let records = records.filter_map(|line| serde_json::from_str(&line[line.find('{')?..]).ok());
    let audit = policy.section("Audit record");
    let members: BTreeSet<String> = records.flat_map(|record| names(&record)).collect();
    let documented: BTreeSet<String> = first_column(audit, "audit record").into_iter().collect();
    assert_eq!(documented, members, "{log}");
    assert!(secrets::start_of_token(&log).is_none(), "{log}");
    assert!(!log.contains("silenced"), "{log}");

    // Metrics are updated on the next tick.
    let stats = wait::until("all metrics", wait::LONG, async || {
        let stats = Call::get("admin", "/stats/prometheus");
        let stats = stats.send(gateway.admin()).await.text();
        let is_whole = stats.contains("portcullis_shadow_differences_total");
        is_whole.then_some(stats)
    })
    .await;
    let documented: BTreeMap<String, BTreeSet<String>> =
        table(reference.section("Metrics"), "metric")
            .iter()
            .map(|row| (row[0].trim_matches('`').to_owned(), quoted(row[1])))
            .collect();
    assert_eq!(documented, metrics(&stats));
}

pub(crate) fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The filter's metrics, and the labels of each.
fn metrics(stats: &str) -> BTreeMap<String, BTreeSet<String>> {
    let typed = stats
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE portcullis_"));
    let names = typed.filter_map(|line| line.split(' ').next());
    let labels = |name: &str| {
        let series = stats.lines().filter(|line| line.starts_with(name));
        let inside = series.filter_map(|line| Some(line.split_once('{')?.1.split_once('}')?.0));
        let labels = inside.flat_map(|labels| labels.split(','));
        let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        // The label of a histogram's buckets.
        labels.filter(|label| label != "le").collect()
    };
    names
        .map(|name| format!("portcullis_{name}"))
        .map(|name| (name.clone(), labels(&name)))
        .collect()
}
