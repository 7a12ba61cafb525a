//! The start, and errors that prevent it.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::process::Process;

use crate::serve::fixture::{self, Companion, Files, POLICY};

#[test]
fn t25_an_invalid_configuration_is_reported_with_location_and_help() {
    let files = Files::new();
    let good = files.configuration();
    for (text, replacement, start, help) in [
        (
            "  keys_file",
            "  key_file",
            ":9:3: session.key_file: unknown field `key_file`",
            "did you mean `keys_file`?",
        ),
        (
            "url: https",
            "url: http",
            ":1:6: url: `http://auth.example.com` is plain HTTP",
            "write `url: https",
        ),
        (
            "policy: portcullis.yaml\n",
            "",
            ": missing field `policy`",
            "write `policy: portcullis.yaml`",
        ),
        ("session:", "session: {", ":", "check the indentation"),
    ] {
        files.write("companion.yaml", &good.replace(text, replacement));
        let (code, stderr) = files.refused(&[]);
        assert_eq!(code, Some(1), "{stderr}");
        let name = files.folder.join("companion.yaml");
        assert!(
            stderr.starts_with(&format!("error: {}{start}", name.display())),
            "{stderr}"
        );
        let printed = stderr.split("\nhelp: ").nth(1).expect("a help");
        assert!(printed.starts_with(help), "{stderr}");
    }
}

#[test]
fn t25_missing_or_invalid_files_are_reported_with_help() {
    for (name, text, problem) in [
        ("companion.yaml", None, "can't be read"),
        ("portcullis.yaml", None, "can't be read"),
        ("session-keys", Some("{}"), ""),
        ("portcullis.yaml", Some("apps: []\n"), "apps"),
        (
            "portcullis.yaml",
            Some(&*POLICY.replace("auth.example.com", "other.example.com")),
            "differs from the configuration",
        ),
        (
            "portcullis.yaml",
            Some(&*POLICY.replace("grafana.example.com", "grafana.example.net")),
            "allows users who sign in",
        ),
    ] {
        let files = Files::new();
        match text {
            Some(text) => files.write(name, text),
            None => fs::remove_file(files.folder.join(name)).unwrap(),
        }
        let (code, stderr) = files.refused(&[]);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains("\nhelp: "),
            "{stderr}"
        );
        assert!(
            stderr.contains(name) && stderr.contains(problem),
            "{stderr}"
        );
    }
    let files = Files::new();
    let (code, stderr) = files.refused(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("error: cert.pem: can't be read"),
        "{stderr}"
    );
    let cert = format!(
        "--tls-cert={}",
        files.folder.join("companion.yaml").display()
    );
    // The value may be the secret itself, so it is not shown.
    for (flags, name) in [
        (&["--session-keys-file=hunter2"][..], "session.keys_file"),
        (&[&*cert, "--tls-key=hunter2"], "tls.key"),
        (
            &["--provider-client-secret-file=hunter2"],
            "client_secret_file",
        ),
        (
            &["--provider-client-assertion-file=hunter2"],
            "client_assertion_file",
        ),
    ] {
        let (code, stderr) = files.refused(flags);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(name), "{stderr}");
        assert!(stderr.contains("the value is not shown"), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
    files.write(
        "companion.yaml",
        &format!(
            "{}  store: {{password_file: hunter2}}\n",
            files.configuration()
        ),
    );
    let (code, stderr) = files.refused(&[]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
    let files = Files::new();
    let (code, stderr) = files.refused(&["--lisen", "x"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("'--listen'"), "{stderr}");
}

#[tokio::test]
async fn an_unknown_variable_is_reported_without_its_value() {
    let files = Files::new();
    let mut command = files.command(&[]);
    command.env("PORTCULLIS_TRUSTED_PROXY", "hunter2");
    let mut process = Process::start("companion", &files.folder, command);
    process.ready_at(files.address, "/ping").await;
    let log = process.log();
    assert!(log.contains("PORTCULLIS_TRUSTED_PROXY"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn an_address_in_use_is_reported_with_help() {
    let companion = Companion::up(&[]).await;
    let files = Files::new();
    let taken = companion.files.address.to_string();
    let (code, stderr) = files.refused(&["--listen", &taken]);
    assert_eq!(code, Some(1));
    // The log has started by then; the error is still formatted for a terminal.
    assert!(
        stderr.contains(&format!("error: {taken}: can't listen: ")),
        "{stderr}"
    );
}

#[test]
fn variables_override_the_file_and_flags_override_both() {
    let files = Files::new();
    let stderr = |flags: &[&str], idle: Option<&str>| {
        let mut command = files.command(flags);
        command.envs(idle.map(|idle| ("PORTCULLIS_SESSION_IDLE", idle)));
        fixture::status_and_stderr(&command.output().unwrap()).1
    };
    files.write(
        "companion.yaml",
        &files.configuration().replace("  keys", "  idle: x\n  keys"),
    );
    assert!(stderr(&[], None).contains("companion.yaml:9:9: session.idle: `x`"));
    assert!(stderr(&[], Some("y")).starts_with("error: PORTCULLIS_SESSION_IDLE: `y`"));
    assert!(stderr(&["--session-idle=z"], Some("y")).starts_with("error: --session-idle: `z`"));
}

#[test]
fn the_help_explains_the_usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for text in [
        "keys_file: /run/secrets/session-keys",
        "PORTCULLIS_SESSION_COOKIE_DOMAIN",
        "--trusted-proxies <NETWORKS>",
        "Flags override variables",
        "Exit codes:",
    ] {
        assert!(help.contains(text), "{text}: {help}");
    }
}
