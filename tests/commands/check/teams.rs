//! The teams of a policy folder, for `check` and the commands that read what it reads.

use super::{Folder, texts};

const POLICY: &str = "\
trust:
  - name: staging
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: k8s-staging}
teams:
  - name: payments
    files: [apps/payments/**]
    hosts: [payments.example.com]
    from: [staging]
  - name: shop
    files: [apps/shop.yaml, apps/basket.yaml]
    hosts: [shop.example.com, '*.shop.example.com']
    public: true
";

const PAYMENTS: &str = "\
apps:
  - name: payments
    hosts: [payments.example.com]
    rules:
      - name: pods
        allow: [{service_account: staging/payments/*}]
";

const SHOP: &str = "\
apps:
  - name: shop
    hosts: [shop.example.com]
    rules: [{name: all, paths: [/**], public: true}]
";

fn folder() -> Folder {
    let folder = Folder::new("check-teams");
    folder.file("policy/portcullis.yaml", POLICY);
    folder.file("policy/apps/payments/api.yaml", PAYMENTS);
    folder.file("policy/apps/shop.yaml", SHOP);
    folder
}

#[test]
fn a_folder_within_the_limits_of_its_teams_is_one_policy_without_teams() {
    let folder = folder();
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "policy"], ""));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.starts_with(
            "policy/portcullis.yaml: folder: valid: 1 trust entry, 2 apps, 2 rules\ndigest: "
        ),
        "{stdout}"
    );
    assert_eq!(
        stderr,
        "warning: policy/portcullis.yaml:13:29: teams[1].files[1]: `apps/basket.yaml` matches no file; \
         help: check the pattern, or remove it\n"
    );
    for arguments in [
        &["check", "--json", "policy"][..],
        &["render", "policy", "--as", "json"],
        &["render", "policy", "--as", "configmap"],
    ] {
        let (code, stdout, stderr) = texts(&folder.portcullis(arguments, ""));
        assert_eq!(code, Some(0), "{stderr}");
        assert!(
            stdout.contains("shop.example.com") && !stdout.contains("teams"),
            "{stdout}"
        );
    }
}

#[test]
fn all_violations_are_reported_with_their_files_and_lines() {
    let folder = folder();
    folder.file(
        "policy/apps/payments/api.yaml",
        PAYMENTS.replace(
            "[payments.example.com]",
            "[a.shop.example.com, shop.example.com]",
        ),
    );
    folder.file(
        "policy/apps/shop.yaml",
        SHOP.replace("public: true", "allow: [{service_account: staging/a/b}]"),
    );
    folder.file("policy/apps/other.yaml", "apps: []\n");
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "policy"], ""));
    assert_eq!((code, &*stdout), (Some(2), ""));
    let expected = "\
error: policy/apps/other.yaml:1:1: apps: `apps/other.yaml` belongs to no team
    1 | apps: []
      | ^^^^
help: move the file to a folder of a team, or add a pattern for it to the `files` of one team
error: policy/apps/payments/api.yaml:3:13: apps[0].hosts[0]: `a.shop.example.com` is not a host of the team `payments`
    3 |     hosts: [a.shop.example.com, shop.example.com]
      |             ^^^^^^^^^^^^^^^^^^
help: use one of payments.example.com, or add it to the `hosts` of the team
error: policy/apps/payments/api.yaml:3:33: apps[0].hosts[1]: `shop.example.com` is a host of the team `shop`
    3 |     hosts: [a.shop.example.com, shop.example.com]
      |                                 ^^^^^^^^^^^^^^^^
help: use one of payments.example.com, or add it to the `hosts` of the team
error: policy/apps/shop.yaml:4:65: apps[0].rules[0].allow[0].service_account: the team `shop` may not name `staging`
    4 |     rules: [{name: all, paths: [/**], allow: [{service_account: staging/a/b}]}]
      |                                                                 ^^^^^^^^^^^
help: add `from: [staging]` to the team
error: policy/apps/shop.yaml:3:13: apps[0].hosts[0]: `shop.example.com` is already a host of app `payments`
    3 |     hosts: [shop.example.com]
      |             ^^^^^^^^^^^^^^^^
help: list each host once
5 errors
";
    assert_eq!(stderr, expected);
    // The other commands refuse it too.
    let render = ["render", "policy", "--as", "json"];
    let (code, stdout, stderr) = texts(&folder.portcullis(&render, ""));
    assert_eq!((code, &*stdout), (Some(2), ""), "{stderr}");
    let (code, stdout, _) = texts(&folder.portcullis(&["check", "policy", "-o", "github"], ""));
    assert_eq!(code, Some(2));
    assert!(
        stdout.contains(
            "::error file=policy/apps/payments/api.yaml,line=3,col=13::apps[0].hosts[0]: "
        ),
        "{stdout}"
    );
}

#[test]
fn helm_values_have_the_files_of_policy_files() {
    let folder = Folder::new("check-teams-values");
    let indented = |text: &str, by: usize| -> String {
        let pad = " ".repeat(by);
        text.lines().map(|line| format!("{pad}{line}\n")).collect()
    };
    let values = format!(
        "policy:\n{}policyFiles:\n  shop:\n{}  payments:\n{}",
        indented(
            &POLICY
                .replace("payments/**", "payments.yaml")
                .replace(", apps/basket.yaml", ""),
            2
        ),
        indented(SHOP, 4),
        indented(PAYMENTS, 4),
    );
    folder.file("values.yaml", &values);
    let (code, _, stderr) = texts(&folder.portcullis(&["check", "values.yaml"], ""));
    assert_eq!((code, &*stderr), (Some(0), ""));
    folder.file("values.yaml", values.replace("  shop:\n", "  store:\n"));
    let (code, _, stderr) = texts(&folder.portcullis(&["check", "values.yaml"], ""));
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("policyFiles.store.apps: `apps/store.yaml` belongs to no team"),
        "{stderr}"
    );
}
