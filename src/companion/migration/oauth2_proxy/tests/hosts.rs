//! Apps of Ingress objects: hosts, paths and what `auth-url` requires.

use std::{env, fs, process};

use serde_json::json;

use super::*;
use crate::migration::oauth2_proxy::source::ingress;

/// The Ingress objects of a text.
fn ingresses(name: &str, text: &str) -> Ingresses {
    let path = env::temp_dir().join(format!("portcullis-import-{}-{name}.yaml", process::id()));
    fs::write(&path, text).unwrap();
    let found = ingress::read(&path);
    fs::remove_file(&path).unwrap();
    found.unwrap()
}

/// An Ingress with one path.
fn of(name: &str, query: &str, path: &str) -> String {
    format!(
        "---\nkind: Ingress\nmetadata:\n  name: {name}\n  annotations:\n    nginx.ingress.kubernetes.io/auth-url: \
         \"https://auth.example.com/oauth2/auth{query}\"\nspec:\n  rules:\n  - host: a.example.com\n    http:\n      paths:\n      \
         - {{path: {path}, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}\n"
    )
}

fn map(name: &str, text: &str, flags: &[&str]) -> Mapped {
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    mapped(&BASE[..6], &flags, &ingresses(name, text))
}

#[test]
fn what_auth_url_requires_restricts_the_app() {
    let text = of("a", "?allowed_groups=sre,dev", "/");
    let one = map("groups", &text, &[]);
    assert_eq!(
        policy(&one, "/apps/0/rules/0/allow"),
        json!([
            {"from": "sso", "email_domain": "example.com", "group": "sre"},
            {"from": "sso", "email_domain": "example.com", "group": "dev"},
        ])
    );
    let text = of("a", "?allowed_emails=ada@example.com,eve@other.com", "/");
    let one = map("emails", &text, &[]);
    assert_eq!(
        policy(&one, "/apps/0/rules/0/allow"),
        json!([{"from": "sso", "email": "ada@example.com"}]),
        "the address of another domain was never admitted"
    );
    let text = of("a", "?allowed_email_domains=other.com", "/");
    let one = map("domains", &text, &[]);
    assert_eq!(policy(&one, "/apps/0/rules/0/name"), json!("nobody"));
}

#[test]
fn two_lists_of_groups_admit_those_in_both() {
    let text = of("a", "?allowed_groups=sre,ops", "/");
    let one = map(
        "two",
        &text,
        &[
            "--allowed-group=sre",
            "--allowed-group=ops",
            "--allowed-group=dev",
        ],
    );
    assert_eq!(
        policy(&one, "/apps/0/rules/0/allow"),
        json!([
            {"from": "sso", "email_domain": "example.com", "group": "sre"},
            {"from": "sso", "email_domain": "example.com", "group": "ops"},
        ])
    );
    let other = map(
        "other",
        &text,
        &["--allowed-group=dev", "--allowed-group=ops"],
    );
    assert_eq!(
        policy(&other, "/apps/0/rules/0/allow"),
        json!([{"from": "sso", "email_domain": "example.com", "group": "ops"}]),
        "who is in sre and dev is missing, and the report says so"
    );
    assert_eq!(
        line(&other, "Ingress default/a: allowed_groups").outcome,
        Outcome::NeedsYou
    );
}

#[test]
fn paths_with_other_requirements_have_rules_of_their_own_and_none_is_wider() {
    let text = of("docs", "", "/docs") + &of("admin", "?allowed_groups=sre", "/admin");
    let two = map("paths", &text, &[]);
    assert_eq!(policy(&two, "/apps/0/rules/0/paths"), json!(["/docs/**"]));
    assert_eq!(policy(&two, "/apps/0/rules/1/paths"), json!(["/admin/**"]));
    assert_eq!(policy(&two, "/apps/0/rules/1/allow/0/group"), json!("sre"));
    let text = of("all", "", "/") + &of("admin", "?allowed_groups=sre", "/admin");
    let nested = map("nested", &text, &[]);
    assert_eq!(
        policy(&nested, "/apps/0/rules/0/paths"),
        json!(["/admin/**"])
    );
    assert_eq!(
        policy(&nested, "/apps/0/rules/1"),
        json!(null),
        "a rule for / would open /admin"
    );
    assert_eq!(
        line(&nested, "Ingress default/all: paths").outcome,
        Outcome::NeedsYou
    );
}

#[test]
fn paths_without_oauth2_proxy_are_not_opened_but_reported() {
    let open = of("open", "", "/metrics").replace("auth-url", "limit-rps");
    let text = of("a", "", "/") + &open;
    let one = map("open", &text, &[]);
    assert_eq!(policy(&one, "/apps/0/rules/1"), json!(null));
    let line = line(&one, "Ingress default/open: paths");
    assert_eq!(
        (line.outcome, line.value.as_deref()),
        (Outcome::NeedsYou, Some("/metrics"))
    );
}

#[test]
fn the_companion_needs_a_host_beside_those_of_apps() {
    let text = of("a", "", "/");
    let one = map(
        "host",
        &text,
        &["--redirect-url=https://a.example.com/oauth2/callback"],
    );
    assert_eq!(
        companion(&one, "/url"),
        json!("https://auth-change-me.example.com")
    );
    assert_eq!(line(&one, "--redirect-url").outcome, Outcome::NeedsYou);
}

#[test]
fn apps_outside_of_the_cookie_domain_admit_nobody_and_the_report_says_so() {
    let text = of("a", "", "/") + &of("b", "", "/").replace("a.example.com", "b.other.org");
    let two = map("domain", &text, &[]);
    assert_eq!(
        companion(&two, "/session/cookie/domain"),
        json!("example.com")
    );
    assert_eq!(policy(&two, "/apps/1/rules/0/name"), json!("nobody"));
    assert_eq!(line(&two, "--cookie-domain").outcome, Outcome::NeedsYou);
}

#[test]
fn other_ways_to_authenticate_need_somebody() {
    let text = of("a", "", "/").replace(
        "    nginx",
        "    nginx.ingress.kubernetes.io/auth-tls-secret: x\n    nginx.ingress.kubernetes.io/satisfy: any\n    \
         nginx.ingress.kubernetes.io/auth-response-headers: X-Auth-Request-User, X-Auth-Request-Access-Token\n    nginx",
    );
    let found = ingresses("others", &text);
    let lines: Vec<Line> = of_annotations(&found).collect();
    let needs_you: Vec<&str> = lines
        .iter()
        .filter(|line| line.outcome == Outcome::NeedsYou)
        .map(|line| line.name.rsplit(": ").next().unwrap())
        .collect();
    assert_eq!(
        needs_you,
        ["auth-tls-secret", "satisfy", "auth-response-headers"]
    );
}
