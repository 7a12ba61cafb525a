//! Who may sign in, and paths that need no sign-in.

use std::{env, fs, process};

use serde_json::json;

use super::*;

#[test]
fn addresses_domains_and_groups_become_entries() {
    let mapped = with(&[
        "--email-domain=Example.com,other.com",
        "--allowed-group=sre",
        "--allowed-group=dev",
    ]);
    assert_eq!(
        policy(&mapped, "/apps/0/rules/0/allow"),
        json!([
            {"from": "sso", "email_domain": "example.com", "group": "sre"},
            {"from": "sso", "email_domain": "example.com", "group": "dev"},
            {"from": "sso", "email_domain": "other.com", "group": "sre"},
            {"from": "sso", "email_domain": "other.com", "group": "dev"},
            {"from": "sso-tokens", "email_domain": "example.com", "group": "sre"},
            {"from": "sso-tokens", "email_domain": "example.com", "group": "dev"},
            {"from": "sso-tokens", "email_domain": "other.com", "group": "sre"},
            {"from": "sso-tokens", "email_domain": "other.com", "group": "dev"},
        ])
    );
}

#[test]
fn an_asterisk_admits_everybody_and_without_domains_nobody_is_admitted() {
    let everybody = with(&["--email-domain=*"]);
    assert_eq!(
        policy(&everybody, "/apps/0/rules/0/allow/0"),
        json!({"from": "sso", "anyone": true})
    );
    let nobody = mapped(&BASE[..5], &[], &Ingresses::default());
    assert_eq!(
        policy(&nobody, "/apps/0/rules/0/allow"),
        json!([{"from": "sso", "email_domain": "change-me.invalid"}])
    );
    assert_eq!(line(&nobody, "--email-domain").outcome, Outcome::NeedsYou);
}

#[test]
fn subdomains_are_not_widened_to_anything() {
    let mapped = with(&["--email-domain=*.example.com,.example.org"]);
    assert_eq!(
        policy(&mapped, "/apps/0/rules/0/allow/0"),
        json!({"from": "sso", "email_domain": "change-me.invalid"})
    );
    let line = line(&mapped, "--email-domain");
    assert_eq!(line.outcome, Outcome::NeedsYou);
    assert!(
        line.why.contains("*.example.com") && line.why.contains(".example.org"),
        "{line:?}"
    );
}

#[test]
fn the_addresses_of_the_file_are_in_the_policy() {
    let path = env::temp_dir().join(format!("portcullis-import-{}-emails", process::id()));
    let text = "# people\nAda@Example.com\n\n  \"bob@other.com\", Bob\nsystem:serviceaccount:monitoring:karma\nnot an address\n";
    fs::write(&path, text).unwrap();
    let flag = format!("--authenticated-emails-file={}", path.display());
    let base = &["--email-domain=corp.com", &*flag];
    let found = with(base);
    fs::remove_file(&path).unwrap();
    assert_eq!(
        policy(&found, "/apps/0/rules/0/allow"),
        json!([
            {"from": "sso", "email": "ada@example.com"},
            {"from": "sso", "email": "bob@other.com"},
            {"from": "sso", "email_domain": "corp.com"},
            {"from": "sso-tokens", "email": "ada@example.com"},
            {"from": "sso-tokens", "email": "bob@other.com"},
            {"from": "sso-tokens", "email_domain": "corp.com"},
        ])
    );
    assert_eq!(
        policy(&found, "/apps/0/rules/1/allow"),
        json!([{"service_account": "kubernetes/monitoring/karma"}]),
        "of service accounts only those in the file were admitted"
    );
    let missing = with(base);
    let line = line(&missing, "--authenticated-emails-file");
    assert_eq!(line.outcome, Outcome::NeedsYou);
    assert!(line.why.contains("can't be read"), "{line:?}");
}

#[test]
fn groups_and_roles_of_keycloak_are_matched_where_keycloak_has_them() {
    let mapped = with(&[
        "--provider=keycloak-oidc",
        "--email-domain=*",
        "--allowed-role=admin",
        "--allowed-role=grafana:editor",
        "--keycloak-group=/sre",
    ]);
    assert_eq!(
        policy(&mapped, "/apps/0/rules/0/allow"),
        json!([
            {"from": "sso", "group": "/sre"},
            {"from": "sso", "claim": {"path": ["realm_access", "roles"], "contains": "admin"}},
            {"from": "sso", "claim": {"path": ["resource_access", "grafana", "roles"], "contains": "editor"}},
            {"from": "sso-tokens", "group": "/sre"},
            {"from": "sso-tokens", "claim": {"path": ["realm_access", "roles"], "contains": "admin"}},
            {"from": "sso-tokens", "claim": {"path": ["resource_access", "grafana", "roles"], "contains": "editor"}},
        ])
    );
}

#[test]
fn groups_that_only_an_api_tells_admit_nobody() {
    for (provider, flag) in [
        ("google", "--google-group=sre@example.com"),
        ("gitlab", "--gitlab-project=team/project"),
        ("github", "--github-org=example"),
    ] {
        let mapped = with(&[&format!("--provider={provider}"), "--email-domain=*", flag]);
        let name = flag.split('=').next().unwrap();
        assert_eq!(line(&mapped, name).outcome, Outcome::NeedsYou, "{flag}");
        assert_eq!(
            policy(&mapped, "/apps/0/rules/0/allow/0"),
            json!({"from": "sso", "group": "change-me.invalid"}),
            "{flag}"
        );
    }
    let other = with(&["--email-domain=*", "--google-group=sre@example.com"]);
    assert_eq!(
        line(&other, "--google-group").outcome,
        Outcome::Dropped,
        "the provider is not Google"
    );
}

#[test]
fn routes_without_sign_in_become_public_rules_or_a_line() {
    let mapped = with(&[
        "--skip-auth-route=get=^/probe$",
        "--skip-auth-route=^/docs/",
        "--skip-auth-route=POST!=^/private",
        "--skip-auth-route=GET=^/metrics",
        "--skip-auth-regex=/anywhere",
    ]);
    let public: Vec<serde_json::Value> = {
        let rules = policy(&mapped, "/apps/0/rules");
        let rules = rules.as_array().unwrap().clone();
        rules
            .into_iter()
            .filter(|rule| rule["public"] == true)
            .collect()
    };
    assert_eq!(public.len(), 3, "{public:?}");
    assert_eq!(
        public[0],
        json!({"name": "public-1", "methods": ["GET"], "paths": ["/probe"], "public": true})
    );
    assert_eq!(public[1]["paths"], json!(["/docs/", "/docs/*/**"]));
    assert_eq!(public[1]["methods"].as_array().unwrap().len(), 7);
    assert_eq!(public[2]["paths"], json!(["/metrics/**"]));
    let route = line(&mapped, "--skip-auth-route");
    assert_eq!(route.outcome, Outcome::NeedsYou);
    assert!(
        route.why.contains("`POST!=^/private` has no rule"),
        "{route:?}"
    );
    assert!(route.why.contains("`/metrics-x`"), "{route:?}");
    assert_eq!(
        line(&mapped, "--skip-auth-regex").outcome,
        Outcome::NeedsYou
    );
    let exact = with(&["--skip-auth-route=GET=^/probe$"]);
    assert_eq!(line(&exact, "--skip-auth-route").outcome, Outcome::Kept);
}
