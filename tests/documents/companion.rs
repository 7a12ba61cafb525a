//! The companion's endpoints, cookies, metrics and log, compared with a running one.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::endpoints::{self, Subpaths};
use portcullis_core::policy::Policy;
use portcullis_tests::lab::provider::Client;
use portcullis_tests::lab::{Authority, Call, Companion, Provider, UserAgent, secrets, wait};
use serde_json::{Value, json};

use crate::document::{AUDIT, COMPANION, Document, first_column, table};
use crate::gateway::{names, quoted};

const URL: &str = "https://auth.example.com";
const KEY_CREATED: &str = "portcullis_companion_signing_key_created_timestamp_seconds";

/// A provider, a companion that terminates TLS itself, and a user who has signed in.
struct Fixture {
    _provider: Provider,
    companion: Companion,
    alice: UserAgent,
}

impl Fixture {
    async fn start() -> Self {
        let authority = Authority::new();
        let client =
            Client::new("portcullis", "s3cret").redirect(&format!("{URL}/oauth2/callback"));
        let claims =
            json!({"email": "alice@example.com", "email_verified": true, "groups": ["sre"]});
        let provider = Provider::with(&authority).client(client);
        let provider = provider.account("alice", claims).start().await;
        let entry = |name: &str| {
            json!({
                "name": name, "issuer": provider.issuer(), "client_id": "portcullis",
                "client_secret": "s3cret", "ca_file": authority.file(),
            })
        };
        let configuration = json!({
            "url": URL,
            "providers": [entry("sso"), entry("other")],
            "session": {"cookie": {"domain": "example.com"}},
            "trusted_proxies": ["127.0.0.1"],
        });
        let companion = Companion::with(configuration, &policy("operators"));
        let companion = companion.tls(&authority, "auth.example.com").start().await;
        let mut alice = UserAgent::new(&[&authority]).at("auth.example.com", companion.address());
        alice
            .visit(&format!("{URL}/oauth2/start?provider=sso"))
            .await;
        let page = alice.sign_in_as("alice").await;
        assert!(page.text().contains("You are signed in"), "{}", page.text());
        Self {
            _provider: provider,
            companion,
            alice,
        }
    }
}

fn policy(rule: &str) -> Value {
    json!({
        "trust": [{
            "name": "blue", "kind": "kubernetes", "issuer": "https://localhost:1",
            "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue"},
        }],
        "sso": {"url": URL, "envoy_cluster": "portcullis", "providers": ["sso", "other"]},
        "apps": [{
            "name": "alertmanager", "hosts": ["alertmanager.example.com"],
            "rules": [{"name": rule, "allow": [{"from": "sso", "group": "sre"}]}],
        }, {
            "name": "open", "hosts": ["open.example.com"], "report_until": "2999-01-01T00:00:00Z",
            "rules": [{"name": "none", "allow": [{"from": "sso", "group": "none"}]}],
            "shadow_rules": [{"name": "all", "allow": [{"from": "sso", "anyone": true}]}],
        }],
    })
}

#[tokio::test]
async fn the_endpoints_of_the_reference_are_those_of_the_companion_and_of_the_filter() {
    let fixture = Fixture::start().await;
    let reference = Document::read(COMPANION);
    let rows = table(reference.section("Endpoints"), "endpoint");
    let policy = Policy::from_json(&policy("operators").to_string()).expect("a policy");
    let sso = policy.sso().expect("a policy with sso");
    let mut bare = BTreeSet::new();
    for row in rows {
        let path = row[0].trim_matches('`');
        let called = match path {
            "/oauth2/auth/*" => "/oauth2/auth/some/path",
            "/oauth2/callback/*" => "/oauth2/callback/other",
            "/oauth2/mirror/*" => "/oauth2/mirror/blue",
            _ => {
                bare.insert(path);
                path
            }
        };
        let for_proxies = ["auth", "mirror", "refresh", "revocations"];
        let first = called.split('/').nth(2).unwrap_or_default();
        assert_eq!(
            sso.serves(called),
            !for_proxies.contains(&first),
            "{called}"
        );
        for method in ["GET", "POST", "PUT"] {
            let is_listed = row[1] == "any" || row[1].split(", ").any(|listed| listed == method);
            let call = Call::new(method, "auth.example.com", called);
            let response = fixture.companion.call(call).await;
            assert_ne!(response.status, 404, "{called}");
            assert_eq!(response.status != 405, is_listed, "{method} {called}");
        }
    }
    let listed = endpoints::ALL
        .iter()
        .filter(|one| one.subpaths != Subpaths::TrustName);
    assert_eq!(bare, listed.map(|one| one.path).collect());
}

#[tokio::test]
async fn the_cookies_of_the_reference_are_those_that_a_browser_gets() {
    let fixture = Fixture::start().await;
    let reference = Document::read(COMPANION);
    let section = reference.section("Cookies");
    let rows = table(section, "cookie");
    let mut seen = BTreeSet::new();
    let steps = fixture.alice.history().iter();
    let ours = steps.filter(|step| step.url.host_str() == Some("auth.example.com"));
    for line in ours.flat_map(|step| step.response.all("set-cookie")) {
        let (name, rest) = line.split_once('=').expect("a cookie");
        // Deleted cookies, and the one that detects loops.
        if rest.contains("Max-Age=0;") || name.ends_with("-login-done") {
            continue;
        }
        let known = match name.split_once("-login-") {
            Some((family, _)) => format!("`{family}-login-*`"),
            None => format!("`{name}`"),
        };
        let row = rows.iter().find(|row| row[0] == known);
        let row = row.unwrap_or_else(|| panic!("{known} is not in the reference"));
        for attribute in ["Secure", "HttpOnly", "Path=/"] {
            assert!(section.contains(&format!("`{attribute}`")), "{attribute}");
            assert!(line.contains(&format!("; {attribute}")), "{line}");
        }
        assert!(line.contains("; SameSite=Lax"), "{line}");
        let of_domain = row[2] == "`session.cookie.domain`";
        assert_eq!(line.contains("; Domain=example.com"), of_domain, "{line}");
        let of_minutes = row[3] == "ten minutes";
        assert_eq!(line.contains("; Max-Age=600;"), of_minutes, "{line}");
        seen.insert(known);
    }
    assert_eq!(seen.len(), rows.len(), "{seen:?}");
}

#[tokio::test]
async fn the_companions_metrics_and_its_log_are_those_of_the_reference() {
    let mut fixture = Fixture::start().await;
    let reference = Document::read(COMPANION);
    let section = reference.section("Metrics");
    // Everything that is counted.
    let refresh = Call::post("", "").header("x-request-id", "the-proxy-s-own");
    let refreshed = fixture.alice.fetch("/oauth2/refresh", refresh).await;
    assert_eq!(refreshed.status, 200);
    let asked = fixture.alice.fetch("/oauth2/auth", Call::get("", "")).await;
    assert_eq!(asked.status, 403);
    let reported = Call::get("", "")
        .header("x-original-url", "https://open.example.com/")
        .header("x-original-method", "GET");
    let reported = fixture.alice.fetch("/oauth2/auth", reported).await;
    assert_eq!(reported.status, 202, "{}", reported.text());
    fixture
        .alice
        .visit(&format!("{URL}/oauth2/callback?state=a&state=b"))
        .await;
    fixture.companion.write_policy(&policy("others"));
    fixture.companion.wait_for_log("reloaded").await;

    let documented: BTreeMap<String, BTreeSet<String>> = table(section, "companion metric")
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), quoted(row[1])))
        .collect();
    let text = wait::until("all metrics", wait::LONG, async || {
        let metrics = Call::get("localhost", "/metrics");
        let text = metrics.send(fixture.companion.metrics()).await.text();
        // It is updated every two seconds.
        let mut lines = text.lines();
        let made =
            lines.find_map(|line| line.strip_prefix(KEY_CREATED)?.trim().parse::<f64>().ok());
        made.is_some_and(|secs| secs > 0.0).then_some(text)
    });
    assert_eq!(metrics(&text.await), documented);

    let log = fixture.companion.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut lines = lines.filter(|line: &Value| line["message"] == "request completed");
    let line = lines
        .find(|line| !line["proxy_id"].is_null())
        .expect("a line");
    let documented: BTreeSet<String> = first_column(reference.section("Log"), "log")
        .into_iter()
        .collect();
    assert_eq!(names(&line), documented);
    assert!(secrets::start_of_token(&log).is_none(), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn the_session_events_are_those_of_the_reference() {
    let mut fixture = Fixture::start().await;
    fixture
        .alice
        .visit(&format!("{URL}/oauth2/callback?state=a&state=b"))
        .await;
    let cookies = fixture.alice.cookies().iter();
    let cookies = cookies.map(|cookie| format!("{}={}", cookie.name, cookie.value));
    let cookies: Vec<String> = cookies.collect();
    let sign_out = Call::post("auth.example.com", "/oauth2/sign_out")
        .header("cookie", cookies.join("; "))
        .header("origin", URL)
        .header("user-agent", "Mozilla/5.0")
        .header("x-forwarded-for", "192.0.2.7");
    let signed_out = fixture.companion.call(sign_out).await;
    assert_eq!(signed_out.status, 200, "{}", signed_out.text());
    let log = fixture.companion.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let records = lines.filter(|line: &Value| line["target"] == "portcullis::audit");
    let records = records.filter_map(|line| serde_json::from_str(line["message"].as_str()?).ok());
    let records: Vec<Value> = records.collect();
    let events: Vec<&str> = records
        .iter()
        .filter_map(|one| one["event"].as_str())
        .collect();
    assert_eq!(
        events,
        ["signed-in", "sign-in-refused", "signed-out"],
        "{log}"
    );
    let [signed_in, refused, signed_out] = &*records else {
        panic!("{records:?}");
    };
    assert_eq!(signed_out["client"], "192.0.2.7");
    assert_eq!(signed_in["subject"], signed_out["subject"]);
    assert_eq!(signed_in["session"], signed_out["session"]);
    assert_eq!(refused.get("subject"), None);

    let reference = Document::read(AUDIT);
    let section = reference.section("Session events");
    let documented: BTreeSet<String> = first_column(section, "session event").into_iter().collect();
    assert_eq!(documented, records.iter().flat_map(names).collect());
    let kinds: BTreeSet<String> = first_column(section, "event").into_iter().collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert!(
        events.iter().all(|event| kinds.contains(*event)),
        "{kinds:?}"
    );
    assert!(secrets::start_of_token(&log).is_none(), "{log}");
}

/// The metrics in OpenMetrics text, and the labels of each.
pub(crate) fn metrics(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).expect("a sample");
        let (name, rest) = line.split_at(end);
        let parts = ["_bucket", "_sum", "_count"];
        let name = parts
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .unwrap_or(name);
        let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = labels.map(|(labels, _)| labels).unwrap_or_default();
        let labels = labels
            .split(',')
            .filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        // The label of a histogram's buckets.
        let labels = labels.filter(|label| label != "le");
        metrics.entry(name.to_owned()).or_default().extend(labels);
    }
    metrics
}
