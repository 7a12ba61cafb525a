use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::lab::folder;
use crate::lab::process::Process;

#[test]
fn each_kind_of_secret_is_found_by_its_pattern() {
    for (line, what) in [
        ("x eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln y", "a token"),
        ("[\"eyJhbGciOi.eyJ", "a token"),
        (
            "GET /oauth2/callback?code=abc-123_x&state=1",
            "a code in a query",
        ),
        (
            "https://a.example.com/?a=b&code=0123456",
            "a code in a query",
        ),
        ("cookie: __Secure-portcullis=abcdef0", "one of our cookies"),
        ("__Host-portcullis-session.1=abcdef0;", "one of our cookies"),
        ("(portcullis-login-a_1-B=abcdef0)", "one of our cookies"),
        ("authorization: Bearer 0123456789abcdef", "credentials"),
        ("Basic cG9ydGN1bGxpczpzZWNyZXQ=", "credentials"),
        (
            "grant_type=refresh_token&refresh_token=abcdef",
            "a secret field",
        ),
        (r#"{"access_token": "abcdef"}"#, "a secret field"),
        (r#"{"body": "{\"id_token\":\"abcdef\"}"}"#, "a secret field"),
        ("client_secret=hunter2", "a secret field"),
    ] {
        assert_eq!(matches_pattern(line), [what], "{line}");
        let log = format!("first\n{line}\nlast\n");
        assert_eq!(found_in(&log), [format!("line 2: {what}")], "{line}");
    }
}

#[test]
fn harmless_text_is_not_reported() {
    for line in [
        r#"{"audit":"portcullis.decision.v1","reason":"rule","token":"0a1b2c3d4e5f6789","kid":"eyJraWQ"}"#,
        "GET /oauth2/callback 302 code= status_code=200000 response_code=1234567",
        r#"{"code":"temporarily_unavailable","error":"invalid_grant"}"#,
        "expected a form with one `logout_token`",
        "the cookie __Secure-portcullis-session is too long; portcullis=on",
        "WWW-Authenticate: Bearer realm=\"alertmanager\"",
        "refresh_token rotates; no client_secret, password or code_verifier here",
    ] {
        assert_eq!(matches_pattern(line), [""; 0], "{line}");
    }
}

#[test]
fn registered_secrets_are_found_anywhere_in_a_log() {
    register("a client's secret", "gate-keepers-secret");
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    register_all_of(&Response {
        status: 302,
        headers: vec![
            header("Set-Cookie", "lab-cookie=0123456789-lab-cookie; Path=/"),
            header("Set-Cookie", "lab-theme=dark-lab-theme; Path=/"),
            header(
                "Location",
                "https://a.example.com/cb?code=lab-code%2B1&state=lab-state",
            ),
        ],
        body: Vec::new(),
        trailers: Vec::new(),
    });
    let file = folder::fresh("secrets").join("given");
    register_lines(file.clone());
    fs::write(&file, "lab-refresh-token\n").unwrap();
    let log = "a gate-keepers-secret\nb\nc 0123456789-lab-cookie lab-code+1\n\
               lab-refresh-token\ndark-lab-theme lab-state\n";
    assert_eq!(
        found_in(log),
        [
            "line 1: a client's secret",
            "line 3: a code",
            "line 3: a cookie's value",
            "line 4: a grant",
        ]
    );
}

#[test]
fn a_program_that_logs_a_secret_fails_its_test() {
    let folder = folder::fresh("secrets");
    let writes = |text: &str, to: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", "echo \"$0\" > \"$1\"", text]);
        command.arg(folder.join(to));
        command
    };
    let failure_of = |name: &str, text: &str, file: &str| {
        let mut process = Process::start(name, &folder, writes(text, file));
        while process.ended().is_none() {
            std::thread::yield_now();
        }
        let process = process.logs_to(folder.join("other"));
        let ended = catch_unwind(AssertUnwindSafe(|| drop(process)));
        ended
            .err()
            .map(|panic| *panic.downcast::<String>().unwrap())
    };
    assert_eq!(failure_of("quiet", "nothing", "quiet.log"), None);
    let at = |name: &str| Path::new(&folder).join(name).display().to_string();
    for (name, file) in [("main-log", "main-log.log"), ("other-log", "other")] {
        let message = failure_of(name, "hunters client_secret=hunter2", file);
        let path = at(file);
        let report = format!("{name} has secrets in its logs:\n{path}: line 1: a secret field");
        assert_eq!(message, Some(report));
    }
}

#[test]
fn a_token_starts_at_the_beginning_of_a_word() {
    for (text, start) in [
        ("eyJhbGciOi", Some(0)),
        (r#"{"token":"eyJhbGciOi"}"#, Some(10)),
        ("?access_token=eyJhbGciOi", Some(14)),
        ("payload.eyJhbGciOi", Some(8)),
        (r#"{"kid":"GZwoc10_j7oex5dXcXmb3eyJ"}"#, None),
        (r#"{"kid":"GZ-eyJ_eyJ"}, eyJhbGciOi"#, Some(22)),
        ("", None),
    ] {
        assert_eq!(start_of_token(text), start, "{text}");
    }
}
