//! What operators see of a decision: the audit record, the access log, and metrics.

use portcullis_tests::lab::fixture::{HOST, get_alerts};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Call, Companion, Gateway, SigningKey, TestGateway, wait};
use serde_json::{Value, json};

const DECISIONS: &str = "portcullis_decisions_total";

/// The audit records so far, each with the level that Envoy logged it at.
fn audit(gateway: &Gateway) -> Vec<(String, Value)> {
    let mut records = Vec::new();
    for line in gateway.log().lines() {
        let Some(start) = line.find("{\"audit\":") else {
            continue;
        };
        // Envoy puts the level in the third pair of brackets.
        let level = line.split(['[', ']']).nth(5).unwrap_or_default();
        let end = line.rfind('}').unwrap_or_default();
        if let Ok(record) = serde_json::from_str(&line[start..=end]) {
            records.push((level.to_owned(), record));
        }
    }
    records
}

async fn wait_for_record(gateway: &Gateway, path: &str) -> (String, Value) {
    wait::until("an audit record", wait::LONG, async || {
        let mut records = audit(gateway).into_iter();
        records.find(|(_, record)| record["path"] == path)
    })
    .await
}

fn members(record: &Value) -> Vec<&str> {
    record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn edit(policy: &mut Value) {
    policy["revision"] = json!("4f2c91a");
    policy["apps"][0]["rules"][0]["name"] = json!("karma-polls");
    policy["apps"][0]["rules"][0]["paths"] = json!(["/api/**"]);
    let probes = json!({"name": "probes", "paths": ["/-/healthy"], "public": true});
    policy["apps"][0]["rules"]
        .as_array_mut()
        .unwrap()
        .push(probes);
}

#[tokio::test]
async fn each_decision_has_one_audit_record_without_the_token() {
    let mut gateway = TestGateway::start(edit).await;
    let token = gateway.token();
    let call = |path: &str| Call::get(HOST, path).bearer(&token);
    gateway
        .assert_allowed("allowed", call("/api/one?secret=1"))
        .await;
    let (level, record) = wait_for_record(&gateway.gateway, "/api/one").await;
    let kid = gateway.fixture.cluster("blue").key.kid();
    let id = record["token"].clone();
    assert_eq!(
        record["id"].as_str().unwrap().len(),
        36,
        "Envoy's request ID"
    );
    assert_eq!(level, "info");
    let time = record["time"].as_str().unwrap();
    let form = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    let form: Vec<u8> = time.bytes().map(form).collect();
    assert_eq!(form, b"0000-00-00T00:00:00.000Z", "{time}");
    let log = gateway.gateway.log();
    let start = "the digest of the policy is ";
    let (_, digest) = log.split_once(start).expect("the start log");
    let (digest, rest) = digest.split_at(64);
    assert!(rest.starts_with(", its revision 4f2c91a"), "{rest:.99}");
    assert_eq!(
        record,
        json!({
            "audit": "portcullis.decision.v1",
            "time": record["time"],
            "decision": "allowed",
            "reason": "rule",
            "app": "alertmanager",
            "rule": "karma-polls",
            "allow": "allow[0]",
            "caller": "blue/monitoring/karma",
            "trust": "blue",
            "kid": kid,
            "token": id,
            "id": record["id"],
            "client": "127.0.0.1",
            "method": "GET",
            "host": HOST,
            "path": "/api/one",
            "policy": digest,
            "revision": "4f2c91a",
        })
    );
    // A prefix of the token's hash distinguishes tokens.
    assert_eq!(id.as_str().unwrap().len(), 22);
    gateway
        .assert_refused("not allowed", call("/two"), 403, "caller-not-allowed")
        .await;
    let (level, record) = wait_for_record(&gateway.gateway, "/two").await;
    assert_eq!((level.as_str(), &record["token"]), ("warning", &id));
    assert_eq!(record["caller"], "blue/monitoring/karma");
    assert_eq!(record.get("rule"), None);

    let forged = gateway.fixture.cluster("blue").karma();
    let forged = forged.header("kid", kid).sign(&SigningKey::p256());
    let forged = Call::get(HOST, "/three").bearer(&forged);
    gateway
        .assert_refused("forged", forged, 401, "signature-invalid")
        .await;
    let (_, record) = wait_for_record(&gateway.gateway, "/three").await;
    // No caller, because none is authenticated: what the token claims is marked as unverified.
    let unauthenticated = [
        "app", "audit", "claimed", "client", "decision", "error", "host", "id", "kid", "method",
        "path", "policy", "reason", "revision", "time", "trust",
    ];
    assert_eq!(members(&record), unauthenticated);
    assert_eq!(record["trust"], "blue");
    assert_eq!(record["kid"], kid);
    assert_eq!(record["claimed"]["verified"], false);
    assert_eq!(record["claimed"]["kid"], kid);
    gateway
        .assert_refused("ambiguous", call("/four;x"), 400, "request-ambiguous")
        .await;
    let (_, record) = wait_for_record(&gateway.gateway, "/four;x").await;
    assert_eq!(
        record["detail"],
        "the path contains a backslash or a semicolon"
    );
    assert_eq!(audit(&gateway.gateway).len(), 4, "one record per decision");
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_client_can_neither_forge_nor_enlarge_audit_records() {
    let gateway = TestGateway::start(edit).await;
    let long = format!("/{}", "x".repeat(5_000));
    let quoted = "/\"}{\"audit\":\"portcullis.decision.v1\"";
    for path in [quoted, &long] {
        let response = gateway.gateway.call(Call::get(HOST, path)).await;
        assert!(matches!(response.status, 400 | 401), "{}", response.status);
    }
    let short = &long[..1024];
    let (_, record) = wait_for_record(&gateway.gateway, short).await;
    assert_eq!(record["reason"], "no-credentials");
    for (_, record) in audit(&gateway.gateway) {
        assert_eq!(record["decision"], "refused");
    }
    gateway.assert_clean().await;
}

/// JSON allows such characters in the `kid` of an issuer's key and in the claims of any token.
#[tokio::test]
async fn t16_no_line_separator_or_invisible_character_is_raw_in_the_log() {
    const HIDDEN: &str = "\u{2028}\u{2029}\u{85}\u{9b}\u{7f}\u{202e}\u{200b}\u{feff}";
    let key = SigningKey::p256().named(&format!("k{HIDDEN}1"));
    let mut gateway = TestGateway::start(|policy| {
        edit(policy);
        policy["trust"][0]["keys"] = json!({"inline": {"keys": [key.jwk()]}});
    })
    .await;
    let karma = || gateway.fixture.cluster("blue").karma();
    let good = karma().sign(&key);
    let expired = karma()
        .claim("exp", 1)
        .claim("iat", 0)
        .claim("nbf", 0)
        .sign(&key);
    let claimed = karma()
        .claim("iss", format!("https://evil.example{HIDDEN}\nportcullis"))
        .header("kid", format!("x{HIDDEN}"))
        .sign(&key);
    gateway.assert_allowed("allowed", get_alerts(&good)).await;
    let refused = |path: &str, token: &str| Call::get(HOST, path).bearer(token);
    for (path, token, reason) in [
        ("/expired", &expired, "expired"),
        ("/claimed", &claimed, "issuer-unknown"),
    ] {
        gateway
            .assert_refused(reason, refused(path, token), 401, reason)
            .await;
    }
    let (_, record) = wait_for_record(&gateway.gateway, "/expired").await;
    assert_eq!(record["kid"], format!("k{HIDDEN}1"));
    let (_, record) = wait_for_record(&gateway.gateway, "/claimed").await;
    assert!(
        record["claimed"]["iss"].as_str().unwrap().contains("2028"),
        "{record}"
    );
    let log = gateway.gateway.log();
    for line in log.lines().filter(|line| line.contains("portcullis")) {
        let hidden = |one: char| HIDDEN.contains(one) || one.is_control() && one != '\n';
        assert!(!line.contains(hidden), "{line:?}");
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn the_policy_sets_the_audit_levels() {
    let mut gateway = TestGateway::start(|policy| {
        edit(policy);
        policy["audit"] = json!({"allowed": "off", "refused": "error"});
    })
    .await;
    let token = gateway.token();
    gateway.assert_allowed("allowed", get_alerts(&token)).await;
    let call = Call::get(HOST, "/refused").bearer(&token);
    gateway
        .assert_refused("refused", call, 403, "caller-not-allowed")
        .await;
    let (level, _) = wait_for_record(&gateway.gateway, "/refused").await;
    assert_eq!(
        (level.as_str(), audit(&gateway.gateway).len()),
        ("error", 1)
    );
    gateway.assert_clean().await;
}

#[tokio::test]
async fn the_access_log_has_caller_app_rule_and_reason() {
    let mut gateway = TestGateway::start(edit).await;
    let token = gateway.token();
    gateway
        .assert_allowed("rule", Call::get(HOST, "/api/a").bearer(&token))
        .await;
    gateway
        .assert_allowed("public", Call::get(HOST, "/-/healthy"))
        .await;
    let call = Call::get(HOST, "/b").bearer(&token);
    gateway
        .assert_refused("not allowed", call, 403, "caller-not-allowed")
        .await;
    gateway
        .assert_refused(
            "no credentials",
            Call::get(HOST, "/c"),
            401,
            "no-credentials",
        )
        .await;
    gateway
        .assert_refused(
            "unknown host",
            Call::get("x.example.com", "/d"),
            403,
            "app-unknown",
        )
        .await;
    let karma = json!("blue/monitoring/karma");
    let app = json!("alertmanager");
    for (path, seen) in [
        (
            "/api/a",
            [
                karma.clone(),
                app.clone(),
                json!("karma-polls"),
                json!("rule"),
            ],
        ),
        (
            "/-/healthy",
            [Value::Null, app.clone(), json!("probes"), json!("public")],
        ),
        (
            "/b",
            [karma, app.clone(), Value::Null, json!("caller-not-allowed")],
        ),
        (
            "/c",
            [Value::Null, app, Value::Null, json!("no-credentials")],
        ),
        (
            "/d",
            [Value::Null, Value::Null, Value::Null, json!("app-unknown")],
        ),
    ] {
        let line = gateway
            .gateway
            .logged(path, |line| line["path"] == path)
            .await;
        let values = ["caller", "app", "rule", "reason"].map(|name| line[name].clone());
        assert_eq!(values, seen, "{path}");
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn decisions_verifications_and_key_age_are_metrics() {
    let mut gateway = TestGateway::start(edit).await;
    let token = gateway.token();
    for _ in 0..3 {
        gateway.assert_allowed("allowed", get_alerts(&token)).await;
    }
    let call = Call::get(HOST, "/x").bearer(&token);
    gateway
        .assert_refused("refused", call, 403, "caller-not-allowed")
        .await;
    gateway
        .assert_refused(
            "unknown host",
            Call::get("x.example.com", "/"),
            403,
            "app-unknown",
        )
        .await;
    let envoy = &gateway.gateway;
    for (app, decision, reason, count) in [
        ("alertmanager", "allowed", "rule", 3.0),
        ("alertmanager", "refused", "caller-not-allowed", 1.0),
        ("none", "refused", "app-unknown", 1.0),
    ] {
        let labels = [("app", app), ("decision", decision), ("reason", reason)];
        envoy.metric(DECISIONS, &labels, |now| now == count).await;
    }
    assert_eq!(envoy.stats().await.sum(DECISIONS), 5.0);
    // A cached token is not verified again, and each worker has its own cache.
    let checks = "portcullis_verification_microseconds_count";
    envoy
        .metric(checks, &[], |now| (1.0..=2.0).contains(&now))
        .await;
    let age = [("trust", "blue")];
    envoy
        .metric("portcullis_key_age_seconds", &age, |now| now < 600.0)
        .await;
    gateway.assert_clean().await;
}

/// The value of a gauge without labels in the companion's metrics.
async fn digest_of(companion: &Companion) -> u64 {
    let metrics = Call::get("localhost", "/metrics");
    let metrics = metrics.send(companion.metrics()).await.text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("portcullis_policy_digest "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn read_times_of_keys_and_the_digest_of_the_policy_are_metrics() {
    let unreachable = json!({
        "name": "green", "kind": "kubernetes", "issuer": "https://green.example.com",
        "audiences": ["gate"], "keys": {"envoy_cluster": "green", "max_stale": "2h"},
    });
    let mut whole = Value::Null;
    let mut gateway = TestGateway::start(|policy| {
        policy["trust"].as_array_mut().unwrap().push(unreachable);
        policy["sso"] = json!({"url": "https://auth.example.com", "envoy_cluster": "portcullis"});
        whole = policy.clone();
    })
    .await;
    let token = gateway.token();
    let started = now();
    gateway.assert_allowed("allowed", get_alerts(&token)).await;
    let envoy = &gateway.gateway;
    let read = "portcullis_key_read_timestamp_seconds";
    let recent = |time: f64| time > started as f64 - 60.0 && time <= now() as f64 + 1.0;
    envoy.metric(read, &[("trust", "blue")], recent).await;
    let never = [("trust", "green")];
    envoy.metric(read, &never, |time| time == 0.0).await;
    let max_stale = "portcullis_key_max_stale_seconds";
    envoy
        .metric(max_stale, &never, |seconds| seconds == 7200.0)
        .await;
    // The companion has the same policy for another mesh, and another order of its members.
    let mut other = json!({});
    for name in ["sso", "apps", "trust"] {
        other[name] = whole[name].clone();
    }
    for trust in other["trust"].as_array_mut().unwrap() {
        trust["keys"]["envoy_cluster"] = json!("elsewhere");
    }
    other["sso"]["envoy_cluster"] = json!("elsewhere");
    let configuration = json!({
        "url": "https://auth.example.com",
        "providers": [{"issuer": "https://localhost:1", "client_id": "a", "client_secret": "s3cret"}],
    });
    let companion = Companion::with(configuration.clone(), &other).start().await;
    let digest = digest_of(&companion).await;
    let same = |gauge: f64| gauge == digest as f64;
    envoy.metric("portcullis_policy_digest", &[], same).await;
    let version = env!("CARGO_PKG_VERSION");
    let line = format!("portcullis {version}: the digest of the policy is {digest:012x}");
    assert!(gateway.gateway.log().contains(&line));
    assert!(companion.log().contains(&format!("{digest:012x}")));
    other["apps"][0]["rules"][0]["name"] = json!("another-name");
    let companion = Companion::with(configuration, &other).start().await;
    assert_ne!(digest_of(&companion).await, digest);
}
