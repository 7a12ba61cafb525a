mod definitions;

use std::rc::Rc;

use crate::document::{Document, Report};
use crate::manifests::FoundPolicy;

/// The file with all but the apps.
const POLICY: &str = "\
trust:
- {name: blue, kind: kubernetes, issuer: 'https://blue.example.com', audiences: [a], keys: {envoy_cluster: blue}}
- {name: red, kind: kubernetes, issuer: 'https://red.example.com', audiences: [a], keys: {envoy_cluster: red}}
- {name: gitlab, kind: oidc, issuer: 'https://gitlab.example.com', audiences: [a], keys: {envoy_cluster: gitlab}}
sso: {url: 'https://auth.example.com', envoy_cluster: portcullis}
teams:
- name: payments
  files: [apps/payments/**]
  hosts: [payments.example.com, '*.pay.example.com']
  from: [blue, sso]
- name: platform
  files: [apps/platform.yaml, 'apps/tools-*.yaml']
  hosts: ['*.example.com', ledger.pay.example.com]
  from: [blue, red, gitlab, sso]
  public: true
  forward_authorization: true
";

/// A valid file of the first team.
const APP: &str = "\
apps:
- name: payments
  hosts: [payments.example.com, a.pay.example.com]
  rules:
  - name: users
    allow:
    - {from: sso, group: payments}
    - service_account: blue/payments/*
";

fn parsed(name: &str, text: &str) -> Rc<Document> {
    let document = Document::parse(name.to_owned(), text.into(), "");
    Rc::new(document.unwrap_or_else(|report| panic!("{report}")))
}

fn found(policy: &str, files: &[(&str, &str)]) -> FoundPolicy {
    let files = files.iter();
    let files = files.map(|(name, text)| ((*name).to_owned(), parsed(name, text)));
    let found = FoundPolicy::folder(parsed("portcullis.yaml", policy), files.collect());
    found.unwrap_or_else(|reports| panic!("{reports:?}"))
}

fn errors_of(policy: &str, files: &[(&str, &str)]) -> Vec<String> {
    let errors = found(policy, files).validate().err().unwrap_or_default();
    errors.iter().map(Report::to_string).collect()
}

/// The only error of the first team's file with a piece replaced.
#[track_caller]
fn error_of(piece: &str, other: &str) -> String {
    assert!(APP.contains(piece), "{piece}");
    let text = APP.replacen(piece, other, 1);
    let mut errors = errors_of(POLICY, &[("apps/payments/app.yaml", &text)]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn apps_within_the_borders_of_their_teams_are_accepted_and_core_sees_no_teams() {
    let platform = "\
apps:
- name: open
  hosts: [open.example.com]
  forward_authorization: true
  report_until: 2030-01-01T00:00:00Z
  rules:
  - {name: all, paths: [/], public: true}
  - {name: clusters, allow: [{service_account: '*/monitoring/karma'}]}
- name: ledger
  hosts: [ledger.pay.example.com]
  rules: [{name: one, allow: [{from: gitlab, group: ledger}]}]
";
    let files = [
        ("apps/payments/deep/er/app.yaml", APP),
        ("apps/platform.yaml", platform),
    ];
    let found = found(POLICY, &files);
    let policy = found
        .validate()
        .unwrap_or_else(|reports| panic!("{reports:?}"));
    assert_eq!(policy.apps().len(), 3);
    assert!(!found.json().contains("teams"));
    let warnings: Vec<String> = found
        .team_warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "warning: portcullis.yaml:12:31: teams[1].files[1]: `apps/tools-*.yaml` matches no file; \
             help: check the pattern, or remove it"
        ]
    );
}

#[test]
fn a_violation_names_file_line_and_help() {
    assert_eq!(
        error_of("[payments.example.com", "[shop.example.org"),
        "\
error: apps/payments/app.yaml:3:11: apps[0].hosts[0]: `shop.example.org` is not a host of the team `payments`
    3 |   hosts: [shop.example.org, a.pay.example.com]
      |           ^^^^^^^^^^^^^^^^
help: use one of payments.example.com, *.pay.example.com, or add it to the `hosts` of the team"
    );
}

#[test]
fn each_border_of_a_team_is_checked() {
    for (piece, other, path, problem) in [
        // Hosts, in any case.
        (
            "[payments.example.com",
            "[b.a.pay.example.com",
            "hosts[0]",
            "is not a host of the team",
        ),
        (
            "[payments.example.com",
            "[pay.example.com",
            "hosts[0]",
            "is not a host of the team",
        ),
        (
            "[payments.example.com",
            "['*.example.com'",
            "hosts[0]",
            "is a host of the team `platform`",
        ),
        (
            "[payments.example.com",
            "[Ledger.Pay.example.com",
            "hosts[0]",
            "is a host of the team `platform`",
        ),
        (
            "[payments.example.com",
            "['*.payments.example.com'",
            "hosts[0]",
            "is not a host of the team",
        ),
        (
            "[payments.example.com, a.pay.example.com]",
            "any",
            "hosts",
            "`any` is not a host",
        ),
        // Trust entries and providers.
        (
            "from: sso",
            "from: gitlab",
            "rules[0].allow[0].from",
            "may not name `gitlab`",
        ),
        (
            "blue/payments",
            "red/payments",
            "rules[0].allow[1].service_account",
            "may not name `red`",
        ),
        (
            "blue/payments/*",
            "'*/payments/*'",
            "rules[0].allow[1].service_account",
            "may not name `red`",
        ),
        (
            "service_account: blue/payments/*",
            "from: red\n      service_account: '*/payments/*'",
            "rules[0].allow[1].from",
            "may not name `red`",
        ),
        // What everyone may send.
        (
            "  rules:\n",
            "  rules:\n  - {name: all, paths: [/], public: true}\n",
            "rules[0].public",
            "has no `public: true`",
        ),
        (
            "  rules:\n",
            "  shadow_rules: [{name: all, paths: [/], public: true}]\n  rules:\n",
            "shadow_rules[0].public",
            "has no `public: true`",
        ),
        (
            "  rules:\n",
            "  shadow_rules: [{name: a, allow: [{from: red, anyone: true}]}]\n  rules:\n",
            "shadow_rules[0].allow[0].from",
            "may not name `red`",
        ),
        // What the app receives.
        (
            "  rules:\n",
            "  forward_authorization: true\n  rules:\n",
            "forward_authorization",
            "has no `forward_authorization: true`",
        ),
    ] {
        let error = error_of(piece, other);
        let place = format!(": apps[0].{path}: ");
        assert!(
            error.contains(&place) && error.contains(problem),
            "{other}: {error}"
        );
        assert!(
            error.starts_with("error: apps/payments/app.yaml:"),
            "{error}"
        );
        assert!(error.contains("\nhelp: "), "{error}");
    }
}

#[test]
fn a_wildcard_can_not_take_over_a_host_of_another_team_that_has_no_app_for_it() {
    let wildcard = APP.replace("a.pay.example.com]", "'*.pay.example.com']");
    let files = |platform| {
        [
            ("apps/payments/app.yaml", &*wildcard),
            ("apps/platform.yaml", platform),
        ]
    };
    let rules = "rules: [{name: one, allow: [{from: gitlab, group: ledger}]}]";
    let app = |host: &str| format!("apps: [{{name: ledger, hosts: [{host}], {rules}}}]");
    let (other, owned) = (app("other.example.com"), app("Ledger.pay.example.com"));
    for platform in ["apps: []", &other] {
        assert_eq!(
            errors_of(POLICY, &files(platform)),
            ["\
error: apps/payments/app.yaml:3:33: apps[0].hosts[1]: `*.pay.example.com` matches `ledger.pay.example.com`, a host of the \
team `platform`, which has no app for it
    3 |   hosts: [payments.example.com, '*.pay.example.com']
      |                                 ^^^^^^^^^^^^^^^^^^^
help: name the hosts of this app instead of `*.pay.example.com`, write an app of the team `platform` for \
`ledger.pay.example.com`, or remove `ledger.pay.example.com` from the `hosts` of `platform` in `teams`"]
        );
    }
    assert_eq!(errors_of(POLICY, &files(&owned)), [""; 0]);
    // Hosts of the team itself, and those with more labels, are not taken over.
    let policy = POLICY
        .replace(
            "'*.pay.example.com']",
            "'*.pay.example.com', b.pay.example.com]",
        )
        .replace("ledger.pay", "a.ledger.pay");
    assert_eq!(errors_of(&policy, &files("apps: []")), [""; 0]);
}

#[test]
fn report_until_needs_both_rights() {
    let open = APP.replace("  rules:", "  report_until: 2030-01-01T00:00:00Z\n  rules:");
    let files = [("apps/payments/app.yaml", &*open)];
    for (rights, missing) in [
        ("", vec!["public", "forward_authorization"]),
        ("  public: true\n", vec!["forward_authorization"]),
        ("  forward_authorization: true\n", vec!["public"]),
        ("  public: true\n  forward_authorization: true\n", vec![]),
    ] {
        let policy = POLICY.replacen(
            "  from: [blue, sso]\n",
            &format!("  from: [blue, sso]\n{rights}"),
            1,
        );
        let errors = errors_of(&policy, &files);
        assert_eq!(errors.len(), missing.len(), "{rights}: {errors:?}");
        for (error, field) in errors.iter().zip(missing) {
            assert!(
                error.contains("apps[0].report_until: would open the app"),
                "{error}"
            );
            assert!(
                error.contains(&format!("has no `{field}: true`")),
                "{error}"
            );
        }
    }
}

#[test]
fn a_host_that_another_team_has_already_is_a_violation_in_the_file_that_takes_it() {
    let taking = "apps: [{name: a, hosts: [payments.example.com], rules: [{name: a, allow: [{from: sso, group: a}]}]}]";
    let files = [("apps/a.yaml", taking), ("apps/payments/app.yaml", APP)];
    let policy = POLICY.replace("apps/platform.yaml", "apps/a.yaml");
    let errors = errors_of(&policy, &files);
    assert!(
        errors[0].starts_with("error: apps/a.yaml:1:26: apps[0].hosts[0]: `payments.example.com` is a host of the team `payments`"),
        "{errors:?}"
    );
    // Core's own error is about the second file.
    assert!(errors[1].contains("apps/payments/app.yaml:3:11: apps[0].hosts[0]: `payments.example.com` is already a host"), "{errors:?}");
    assert_eq!(errors.len(), 2);
    // The companion logs the first.
    let first = found(&policy, &files)
        .validate_to_first_error()
        .unwrap_err();
    assert_eq!(first.to_string(), errors[0]);
}
