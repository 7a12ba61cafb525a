//! Bearer tokens.

use serde_json::json;

use super::*;

#[test]
fn extra_issuers_become_trust_entries() {
    let mapped = with(&[
        "--extra-jwt-issuers=https://kubernetes.example.com=a,https://kubernetes.example.com=b",
        "--extra-jwt-issuers=https://login.example.org=c",
        "--extra-jwt-issuers=https://oidc.eks.eu-west-1.amazonaws.com/id/ABC=d",
        "--extra-jwt-issuers=https://kubernetes.example.org=a",
        "--provider-ca-file=/ca.pem",
    ]);
    let trust = policy(&mapped, "/trust");
    let summary: Vec<String> = trust
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["name"], one["kind"], one["audiences"]).replace('"', ""))
        .collect();
    assert_eq!(
        summary,
        [
            "kubernetes kubernetes [a,b]",
            "login oidc [c]",
            "oidc kubernetes [d]",
            "kubernetes-2 kubernetes [a]",
            "sso-tokens oidc [portcullis]",
        ]
    );
    assert_eq!(
        companion(&mapped, "/trust/kubernetes/ca_file"),
        json!("/ca.pem")
    );
    assert_eq!(companion(&mapped, "/providers/0/ca_file"), json!("/ca.pem"));
}

#[test]
fn any_token_opens_everything_only_where_it_did_before() {
    let everybody = with(&["--email-domain=*"]);
    assert_eq!(
        policy(&everybody, "/apps/0/rules/1/allow"),
        json!([{"from": "kubernetes", "anyone": true}])
    );
    let line_of = line(&everybody, "--extra-jwt-issuers");
    assert_eq!(line_of.outcome, Outcome::NeedsYou);
    assert!(
        line_of
            .why
            .contains("any token of these issuers opens everything"),
        "{line_of:?}"
    );
    // The subject of a service account is no address, so it is in no domain and has no groups.
    for flags in [&[][..], &["--email-domain=*", "--allowed-group=sre"]] {
        let mapped = with(flags);
        assert_eq!(policy(&mapped, "/apps/0/rules/1"), json!(null), "{flags:?}");
        assert_eq!(
            line(&mapped, "--extra-jwt-issuers").outcome,
            Outcome::Changed,
            "{flags:?}"
        );
    }
}

#[test]
fn tokens_of_other_issuers_need_the_same_addresses_and_groups() {
    let mapped = with(&[
        "--extra-jwt-issuers=https://login.example.org=c",
        "--allowed-group=sre",
    ]);
    assert_eq!(
        policy(&mapped, "/apps/0/rules/1/allow"),
        json!([{"from": "login", "email_domain": "example.com", "group": "sre"}])
    );
}

#[test]
fn pairs_that_can_not_be_used_are_lines() {
    for pair in [
        "https://kubernetes.example.com",
        "https://kubernetes.example.com=",
        "http://kubernetes.example.com=a",
        "kubernetes=a",
        "https://kubernetes.example.com=https://kubernetes.example.com",
    ] {
        let mapped = with(&[&format!("--extra-jwt-issuers={pair}")]);
        assert_eq!(
            line(&mapped, "--extra-jwt-issuers").outcome,
            Outcome::NeedsYou,
            "{pair}"
        );
        assert_eq!(
            policy(&mapped, "/trust/0/name"),
            json!("sso-tokens"),
            "{pair}: no entry"
        );
    }
}

#[test]
fn without_the_flag_no_bearer_token_is_accepted() {
    let mapped = with(&["--skip-jwt-bearer-tokens=false"]);
    assert_eq!(policy(&mapped, "/trust"), json!(null));
    assert_eq!(
        line(&mapped, "--extra-jwt-issuers").outcome,
        Outcome::Dropped
    );
}

/// What the base and a log of requests are mapped to. `requests` are `USER METHOD HOST/PATH`.
fn with_log(flags: &[&str], requests: &[&str]) -> Mapped {
    let line = |request: &&str| {
        let [user, method, url] = request.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{request}")
        };
        let (host, path) = url.split_once('/').unwrap();
        format!(
            "10.0.0.1 - 5f - {user} [2026/11/30 09:00:00] {host} {method} - \"/{path}\" HTTP/1.1 \"x\" 202 0 0.001\n"
        )
    };
    let log: String = requests.iter().map(line).collect();
    let seen = access_log::read(log.as_bytes(), &[]).unwrap();
    let flags: Vec<String> = BASE
        .iter()
        .chain(flags)
        .map(|&flag| flag.to_owned())
        .collect();
    mapped_with_log(&[&flags], &Ingresses::default(), Some(&seen))
}

#[test]
fn callers_in_the_log_have_rules_of_their_own_at_the_hosts_in_it() {
    let mapped = with_log(
        &[
            "--email-domain=*",
            "--extra-jwt-issuers=https://login.example.org=c",
        ],
        &[
            "system:serviceaccount:blue:karma GET a.example.com/api/v2/alerts",
            "system:serviceaccount:green:karma GET a.example.com/metrics",
            "system:serviceaccount:green:karma POST a.example.com/api/v2/silences",
            "robot GET b.example.com/",
        ],
    );
    let rules = |app: usize| {
        let rules = policy(&mapped, &format!("/apps/{app}/rules"));
        let rules = rules.as_array().unwrap().clone();
        let rules = rules.into_iter().filter(|rule| rule["name"] != "people");
        rules.map(|rule| rule.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(policy(&mapped, "/apps/0/hosts"), json!(["a.example.com"]));
    assert_eq!(
        rules(0),
        [
            r#"{"allow":[{"service_account":"kubernetes/blue/karma"}],"methods":["GET"],"name":"kubernetes-karma-1","paths":["/api/v2/**"]}"#,
            r#"{"allow":[{"service_account":"kubernetes/green/karma"}],"methods":["GET"],"name":"kubernetes-karma-1-2","paths":["/metrics"]}"#,
            r#"{"allow":[{"service_account":"kubernetes/green/karma"}],"methods":["POST"],"name":"kubernetes-karma-2","paths":["/api/v2/**"]}"#,
        ]
    );
    assert_eq!(
        rules(1),
        [
            r#"{"allow":[{"from":"login","user":"robot"}],"methods":["GET"],"name":"login-robot-1","paths":["/"]}"#
        ]
    );
    assert_eq!(line(&mapped, "hosts of apps").outcome, Outcome::NeedsYou);
}
