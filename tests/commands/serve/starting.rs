//! How it starts, or says why not.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::process::Process;

use crate::serve::scene::{self, Companion, Files, POLICY};

#[test]
fn t25_a_bad_configuration_is_told_at_its_place_with_the_mend() {
    let files = Files::new();
    let good = files.configuration();
    for (piece, other, start, help) in [
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
            ": no `policy`",
            "write `policy: portcullis.yaml`",
        ),
        ("session:", "session: {", ":", "check the indentation"),
    ] {
        files.write("companion.yaml", &good.replace(piece, other));
        let (code, text) = files.refused(&[]);
        assert_eq!(code, Some(1), "{text}");
        let name = files.folder.join("companion.yaml");
        assert!(
            text.starts_with(&format!("error: {}{start}", name.display())),
            "{text}"
        );
        let told = text.split("\nhelp: ").nth(1).expect("a help");
        assert!(told.starts_with(help), "{text}");
    }
}

#[test]
fn t25_files_that_are_missing_or_wrong_are_told_with_the_mend() {
    for (name, text, problem) in [
        ("companion.yaml", None, "can't be read"),
        ("portcullis.yaml", None, "can't be read"),
        ("session-keys", None, ""),
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
        let (code, told) = files.refused(&[]);
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.starts_with("error: ") && told.contains("\nhelp: "),
            "{told}"
        );
        assert!(told.contains(name) && told.contains(problem), "{told}");
    }
    let files = Files::new();
    let (code, told) = files.refused(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    assert_eq!(code, Some(1));
    assert!(
        told.starts_with("error: cert.pem: can't be read"),
        "{told}"
    );
    let (code, told) = files.refused(&["--lisen", "x"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("'--listen'"), "{told}");
}

#[tokio::test]
async fn a_variable_that_is_no_settings_is_told_and_not_what_is_in_it() {
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
async fn an_address_that_is_taken_is_told_with_the_mend() {
    let companion = Companion::up(&[]).await;
    let files = Files::new();
    let taken = companion.files.address.to_string();
    let (code, told) = files.refused(&["--listen", &taken]);
    assert_eq!(code, Some(1));
    // Its log has begun by then, and a report is for people nevertheless.
    assert!(
        told.contains(&format!("error: {taken}: can't listen: ")),
        "{told}"
    );
}

#[test]
fn a_variable_counts_before_the_file_and_a_flag_before_both() {
    let files = Files::new();
    let told = |flags: &[&str], idle: Option<&str>| {
        let mut command = files.command(flags);
        command.envs(idle.map(|idle| ("PORTCULLIS_SESSION_IDLE", idle)));
        scene::told(&command.output().unwrap()).1
    };
    files.write(
        "companion.yaml",
        &files.configuration().replace("  keys", "  idle: x\n  keys"),
    );
    assert!(told(&[], None).contains("companion.yaml:9:9: session.idle: `x`"));
    assert!(told(&[], Some("y")).starts_with("error: PORTCULLIS_SESSION_IDLE: `y`"));
    assert!(told(&["--session-idle=z"], Some("y")).starts_with("error: --session-idle: `z`"));
}

#[test]
fn the_help_teaches() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for piece in [
        "keys_file: /run/secrets/session-keys",
        "PORTCULLIS_SESSION_COOKIE_DOMAIN",
        "--trusted-proxies <NETWORKS>",
        "Flags override variables",
        "Exit codes:",
    ] {
        assert!(help.contains(piece), "{piece}: {help}");
    }
}
