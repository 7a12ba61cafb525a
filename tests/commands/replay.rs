//! `portcullis test --replay`: the requests of a log by a policy.

use serde_json::Value;

use crate::check::{Folder, texts};
use crate::test_command::POLICY;

/// The log of an oauth2-proxy that every token of the issuer opens.
const LOG: &str = "\
[2026/11/30 09:00:00] [oauthproxy.go:175] OAuthProxy configured for OpenID Connect Client ID: oauth2-proxy
10.0.0.1 - 5f01 - system:serviceaccount:monitoring:karma [2026/11/30 09:00:01] alertmanager.example.com GET - \"/api/v2/alerts?secret=s3cret\" HTTP/1.1 \"karma\" 200 0 0.001
10.0.0.1 - 5f02 - system:serviceaccount:default:job [2026/11/30 09:00:02] alertmanager.example.com POST - \"/api/v2/silences?token=s3cret\" HTTP/1.1 \"curl\" 200 0 0.001
10.0.0.1 - 5f03 - system:serviceaccount:default:job [2026/11/30 09:00:03] alertmanager.example.com POST - \"/api/v2/silences\" HTTP/1.1 \"curl\" 200 0 0.001
10.0.0.1 - 5f04 - ada@example.com [2026/11/30 09:00:04] alertmanager.example.com GET - \"/\" HTTP/1.1 \"Mozilla\" 200 0 0.001
10.0.0.1 - 5f05 - - [2026/11/30 09:00:05] alertmanager.example.com GET - \"/\" HTTP/1.1 \"curl\" 401 0 0.001
";

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.file("portcullis.yaml", POLICY);
    folder.file("oauth2-proxy.log", LOG);
    folder
}

fn run(folder: &Folder, arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    texts(&folder.portcullis(&[&["test"], arguments].concat(), stdin))
}

const RESULT: &str = "\
loses access:
  oauth2-proxy.log:3: system:serviceaccount:default:job: POST alertmanager.example.com/api/v2/silences (2 requests): caller-not-allowed
    nearest rule karma: the method is POST, expected GET; allow[0] (service_account: blue/monitoring/karma, the nearest of 2 entries): the caller is blue/default/job
depends on what the log does not have:
  oauth2-proxy.log:5: ada@example.com: GET alertmanager.example.com/ (1 request): caller-not-allowed
    allowed by operators if `from: sso, group: sre` lists the caller
oauth2-proxy.log by portcullis.yaml: 4 requests: 1 as before, 2 lose access, 0 gain access, 1 depend on what the log does not have
  not evaluated: line 1: no request
  not evaluated: line 6: refused, and the log does not show whether with credentials
  each caller is evaluated with a token or a session as the policy requires, and apps that only report refusals as if they refused
";

#[test]
fn who_loses_access_is_printed_with_the_line() {
    let folder = folder("replay-text");
    let (code, stdout, stderr) = run(
        &folder,
        &["portcullis.yaml", "--replay", "oauth2-proxy.log"],
        "",
    );
    assert_eq!((code, &*stdout, &*stderr), (Some(2), RESULT, ""));
    let (code, piped, _) = run(&folder, &["portcullis.yaml", "--replay", "-"], LOG);
    assert_eq!(
        (code, piped),
        (Some(2), RESULT.replace("oauth2-proxy.log", "<stdin>"))
    );
}

#[test]
fn a_policy_that_keeps_what_the_log_shows_passes() {
    let folder = folder("replay-pass");
    let wider = POLICY
        .replace("    methods: [GET]\n", "")
        .replace("blue/monitoring/karma", "blue/*/*");
    folder.file(
        "policy/portcullis.yaml",
        wider.split("apps:").next().unwrap(),
    );
    let app = format!("apps:{}", wider.split("apps:").nth(1).unwrap());
    folder.file("policy/apps/alertmanager.yaml", app);
    folder.file(
        "test.yaml",
        "policy: policy\ntests:\n- name: a\n  request: {url: 'https://alertmanager.example.com/'}\n  expect: {status: 401}\n",
    );
    for file in ["policy", "test.yaml"] {
        let (code, stdout, stderr) = run(&folder, &[file, "--replay", "oauth2-proxy.log"], "");
        assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
        assert!(
            stdout.contains("policy: 4 requests: 3 as before, 0 lose access"),
            "{stdout}"
        );
    }
    let (_, junit, _) = run(
        &folder,
        &["policy", "--replay", "oauth2-proxy.log", "-o", "junit"],
        "",
    );
    assert!(
        junit.contains("<testsuites name=\"portcullis\" tests=\"1\" failures=\"0\" errors=\"0\">"),
        "{junit}"
    );
}

#[test]
fn other_formats_have_the_same_changes() {
    let folder = folder("replay-formats");
    let arguments = ["portcullis.yaml", "--replay", "oauth2-proxy.log", "-o"];
    let (code, stdout, _) = run(&folder, &[&arguments[..], &["json"]].concat(), "");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let replay = &json["replay"][0];
    assert_eq!(
        (code, &json["version"], &replay["requests"]),
        (Some(2), &1.into(), &4.into())
    );
    let change = &replay["changes"][0];
    assert_eq!(change["effect"], "loses");
    assert_eq!(change["caller"], "system:serviceaccount:default:job");
    assert_eq!(
        (&change["line"], &change["requests"]),
        (&3.into(), &2.into())
    );
    assert_eq!(change["paths"], serde_json::json!(["/api/v2/silences"]));
    assert_eq!(replay["changes"][1]["effect"], "depends");
    assert_eq!(replay["not_evaluated"][0]["first_line"], 1);

    let (code, github, _) = run(&folder, &[&arguments[..], &["github"]].concat(), "");
    assert_eq!(code, Some(2));
    assert!(
        github.starts_with("::error file=oauth2-proxy.log,line=3,col=1::loses access: "),
        "{github}"
    );
    assert!(
        github.contains("\n::warning file=oauth2-proxy.log,line=5,col=1::"),
        "{github}"
    );

    let (code, junit, _) = run(&folder, &[&arguments[..], &["junit"]].concat(), "");
    assert_eq!(code, Some(2));
    assert!(
        junit.contains("<testsuite name=\"oauth2-proxy.log\" tests=\"1\" failures=\"1\""),
        "{junit}"
    );
    for output in [stdout, github, junit] {
        assert!(!output.contains("s3cret"), "{output}");
    }
}

#[test]
fn a_log_that_can_not_be_read_is_an_error() {
    let folder = folder("replay-errors");
    folder.file("empty.log", "");
    folder.file("other.yaml", POLICY.replace("karma", "other"));
    for (arguments, stdin, expected) in [
        (
            vec!["portcullis.yaml", "--replay", "none.log"],
            "",
            "error: none.log: can't be read: ",
        ),
        (
            vec!["portcullis.yaml", "--replay", "."],
            "",
            "error: .: can't be read: ",
        ),
        (
            vec!["portcullis.yaml", "--replay", "portcullis.yaml"],
            "",
            "error: portcullis.yaml: has no request that can be evaluated (no request)",
        ),
        (
            vec!["portcullis.yaml", "--replay", "empty.log"],
            "",
            "error: empty.log: has no request",
        ),
        (
            vec!["none.yaml", "--replay", "oauth2-proxy.log"],
            "",
            "error: none.yaml: can't be read: ",
        ),
        (
            vec![
                "portcullis.yaml",
                "other.yaml",
                "--replay",
                "oauth2-proxy.log",
            ],
            "",
            "error: --replay: the files have several policies",
        ),
        (
            vec!["-", "--replay", "-"],
            "",
            "error: -: standard input is read for several inputs",
        ),
        (
            vec!["-", "--replay", "oauth2-proxy.log"],
            POLICY,
            "error: <stdin>:1:1: trust: unknown field `trust`",
        ),
    ] {
        let (code, stdout, stderr) = run(&folder, &arguments, stdin);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(expected), "{expected}\n---\n{stderr}");
        assert!(stderr.contains("\nhelp: "), "{stderr}");
    }
}
