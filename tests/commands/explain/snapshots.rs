//! The text, compared with files that people can read.
//!
//! `PORTCULLIS_WRITE_GENERATED=1 cargo test -p portcullis --test commands explain` writes them.

use std::path::Path;
use std::{env, fs};

use super::{AT, folder};
use crate::check::texts;

fn compare(name: &str, arguments: &[&str], input: &str, exit_code: i32) {
    let folder = folder();
    let all = [&["explain", "portcullis.yaml", "--at", AT], arguments].concat();
    let (code, output, stderr) = texts(&folder.portcullis(&all, input));
    assert_eq!((code, &*stderr), (Some(exit_code), ""), "{output}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/commands/explain/expected")
        .join(format!("{name}.txt"));
    if env::var_os("PORTCULLIS_WRITE_GENERATED").is_some() {
        fs::write(&path, &output).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(output, expected, "{}", path.display());
}

const ALERTS: &str = "https://alertmanager.example.com/api/v2/alerts";

#[test]
fn a_service_account_that_a_rule_lists_is_allowed() {
    compare(
        "allowed",
        &["--url", ALERTS, "--as", "staging/monitoring/karma"],
        "",
        0,
    );
}

#[test]
fn a_caller_whom_no_rule_lists_sees_the_nearest_rule_first() {
    let arguments = [
        "--url",
        "https://alertmanager.example.com/api/v2/silences",
        "--method",
        "POST",
        "--as",
        "staging/monitoring/karma",
    ];
    compare("refused-by-rules", &arguments, "", 2);
}

#[test]
fn an_expired_token_is_explained_by_its_claims() {
    let claims = "sub: system:serviceaccount:monitoring:karma\niat: 1800000000\nexp: 1800003600\n";
    let arguments = ["--url", ALERTS, "--claims", "-", "--from", "staging"];
    compare("expired", &arguments, claims, 2);
}

#[test]
fn a_host_without_an_app_is_refused() {
    compare("unknown-host", &["--url", "https://am.example.com/"], "", 2);
}

#[test]
fn a_public_rule_is_named() {
    let url = "https://alertmanager.example.com/-/healthy";
    compare("public", &["--url", url], "", 0);
}

#[test]
fn a_page_of_another_site_is_refused_even_for_a_user_with_access() {
    let arguments = [
        "--url",
        "https://alertmanager.example.com/api/v2/silences",
        "--method",
        "POST",
        "--header",
        "Sec-Fetch-Site: cross-site",
        "--as",
        "sso/ada",
        "--group",
        "sre",
        "--email",
        "ada@example.com",
    ];
    compare("cross-site", &arguments, "", 2);
}

#[test]
fn a_browser_without_a_session_is_sent_to_the_sign_in() {
    let url = "https://alertmanager.example.com/graph?g0=up";
    let accept = "accept: text/html";
    compare("sign-in", &["--url", url, "--header", accept], "", 2);
}

#[test]
fn the_query_of_the_request_is_not_printed() {
    let folder = folder();
    let url = "https://alertmanager.example.com/graph?code=c2VjcmV0&x=?%3Fc2VjcmV0";
    for format in ["text", "json"] {
        let arguments = ["explain", "portcullis.yaml", "--url", url, "-o", format];
        let all = [&arguments[..], &["--header", "accept: text/html"]].concat();
        let (_, stdout, stderr) = texts(&folder.portcullis(&all, ""));
        let location = "rd=https%3A%2F%2Falertmanager.example.com%2Fgraph";
        assert!(stdout.contains(location), "{stdout}");
        for text in [stdout, stderr] {
            assert!(!text.contains("c2VjcmV0"), "{text}");
        }
    }
}

#[test]
fn a_record_of_the_log_is_explained() {
    let record = r#"{"audit":"portcullis.decision.v1","decision":"refused","reason":"caller-not-allowed","app":"alertmanager","caller":"sso/bob","trust":"sso","kid":"k","token":"t","id":"0e2b4a9e","method":"GET","host":"alertmanager.example.com","path":"/api/v2/alerts"}"#;
    let line =
        format!("[2027-01-31 00:00:00.000][17][warning][wasm] [wasm.cc:1] wasm log: {record}\n");
    let arguments = ["--audit", "-", "--group", "dev"];
    compare("audit", &arguments, &line, 2);
}

#[test]
fn the_json_has_the_members_of_the_reference() {
    let arguments = [
        "--url",
        ALERTS,
        "--as",
        "sso/a%2Fda",
        "--group",
        "sre",
        "-o",
        "json",
    ];
    compare("json", &arguments, "", 0);
}
