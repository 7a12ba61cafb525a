//! `portcullis test`, as a pipeline runs it.

use std::path::Path;

use serde_json::Value;

use crate::check::{Folder, texts};

pub(crate) const POLICY: &str = "\
trust:
- {name: blue, kind: kubernetes, issuer: 'https://blue.example.com', audiences: [gate], keys: {envoy_cluster: blue}}
sso: {url: 'https://auth.example.com', envoy_cluster: portcullis}
apps:
- name: alertmanager
  hosts: [alertmanager.example.com]
  rules:
  - name: karma
    methods: [GET]
    allow:
    - service_account: blue/monitoring/karma
    - service_account: blue/monitoring/grafana
  - name: operators
    allow:
    - {from: sso, group: sre}
  - name: probes
    paths: [/-/healthy]
    public: true
";

/// A test file of the policy with these cases.
fn suite(cases: &str) -> String {
    format!("policy: ../portcullis.yaml\ntests:\n{cases}")
}

const PASSING: &str = "\
- name: karma reads
  request: {url: 'https://alertmanager.example.com/api/v2/alerts', headers: {x-auth-request-user: forged}}
  as: blue/monitoring/karma
  expect:
    decision: allowed
    reason: rule
    rule: karma
    status: 200
    headers: {x-auth-request-user: blue/monitoring/karma, authorization: null}
- name: by its claims
  request: {url: 'https://alertmanager.example.com/', headers: {x-custom: kept}}
  claims: {sub: 'system:serviceaccount:monitoring:karma'}
  from: blue
  expect: {rule: karma, headers: {x-custom: kept}}
- name: expired
  request: {url: 'https://alertmanager.example.com/'}
  claims: {sub: 'system:serviceaccount:monitoring:karma', iat: 1, exp: 2}
  from: blue
  at: '2027-01-31T00:00:00Z'
  expect: {decision: refused, reason: expired, rule: null, status: 401}
- name: operators silence
  request: {method: POST, url: 'https://alertmanager.example.com/api/v2/silences'}
  person: {sub: ada, groups: [sre]}
  expect: {rule: operators, headers: {cookie: null}}
- name: users with a name
  request: {url: 'https://alertmanager.example.com/'}
  as: sso/ada
  groups: sre
  email: ada@example.com
  expect: {rule: operators, headers: {x-auth-request-email: ada@example.com}}
- name: browsers sign in
  request: {url: 'https://alertmanager.example.com/', headers: {accept: text/html, sec-fetch-mode: navigate}}
  expect: {reason: no-credentials, status: 302}
- name: ${path} for ${who}
  request: {method: '${method}', url: 'https://alertmanager.example.com${path}'}
  as: '${who}'
  each:
  - {path: /api, method: GET, who: blue/monitoring/grafana, status: 200}
  - {path: /api, method: POST, who: blue/monitoring/karma, status: 403}
  - {path: /-/healthy, method: HEAD, who: blue/other/one, status: 200}
  expect: {status: '${status}'}
";

fn run(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    texts(&folder.portcullis(&[&["test"], arguments].concat(), ""))
}

fn folder(name: &str, cases: &str) -> Folder {
    let folder = Folder::new(name);
    folder.file("portcullis.yaml", POLICY);
    folder.file("tests/gate.yaml", suite(cases));
    folder
}

#[test]
fn cases_of_every_kind_of_caller_pass() {
    let folder = folder("test-pass", PASSING);
    let (code, stdout, stderr) = run(&folder, &["tests/gate.yaml", "--coverage"]);
    assert_eq!(
        (code, &*stdout, &*stderr),
        (
            Some(0),
            "9 cases: 9 passed, 0 failed\ncoverage of tests/../portcullis.yaml: 4 of 4 entries and public rules\n",
            ""
        )
    );
}

const FAILING: &str = "\
- name: karma silences
  request: {method: POST, url: 'https://alertmanager.example.com/api/v2/silences?token=s3cret'}
  as: blue/monitoring/karma
  expect: {decision: allowed, reason: rule, rule: karma, status: 200}
- name: ada's <header>
  request: {url: 'https://alertmanager.example.com/', headers: {cookie: own=s3cret}}
  as: sso/ada
  groups: [sre]
  expect: {decision: allowed, headers: {x-auth-request-user: eve, cookie: null}}
- name: nobody
  request: {url: 'https://alertmanager.example.com/'}
  expect: {decision: allowed}
- name: karma reads
  request: {url: 'https://alertmanager.example.com/'}
  as: blue/monitoring/karma
  expect: {decision: allowed}
";

#[test]
fn a_failed_case_is_printed_with_the_nearest_rule() {
    let folder = folder("test-fail", FAILING);
    let (code, stdout, stderr) = run(&folder, &["tests/gate.yaml", "--coverage"]);
    assert_eq!((code, &*stderr), (Some(2), ""));
    assert_eq!(
        stdout,
        "\
FAILED tests/gate.yaml:3: karma silences
  POST alertmanager.example.com/api/v2/silences as blue/monitoring/karma
  decision: expected allowed, got refused
  reason: expected rule, got caller-not-allowed
  rule: expected karma, got none
  status: expected 200, got 403
  nearest rule karma: the method is POST, expected GET

FAILED tests/gate.yaml:7: ada's <header>
  GET alertmanager.example.com/ as sso/ada
  headers.x-auth-request-user: expected `eve`, got `ada`
  headers.cookie: expected none, got a value that is not printed
  rule operators: allow[0] lists the caller: from: sso, group: sre

FAILED tests/gate.yaml:12: nobody
  GET alertmanager.example.com/ without a verified caller
  decision: expected allowed, got refused
  credential: none: no bearer token and no session cookie

4 cases: 1 passed, 3 failed
coverage of tests/../portcullis.yaml: 2 of 4 entries and public rules
  not reached: alertmanager: karma: allow[1]: service_account: blue/monitoring/grafana
  not reached: alertmanager: probes: public
"
    );
}

#[test]
fn other_formats_have_the_same_results() {
    let folder = folder("test-formats", FAILING);
    let (code, stdout, _) = run(&folder, &["tests/gate.yaml", "--coverage", "-o", "json"]);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, Some(2));
    assert_eq!(json["version"], 1);
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &3.into()));
    assert_eq!(json["cases"][0]["mismatches"][0]["field"], "decision");
    assert_eq!(json["cases"][3]["passed"], true);
    assert_eq!(json["coverage"][0]["missed"][1]["rule"], "probes");
    assert!(!stdout.contains("s3cret"), "{stdout}");

    let (code, stdout, _) = run(&folder, &["tests/gate.yaml", "-o", "github"]);
    assert_eq!(code, Some(2));
    let first = stdout.lines().next().unwrap();
    assert!(
        first.starts_with("::error file=tests/gate.yaml,line=3,col=9::tests[0].name: case `karma silences` failed: decision: expected allowed, got refused; "),
        "{first}"
    );
    assert!(
        stdout.ends_with("\n4 cases: 1 passed, 3 failed\n"),
        "{stdout}"
    );

    let (code, stdout, _) = run(&folder, &["tests/gate.yaml", "-o", "junit"]);
    assert_eq!(code, Some(2));
    for expected in [
        "<testsuites name=\"portcullis\" tests=\"4\" failures=\"3\" errors=\"0\">\n  \
         <testsuite name=\"tests/gate.yaml\" tests=\"4\" failures=\"3\" errors=\"0\" skipped=\"0\">\n",
        "<testcase name=\"ada&apos;s &lt;header&gt;\" classname=\"tests/gate.yaml\" file=\"tests/gate.yaml\" line=\"7\">",
        "<failure type=\"decision\" message=\"decision: expected allowed, got refused\">FAILED tests/gate.yaml:3: karma silences\n",
        "line=\"15\"/>\n  </testsuite>\n</testsuites>\n",
    ] {
        assert!(stdout.contains(expected), "{expected}\n---\n{stdout}");
    }
    assert!(!stdout.contains("s3cret"), "{stdout}");
}

#[test]
fn a_mistake_in_a_test_file_is_an_error_with_its_place() {
    let case =
        "- {name: a, request: {url: 'https://alertmanager.example.com/'}, expect: {status: 200}}\n";
    for (name, cases, expected) in [
        (
            "field",
            case.replace("expect:", "expects:"),
            "tests[0].expects: unknown field `expects`",
        ),
        (
            "nothing",
            case.replace("{status: 200}", "{}"),
            "tests[0].expect: nothing is expected",
        ),
        (
            "status",
            case.replace("200", "2000"),
            "tests[0].expect.status: expected a number from 100 to 599",
        ),
        (
            "reason",
            case.replace("status: 200", "reason: publik"),
            "tests[0].expect.reason: `publik` is not a reason",
        ),
        (
            "url",
            case.replace("https:", "ftp:"),
            "tests[0].request.url: is not a URL with `https://` or `http://`",
        ),
        (
            "twice",
            [case, case].concat(),
            "tests[1].name: duplicate name `a`",
        ),
        (
            "caller",
            case.replace("expect:", "as: red/a/b, expect:"),
            "tests[0].as: the policy has no trust entry or provider `red`",
        ),
        (
            "callers",
            case.replace("expect:", "as: blue/a/b, person: {sub: a}, expect:"),
            "tests[0].person: the case has several callers",
        ),
        (
            "groups",
            case.replace("expect:", "groups: [sre], expect:"),
            "tests[0].groups: `groups` needs `as`",
        ),
        (
            "person",
            case.replace("expect:", "person: {sub: 7}, expect:"),
            "tests[0].person.sub: expected a text",
        ),
        (
            "at",
            case.replace("expect:", "at: today, expect:"),
            "tests[0].at: `today` is not a time in UTC",
        ),
        (
            "row",
            case.replace("name: a,", "name: 'a${b}', each: [{c: 1}],"),
            "tests[0]: a row of `each` has no value for `${b}`",
        ),
        (
            "unused",
            case.replace("name: a,", "name: a, each: [{c: 1}],"),
            "tests[0].each[0].c: no placeholder of the case has the name `c`",
        ),
        (
            "header",
            case.replace("/'}", "/', headers: {':path': s3cret}}"),
            "is not the name of a header field",
        ),
    ] {
        let folder = folder(&format!("test-bad-{name}"), &cases);
        let (code, stdout, stderr) = run(&folder, &["tests/gate.yaml"]);
        assert_eq!((code, &*stdout), (Some(1), ""), "{name}: {stderr}");
        assert!(
            stderr.starts_with("error: tests/gate.yaml:"),
            "{name}: {stderr}"
        );
        assert!(
            stderr.contains(expected),
            "{name}: {expected}\n---\n{stderr}"
        );
        assert!(stderr.contains("\nhelp: "), "{name}: {stderr}");
        assert!(!stderr.contains("s3cret"), "{name}: {stderr}");
    }
}

#[test]
fn a_failed_row_of_a_table_is_at_its_own_line() {
    let cases = "\
- name: karma writes
  request: {method: '${method}', url: 'https://alertmanager.example.com/'}
  as: blue/monitoring/karma
  each:
  - method: GET
  - method: PUT
  expect: {decision: allowed}
";
    let folder = folder("test-row", cases);
    let (code, stdout, _) = run(&folder, &["tests/gate.yaml"]);
    assert_eq!(code, Some(2));
    assert!(
        stdout.starts_with("FAILED tests/gate.yaml:8: karma writes [row 2]\n"),
        "{stdout}"
    );
}

#[test]
fn the_policy_of_the_gateway_is_tested_as_a_whole() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/commands/gateway-test.yaml");
    let folder = Folder::new("test-gateway");
    let arguments = [file.to_str().unwrap(), "--coverage"];
    let (code, stdout, stderr) = run(&folder, &arguments);
    assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
    assert!(!stdout.contains("not reached"), "{stdout}");
}

#[test]
fn an_invalid_policy_is_no_failed_case() {
    let folder = folder("test-policy", PASSING);
    folder.file(
        "tests/missing.yaml",
        "policy: missing.yaml\ntests: [{name: a}]\n",
    );
    folder.file("tests/list.yaml", "- a\n");
    folder.file("portcullis.yaml", POLICY.replace("hosts:", "host:"));
    for (arguments, expected) in [
        (
            vec!["tests/gate.yaml"],
            "error: tests/../portcullis.yaml:6:3: apps[0].host: unknown field `host`",
        ),
        (
            vec!["tests/missing.yaml"],
            "error: tests/missing.yaml:2:10: tests[0]: missing field `request`",
        ),
        (
            vec!["tests/list.yaml"],
            "error: tests/list.yaml:1:1: expected a mapping, found a list",
        ),
        (vec!["none.yaml"], "error: none.yaml: can't be read: "),
        (
            vec!["-", "-"],
            "error: -: standard input is read for several inputs",
        ),
        (
            vec!["tests/gate.yaml", "--coverage", "-o", "junit"],
            "error: --coverage: ",
        ),
    ] {
        let (code, stdout, stderr) = run(&folder, &arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(expected), "{expected}\n---\n{stderr}");
        assert!(stderr.contains("\nhelp: "), "{stderr}");
    }
}
