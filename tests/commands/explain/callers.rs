//! Each way to describe a caller takes the path of a real one.

use super::{POLICY, decided, explain, folder};

const ALERTS: &str = "https://alertmanager.example.com/api/v2/alerts";
const PROMETHEUS: &str = "https://prometheus.example.com/";

#[test]
fn a_named_caller_has_what_its_name_and_the_options_say() {
    let folder = folder();
    for (arguments, expected) in [
        (&["--as", "staging/monitoring/karma"][..], "allowed rule"),
        (
            &["--as", "staging/other/karma"],
            "refused caller-not-allowed",
        ),
        (&["--as", "sso/bob"], "refused caller-not-allowed"),
        (
            &["--as", "sso/bob", "--group", "dev", "--group", "sre"],
            "allowed rule",
        ),
        (
            &["--as", "sso/bob", "--email", "ADA@example.com"],
            "allowed rule",
        ),
        // Its groups are at the path of its trust entry, and its algorithms do not matter.
        (&["--as", "gitlab/4711", "--group", "sre"], "allowed rule"),
        (
            &["--as", "gitlab/4711", "--email", "ada@example.com"],
            "refused caller-not-allowed",
        ),
        (&[], "refused no-credentials"),
    ] {
        let all = [&["--url", ALERTS], arguments].concat();
        assert_eq!(decided(&folder, &all), expected, "{arguments:?}");
    }
    let all = ["--url", ALERTS, "--as", "sso/a%2Fb%25", "--group", "sre"];
    let (_, json) = explain(&folder, &all);
    assert_eq!(json["caller"], "sso/a%2Fb%25");
    assert_eq!(json["set"]["x-auth-request-user"], "a%2Fb%25");
}

#[test]
fn a_refused_caller_is_not_said_to_lack_a_rule() {
    let folder = folder();
    folder.file(
        "portcullis.yaml",
        format!("refuse_callers: [staging/monitoring/karma]\n{POLICY}"),
    );
    let all = ["--url", ALERTS, "--as", "staging/monitoring/karma"];
    assert_eq!(decided(&folder, &all), "refused caller-refused");
    let (_, json) = explain(&folder, &all);
    let steps = json["steps"].as_array().unwrap();
    let rules = steps.iter().find(|step| step["step"] == "rules").unwrap();
    assert_eq!(rules["result"], "refused");
    assert_eq!(
        rules["detail"],
        "not reached: the policy has the caller in `refuse_callers`"
    );
}

#[test]
fn claims_are_used_as_they_are_and_completed() {
    let folder = folder();
    let sub = "'system:serviceaccount:default:grafana'";
    for (claims, expected) in [
        (
            format!("{{sub: {sub}, kubernetes.io: {{pod: {{name: grafana-0}}}}}}"),
            "refused subject-invalid",
        ),
        (
            format!(
                "{{sub: {sub}, kubernetes.io: {{namespace: default, serviceaccount: {{name: grafana}}, \
                 pod: {{name: grafana-0}}}}}}"
            ),
            "allowed rule",
        ),
        (
            format!(
                "{{sub: {sub}, kubernetes.io: {{namespace: default, serviceaccount: {{name: grafana}}, \
                 pod: {{name: grafana-1}}}}}}"
            ),
            "refused caller-not-allowed",
        ),
        (
            format!("{{sub: {sub}, aud: [portcullis]}}"),
            "refused audience-mismatch",
        ),
        (
            format!("{{sub: {sub}, aud: [other]}}"),
            "refused audience-mismatch",
        ),
        (
            format!("{{sub: {sub}, iss: 'https://other.example.com'}}"),
            "refused issuer-unknown",
        ),
        (format!("{{sub: {sub}, exp: 1}}"), "refused expired"),
        (
            format!("{{sub: {sub}, nbf: 3000000000, exp: 3000000001}}"),
            "refused not-yet-valid",
        ),
        (
            format!("{{sub: {sub}, exp: 3000000001}}"),
            "refused lifetime-too-long",
        ),
        ("{}".to_owned(), "refused token-malformed"),
    ] {
        folder.file("claims.yaml", &claims);
        let all = [
            "--url",
            PROMETHEUS,
            "--claims",
            "claims.yaml",
            "--from",
            "staging",
        ];
        assert_eq!(decided(&folder, &all), expected, "{claims}");
    }
}

#[test]
fn a_person_has_the_claims_that_the_rules_match_on() {
    let folder = folder();
    for (url, person, expected) in [
        (ALERTS, "{sub: ada, groups: [sre]}", "allowed rule"),
        (
            ALERTS,
            "{provider: sso, sub: ada, groups: sre}",
            "allowed rule",
        ),
        (ALERTS, "{sub: ada, email: ada@example.com}", "allowed rule"),
        (
            ALERTS,
            "{sub: ada, email: ada@example.com, email_verified: false}",
            "refused caller-not-allowed",
        ),
        (
            ALERTS,
            "{sub: ada, department: 7}",
            "refused caller-not-allowed",
        ),
        (PROMETHEUS, "{sub: ada, department: 7}", "allowed rule"),
        (
            PROMETHEUS,
            "{sub: ada, department: '7'}",
            "refused caller-not-allowed",
        ),
    ] {
        folder.file("person.yaml", person);
        let all = ["--url", url, "--person", "person.yaml"];
        assert_eq!(decided(&folder, &all), expected, "{person}");
    }
}

#[test]
fn an_unverified_address_is_the_error_as_in_the_audit_record() {
    let folder = folder();
    folder.file(
        "person.json",
        r#"{"sub": "ada", "email": "ada@example.com", "email_verified": false}"#,
    );
    let (_, json) = explain(&folder, &["--url", ALERTS, "--person", "person.json"]);
    let error = json["error"].as_str().unwrap();
    assert!(error.contains("not verified"), "{error}");
}

#[test]
fn a_large_session_is_split_into_cookies() {
    let folder = folder();
    let groups = (0..600).map(|number| format!("group-number-{number}"));
    let groups: Vec<String> = groups.chain(["sre".to_owned()]).collect();
    folder.file(
        "person.yaml",
        format!("{{sub: ada, groups: [{}]}}", groups.join(", ")),
    );
    let all = ["--url", ALERTS, "--person", "person.yaml"];
    assert_eq!(decided(&folder, &all), "allowed rule");
}

#[test]
fn of_two_entries_with_one_issuer_the_named_one_vouches() {
    let folder = folder();
    let second = "  - name: green
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: k8s-green, pins: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA], refuse_kids: [a]}
  - name: gitlab
";
    folder.file(
        "portcullis.yaml",
        POLICY.replacen("  - name: gitlab\n", second, 1),
    );
    for trust in ["staging", "green"] {
        let name = format!("{trust}/monitoring/karma");
        let (_, json) = explain(&folder, &["--url", ALERTS, "--as", &name]);
        assert_eq!(json["caller"], name);
    }
}

#[test]
fn the_path_is_taken_byte_for_byte() {
    let folder = folder();
    for (path, expected) in [
        ("/api/v2/alerts?x=/../y", "allowed rule"),
        ("/api/v2/../alerts", "refused request-ambiguous"),
        ("/api/v2/%2e%2e/alerts", "refused request-ambiguous"),
        ("//api/v2/alerts", "refused request-ambiguous"),
        ("/api/v2/alerts#", "refused request-ambiguous"),
        ("/api/v2/%41", "allowed rule"),
        ("/API/v2/alerts", "refused caller-not-allowed"),
        ("", "refused caller-not-allowed"),
        ("?x", "refused caller-not-allowed"),
    ] {
        let url = format!("https://alertmanager.example.com{path}");
        let all = ["--url", &url, "--as", "staging/monitoring/karma"];
        assert_eq!(decided(&folder, &all), expected, "{path}");
    }
    for authority in ["ALERTMANAGER.example.com:8443", "alertmanager.example.com"] {
        let url = format!("https://{authority}/api/v2/alerts");
        let all = ["--url", &url, "--as", "staging/monitoring/karma"];
        assert_eq!(decided(&folder, &all), "allowed rule", "{authority}");
    }
    let user = [
        "--url",
        "https://u@alertmanager.example.com/",
        "--as",
        "sso/ada",
    ];
    assert_eq!(decided(&folder, &user), "refused request-ambiguous");
}
