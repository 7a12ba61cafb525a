//! What the requests of a log come to, by the caller and by what the log has of it.

use portcullis_core::policy::Policy;
use serde_json::{Value, json};

use super::*;
use crate::simulation::{NamedCaller, Person, SimulatedCaller, SimulatedRequest};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn simulator(rules: &Value, more: &Value) -> Simulator {
    let trust = |name: &str| {
        json!({"name": name, "kind": "kubernetes", "issuer": format!("https://{name}.example.com"), "audiences": ["gate"],
               "keys": {"envoy_cluster": name}})
    };
    let mut app = json!({"name": "app", "hosts": ["a.example.com"], "rules": rules});
    for (name, value) in more.as_object().unwrap() {
        app[name] = value.clone();
    }
    let policy = json!({
        "trust": [trust("blue"), trust("green")],
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "audit": {"people": ["email"]},
        "apps": [app],
    });
    let policy = Policy::from_json(&policy.to_string());
    Simulator::new(policy.unwrap_or_else(|error| panic!("{error}")))
}

fn rules(rules: &Value) -> Simulator {
    simulator(rules, &json!({}))
}

fn replay(simulator: &Simulator, lines: &[String]) -> Replay {
    let mut replay = Replay::new(Path::new("portcullis.yaml"), Path::new("gateway.log"));
    let mut reader = Reader::new(simulator, NOW);
    for line in lines {
        reader.read(&format!("{line}\n"), &mut replay);
    }
    replay
}

/// The changes, as `EFFECT CALLER METHOD PATHS REASON REQUESTS LINE`.
fn changes(replay: &Replay) -> Vec<String> {
    let text = |change: &Change| {
        let caller = change.caller.as_deref().unwrap_or("-");
        let (paths, reason) = (change.paths.join(","), change.reason);
        let (requests, line) = (change.requests, change.line);
        let (effect, method) = (change.effect, &change.method);
        format!("{effect:?} {caller} {method} {paths} {reason} {requests} {line}")
    };
    replay.changes.iter().map(text).collect()
}

/// The audit record of a request that a policy evaluates.
fn record(by: &Simulator, caller: &SimulatedCaller, method: &str, path: &str) -> String {
    let request = SimulatedRequest::new(method, b"a.example.com", path.as_bytes());
    let request = by.present(request, caller, NOW).unwrap();
    let headers = request.headers();
    let outcome = by.decide(&headers, NOW).outcome(&headers, by.policy(), NOW);
    let record = outcome.verdict().audit_record(None);
    format!("[2027-01-15 08:00:00.000][1][info][wasm] wasm log: {record}")
}

fn named(name: &str) -> SimulatedCaller {
    SimulatedCaller::Named(NamedCaller {
        name: name.to_owned(),
        ..NamedCaller::default()
    })
}

fn ada(groups: &[&str]) -> SimulatedCaller {
    SimulatedCaller::Person(Person {
        subject: "ada".to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..Person::default()
    })
}

/// A line of oauth2-proxy's log.
fn logged(user: &str, method: &str, path: &str, status: u16) -> String {
    format!(
        "10.0.0.1 - 5f - {user} [2026/11/30 09:00:00] a.example.com {method} - \"{path}\" HTTP/1.1 \"x\" {status} 0 0.001"
    )
}

#[test]
fn service_accounts_of_audit_records_lose_and_gain() {
    let old =
        rules(&json!([{"name": "all", "allow": [{"service_account": "blue/monitoring/karma"}]}]));
    let new = rules(&json!([
        {"name": "reads", "methods": ["GET"], "allow": [{"service_account": "blue/monitoring/*"}]}
    ]));
    let (karma, grafana) = (
        named("blue/monitoring/karma"),
        named("blue/monitoring/grafana"),
    );
    let lines = [
        record(&old, &karma, "GET", "/a"),
        record(&old, &karma, "POST", "/b?token=secret"),
        record(&old, &karma, "POST", "/c"),
        record(&old, &grafana, "GET", "/a"),
        record(&old, &grafana, "POST", "/a"),
        record(&old, &SimulatedCaller::Anonymous, "GET", "/a"),
    ];
    let replay = replay(&new, &lines);
    assert_eq!(
        changes(&replay),
        [
            "Loses blue/monitoring/karma POST /b,/c caller-not-allowed 2 2",
            "Gains blue/monitoring/grafana GET /a rule 1 4",
        ]
    );
    assert_eq!((replay.requests(), replay.unchanged), (6, 3));
    assert!(!replay.is_unchanged());
    let same = super::tests::replay(&old, &lines);
    assert_eq!((changes(&same), same.unchanged), (Vec::new(), 6));
    assert!(same.is_unchanged());
}

#[test]
fn a_user_whose_groups_are_unknown_depends_on_them_only_if_a_rule_needs_them() {
    let by_group = rules(&json!([{"name": "sre", "allow": [{"from": "sso", "group": "sre"}]}]));
    let by_subject = rules(&json!([{"name": "ada", "allow": [{"from": "sso", "user": "ada"}]}]));
    let by_email = rules(&json!([
        {"name": "mail", "allow": [{"from": "sso", "email_domain": "example.com"}]}
    ]));
    let bob =
        rules(&json!([{"name": "bob", "allow": [{"from": "sso", "user": "bob", "group": "sre"}]}]));
    let recorded = [record(&by_group, &ada(&["sre"]), "GET", "/")];
    let depends = replay(&by_group, &recorded);
    assert_eq!(
        changes(&depends),
        ["Depends sso/ada GET / caller-not-allowed 1 1"]
    );
    let why = depends.changes[0].why.as_deref().unwrap();
    assert!(
        why.starts_with("allowed by sre if ") && why.contains("group: sre"),
        "{why}"
    );
    assert!(depends.is_unchanged(), "what depends is no failure");
    for same in [&by_subject, &by_email] {
        assert_eq!(changes(&replay(same, &recorded)), [""; 0]);
    }
    let loses = ["Loses sso/ada GET / caller-not-allowed 1 1"];
    assert_eq!(changes(&replay(&bob, &recorded)), loses);
}

#[test]
fn users_of_oauth2_proxy_are_found_by_subject_or_address() {
    let old = [
        logged(
            "system:serviceaccount:monitoring:karma",
            "GET",
            "/a?x=1",
            202,
        ),
        logged("system:serviceaccount:monitoring:other", "GET", "/a", 200),
        logged("ada@example.com", "GET", "/a", 200),
        logged("eve@example.org", "GET", "/a", 200),
        logged("eve@example.org", "GET", "/a", 403),
        logged("-", "GET", "/a", 401),
        logged("-", "GET", "/-/healthy", 401),
        logged("-", "GET", "/a", 302),
        logged("-", "GET", "/a", 200),
        logged("ada@example.com", "GET", "/oauth2/auth", 202),
        logged("ada@example.com", "GET", "/a", 499),
        "[2026/11/30 09:00:00] [oauthproxy.go:1] started".to_owned(),
    ];
    let new = rules(&json!([
        {"name": "karma", "allow": [{"service_account": "*/monitoring/karma"}]},
        {"name": "mail", "allow": [{"from": "sso", "email_domain": "example.com"}]},
        {"name": "probe", "paths": ["/-/healthy"], "public": true},
    ]));
    let replay = replay(&new, &old);
    assert_eq!(
        changes(&replay),
        [
            "Loses system:serviceaccount:monitoring:other GET /a caller-not-allowed 1 2",
            "Loses eve@example.org GET /a caller-not-allowed 1 4",
            "Gains - GET /-/healthy public 1 7",
            "Loses - GET /a no-credentials 1 9",
        ]
    );
    assert_eq!(replay.unchanged, 3);
    let skipped: Vec<(usize, usize)> = replay
        .skipped
        .values()
        .map(|lines| (lines.count, lines.first))
        .collect();
    assert_eq!(
        skipped,
        [(1, 10), (1, 12), (2, 6), (1, 11)],
        "{:?}",
        replay.skipped
    );
}

#[test]
fn a_service_account_of_one_of_several_issuers_depends_on_which_it_is() {
    let new = rules(
        &json!([{"name": "karma", "allow": [{"service_account": "green/monitoring/karma"}]}]),
    );
    let replay = replay(
        &new,
        &[logged(
            "system:serviceaccount:monitoring:karma",
            "GET",
            "/",
            200,
        )],
    );
    assert_eq!(
        changes(&replay),
        ["Depends system:serviceaccount:monitoring:karma GET / caller-not-allowed 1 1"]
    );
    let why = replay.changes[0].why.as_deref().unwrap();
    assert!(why.contains("green/monitoring/karma"), "{why}");
}

#[test]
fn what_a_record_does_not_have_is_not_evaluated_again() {
    let old =
        rules(&json!([{"name": "all", "allow": [{"service_account": "blue/monitoring/karma"}]}]));
    let token = SimulatedCaller::Token("a.b.c".to_owned());
    let replay = replay(&old, &[record(&old, &token, "GET", "/a")]);
    assert_eq!((replay.requests(), replay.skipped.len()), (0, 1));
    let why = replay.skipped.keys().next().unwrap();
    assert_eq!(why, "decided by what is not in the record: token-malformed");
}

#[test]
fn a_refusal_that_is_only_reported_counts_as_one() {
    let none = json!([{"name": "karma", "allow": [{"service_account": "blue/monitoring/karma"}]}]);
    let reported = simulator(&none, &json!({"report_until": "2027-06-01T00:00:00Z"}));
    let line = record(&reported, &named("blue/monitoring/other"), "GET", "/a");
    assert!(line.contains("report-only"), "{line}");
    assert_eq!(
        changes(&replay(&reported, &[line])),
        ["Loses blue/monitoring/other GET /a caller-not-allowed 1 1"]
    );
}

#[test]
fn a_caller_of_an_issuer_that_the_policy_lacks_loses() {
    let old =
        rules(&json!([{"name": "all", "allow": [{"service_account": "blue/monitoring/karma"}]}]));
    let line = record(&old, &named("blue/monitoring/karma"), "GET", "/a").replace("blue/", "red/");
    let replay = replay(&old, &[line]);
    assert_eq!(
        changes(&replay),
        ["Loses red/monitoring/karma GET /a issuer-unknown 1 1"]
    );
    let why = replay.changes[0].why.as_deref().unwrap();
    assert!(why.contains("`red`"), "{why}");
}

#[test]
fn lists_are_bounded_and_nothing_is_lost() {
    let none =
        rules(&json!([{"name": "karma", "allow": [{"service_account": "blue/monitoring/karma"}]}]));
    let mut replay = Replay::new(Path::new("portcullis.yaml"), Path::new("-"));
    let mut reader = Reader::new(&none, NOW);
    for number in 0..20 {
        let line = logged(
            "system:serviceaccount:a:b",
            "GET",
            &format!("/{number}"),
            200,
        );
        reader.read(&format!("{line}\n"), &mut replay);
    }
    assert_eq!((replay.changes.len(), replay.changes[0].requests), (1, 20));
    assert_eq!(replay.changes[0].paths.len(), MAX_PATHS);
    // A line in parts is one line.
    reader.read("part", &mut replay);
    reader.read("part\n", &mut replay);
    let line = logged("system:serviceaccount:a:c", "GET", "/", 200);
    reader.read(&line, &mut replay);
    assert_eq!(replay.changes[1].line, 22);
}
