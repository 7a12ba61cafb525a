//! Audit records in the logs of proxies, containers and access logs.

use serde_json::{Value, json};

use super::{AT, folder};
use crate::check::{Folder, texts};

fn record(id: &str, more: &Value) -> Value {
    // The order of a record's members: `audit` is the first.
    let mut record = json!({
        "audit": "portcullis.decision.v1", "id": id, "method": "GET",
        "host": "alertmanager.example.com", "path": "/api/v2/alerts",
    });
    let members = record.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    record
}

fn karma(id: &str) -> Value {
    record(
        id,
        &json!({"decision": "allowed", "reason": "rule", "caller": "staging/monitoring/karma", "trust": "staging"}),
    )
}

/// The record as the gate writes it, with `audit` in front.
fn line(record: &Value) -> String {
    let mut rest = record.clone();
    rest.as_object_mut().unwrap().remove("audit");
    let rest = rest.to_string();
    format!(r#"{{"audit":"portcullis.decision.v1",{}"#, &rest[1..])
}

fn explain(folder: &Folder, log: &str, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let all = [
        "explain",
        "portcullis.yaml",
        "-o",
        "json",
        "--at",
        AT,
        "--audit",
        "-",
    ];
    let (code, output, stderr) = texts(&folder.portcullis(&[&all, arguments].concat(), log));
    (
        code,
        serde_json::from_str(&output).unwrap_or_default(),
        stderr,
    )
}

#[test]
fn a_record_is_found_behind_prefixes_and_in_texts_of_json() {
    let folder = folder();
    let record = line(&karma("1"));
    let access_log = json!({"path": "/", "portcullis": record}).to_string();
    let container = json!({"log": format!("{access_log}\n"), "stream": "stdout"}).to_string();
    for log in [
        record.clone(),
        format!(
            "[2027-01-31 00:00:00.000][17][info][wasm] [source/x.cc:1] wasm log portcullis: {record}"
        ),
        format!("2027-01-31T00:00:00Z stdout F {access_log}"),
        access_log,
        container,
    ] {
        let noise = format!(
            "no record\n{{\"a\":1}}\n\u{0}\n{log}\n{{\"audit\":\"portcullis.decision.v1\",\"id\n"
        );
        let (code, json, stderr) = explain(&folder, &noise, &[]);
        assert_eq!((code, &*stderr), (Some(0), ""), "{log}");
        assert_eq!(json["rule"], "karma-polls", "{log}");
    }
}

#[test]
fn an_id_picks_one_of_several_records() {
    let folder = folder();
    let other = record(
        "2",
        &json!({"decision": "refused", "reason": "no-credentials"}),
    );
    let log = [line(&karma("1")), line(&other)].join("\n");
    let (code, _, stderr) = explain(&folder, &log, &[]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("has 2 audit records") && stderr.contains("--id"),
        "{stderr}"
    );
    assert_eq!(explain(&folder, &log, &["--id", "1"]).1["reason"], "rule");
    assert_eq!(
        explain(&folder, &log, &["--id", "2"]).1["reason"],
        "no-credentials"
    );
    let (code, _, stderr) = explain(&folder, &log, &["--id", "3"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no audit record with this id"), "{stderr}");
    let (code, _, stderr) = explain(&folder, "nothing here\n", &[]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("error: <stdin>: has no audit record\nhelp: "),
        "{stderr}"
    );
}

#[test]
fn a_refused_token_is_made_up_again_with_what_it_claimed() {
    let folder = folder();
    let claimed = |claims: &Value| {
        json!({
            "decision": "refused", "reason": "x", "trust": "staging", "claimed": claims,
        })
    };
    let sub = "system:serviceaccount:monitoring:karma";
    let iss = "https://kubernetes.example.com";
    for (claims, expected) in [
        (
            json!({"verified": true, "iss": iss, "sub": sub, "aud": ["portcullis"], "exp": 1}),
            "expired",
        ),
        (
            json!({"verified": true, "iss": iss, "sub": sub, "aud": ["other"], "kid": "k"}),
            "audience-mismatch",
        ),
        (
            json!({"verified": false, "iss": "https://evil.example.com", "sub": sub}),
            "issuer-unknown",
        ),
    ] {
        let log = line(&record("1", &claimed(&claims)));
        assert_eq!(
            explain(&folder, &log, &[]).1["reason"],
            expected,
            "{claims}"
        );
    }
    let mut unknown = record(
        "1",
        &claimed(&json!({"iss": "https://evil.example.com", "sub": sub})),
    );
    unknown.as_object_mut().unwrap().remove("trust");
    assert_eq!(
        explain(&folder, &line(&unknown), &[]).1["reason"],
        "issuer-unknown"
    );
}

#[test]
fn what_has_changed_since_the_record_is_said() {
    let folder = folder();
    let same = explain(&folder, &line(&karma("1")), &[]).1;
    let note = |json: &Value| json["notes"][0].as_str().unwrap().to_owned();
    assert_eq!(note(&same), "the record has the same decision and reason");
    let mut before = karma("1");
    before["decision"] = json!("refused");
    before["reason"] = json!("caller-not-allowed");
    let changed = explain(&folder, &line(&before), &[]).1;
    assert!(
        note(&changed).starts_with("the record has another decision: refused, caller-not-allowed."),
        "{changed}"
    );
}

#[test]
fn a_log_may_be_large_and_the_last_record_of_an_id_counts() {
    let folder = folder();
    let mut before = karma("2");
    before["path"] = json!("/-/reload");
    let noise = format!("{}\n", "x".repeat(1000)).repeat(20_000);
    let log = [
        &noise,
        &line(&before),
        "\n",
        &noise,
        &line(&karma("2")),
        "\n",
        &noise,
    ]
    .concat();
    assert!(log.len() > 50 << 20);
    folder.file("gate.log", log);
    let all = [
        "explain",
        "portcullis.yaml",
        "-o",
        "json",
        "--audit",
        "gate.log",
        "--id",
        "2",
    ];
    let (code, output, stderr) = texts(&folder.portcullis(&all, ""));
    assert_eq!((code, &*stderr), (Some(0), ""), "{output}");
}
