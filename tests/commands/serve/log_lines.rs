//! Hidden characters of clients, files and arguments are escaped in the log and in messages.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use portcullis_tests::lab::{Call, folder};

use crate::serve::fixture::{Companion, Files, status_and_stderr};

/// Separators of lines and paragraphs, controls, and bidirectional controls.
const HIDDEN: [char; 12] = [
    '\u{2028}',
    '\u{2029}',
    '\u{85}',
    '\u{9b}',
    '\u{80}',
    '\u{7f}',
    '\u{202e}',
    '\u{2066}',
    '\u{200f}',
    '\u{61c}',
    '\u{feff}',
    '\u{e0041}',
];

fn assert_nothing_is_hidden(output: &str) {
    for line in output.split('\n') {
        let hidden = line.find(|c: char| c.is_control() || HIDDEN.contains(&c));
        assert_eq!(hidden, None, "{line:?}");
    }
}

/// Runs a command in this folder until it ends.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Sends a request with this target, as it is.
fn send(companion: &Companion, target: &str) {
    let mut stream = TcpStream::connect(companion.files.address).unwrap();
    let request =
        format!("GET {target} HTTP/1.1\r\nhost: auth.example.com\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    // The server closes the connection if the target is not a URI.
    let _ = stream.read_to_end(&mut response);
}

#[tokio::test]
async fn a_request_is_one_line_without_hidden_characters() {
    for format in ["json", "text"] {
        let companion =
            Companion::up(&["--log-format", format, "--trusted-proxies=127.0.0.1"]).await;
        for (number, c) in HIDDEN.into_iter().enumerate() {
            send(
                &companion,
                &format!("/request-{number}-{c}{{\"level\":\"INFO\"}}"),
            );
            send(
                &companion,
                &format!("/oauth2/start?rd=https://{c}.example.com/"),
            );
            send(
                &companion,
                &format!("/oauth2/callback?state={c}&error={c}&error_description={c}"),
            );
            let call = Call::get("localhost", "/oauth2/auth")
                .header("x-original-method", format!("GET{c}"))
                .header("x-original-url", format!("https://grafana.example.com/{c}"))
                .header("user-agent", format!("browser {c}"));
            call.send(companion.files.address).await;
        }
        let end = format!("/request-{}-", HIDDEN.len());
        send(&companion, &end);
        companion.wait_for_log(&end).await;
        let log = companion.process.log();
        assert_nothing_is_hidden(&log);
        if format == "json" {
            let quoted = companion.log().into_iter().filter_map(|line| {
                let path = line["path"].as_str()?;
                path.starts_with("/request-").then(|| path.to_owned())
            });
            assert!(quoted.count() > 0, "{log}");
        }
    }
}

#[test]
fn messages_have_no_hidden_characters() {
    let files = Files::new();
    for c in HIDDEN.into_iter().chain(['\u{1b}', '\r']) {
        let name = format!("a{c}b.yaml");
        for arguments in [
            &["check", &*name][..],
            &["serve", "--config", &name],
            &["serve", "--policy", &name],
            &["serve", "--policy=p", "--listen", &name],
            &["session-keys", "--out", &format!("{name}/missing/keys")],
        ] {
            let (code, stderr) = status_and_stderr(&run(&files.folder, arguments));
            let expected = if arguments[0] == "check" { 2 } else { 1 };
            assert_eq!(code, Some(expected), "{arguments:?}");
            assert!(stderr.contains("\nhelp: "), "{stderr}");
            assert_nothing_is_hidden(&stderr);
        }
    }
}

#[test]
fn messages_about_the_command_line_have_no_hidden_characters() {
    let files = Files::new();
    for c in HIDDEN.into_iter().chain(['\u{1b}', '\r', '\n']) {
        let name = format!("a{c}error: b");
        for arguments in [
            &[&*name][..],
            &["serve", &name],
            &["serve", &format!("--{name}")],
            &["serve", &format!("--listen={name}"), "--listen=x"],
            &["check", "--json", "policy.yaml", &format!("-{c}")],
            &["session-keys", &format!("--out{name}")],
        ] {
            let (code, stderr) = status_and_stderr(&run(&files.folder, arguments));
            assert_eq!(code, Some(1), "{arguments:?}");
            assert_nothing_is_hidden(&stderr);
            assert_eq!(stderr.matches("\nerror: ").count(), 0, "{stderr}");
        }
    }
}

#[test]
fn output_has_no_hidden_characters() {
    let folder = folder::fresh("output");
    for c in HIDDEN {
        let name = format!("keys{c}");
        let output = run(&folder, &["session-keys", "--out", &name]);
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains(": created; "), "{stdout}");
        assert_nothing_is_hidden(&stdout);
        assert!(
            folder.join(&name).exists(),
            "the file has the name as it is"
        );
    }
}
