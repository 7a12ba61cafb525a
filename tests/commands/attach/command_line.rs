//! Mistakes on the command line and in files.

use std::fs;

use portcullis_tests::lab::folder;

use super::fixture::{command, file, token};
use crate::serve::fixture::status_and_stderr;

/// The exit code and standard error.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    status_and_stderr(&command(arguments).output().unwrap())
}

const FORWARD: [&str; 6] = [
    "--listen",
    "127.0.0.1:0",
    "--to",
    "https://alertmanager.example.com",
    "--token-file",
    "token",
];

#[test]
fn a_mistake_is_refused_with_help() {
    for (arguments, expected) in [
        (
            &["--listen", "127.0.0.1:9093", "--token-file", "token"][..],
            "error: attach: 1 × `--listen` and 0 × `--to`\n\
             help: write one `--to` for each `--listen`, in the same order\n",
        ),
        (
            &["--token-file", "token"],
            "error: attach: nothing to forward: `--listen` and `--to` are missing\n\
             help: write `--listen 127.0.0.1:9093 --to https://alertmanager.example.com`, or use `--config`\n",
        ),
        (
            &FORWARD[..4],
            "error: attach: `--token-file` is missing\n\
             help: write the path of the token; in Kubernetes, that of a projected service account token\n",
        ),
        (
            &[
                "--listen",
                "0.0.0.0:9093",
                "--to",
                "https://a.example.com",
                "--token-file",
                "token",
            ],
            "error: --listen: `0.0.0.0:9093` is reachable from other machines, which could then use the token\n\
             help: write an address of loopback, like `127.0.0.1:9093`, or `unix:` and a path; if others shall \
             use the token, set `--allow-remote`, in a file `allow_remote: true`\n",
        ),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--to",
                "http://a.example.com",
                "--token-file",
                "token",
            ],
            "error: --to: `http://a.example.com` is plain HTTP to another machine\n\
             help: write `https`; plain HTTP, which sends the token in clear text, is allowed to `127.0.0.1` and \
             `[::1]` alone\n",
        ),
    ] {
        assert_eq!(
            refused(arguments),
            (Some(1), expected.to_owned()),
            "{arguments:?}"
        );
    }
    let keep = [&FORWARD[..], &["--keep-header", "Authorization"]].concat();
    let (code, error) = refused(&keep);
    assert_eq!(code, Some(1));
    assert!(
        error.starts_with(
            "error: --keep-header: `Authorization` always has the token of the token file\n"
        ),
        "{error}"
    );
    let ca = [&FORWARD[..], &["--ca-file", "missing.pem"]].concat();
    let (code, error) = refused(&ca);
    assert_eq!(code, Some(1));
    assert!(
        error.contains(
            "ca_file: (the value is not shown, as it could be the secret itself): can't be read"
        ),
        "{error}"
    );
    let ca = file("no certificate");
    let ca = [&FORWARD[..], &["--ca-file", ca.to_str().unwrap()]].concat();
    let (code, error) = refused(&ca);
    assert_eq!(code, Some(1));
    assert!(error.contains("no CA certificate in it"), "{error}");
    let both = [&FORWARD[..], &["--config", "attach.yaml"]].concat();
    let (code, error) = refused(&both);
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn a_mistake_in_a_file_has_a_line_and_a_column() {
    let config = folder::fresh("attach-mistake").join("attach.yaml");
    let text = "token_file: token\nforwards:\n  - listen: 127.0.0.1:9093\n    to: https://a.example.com\n    keep_header: [Cookie]\n";
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let expected = format!(
        "error: {config}:5:5: forwards[0].keep_header: unknown field `keep_header`\n    5 |     keep_header: [Cookie]\n      \
         |     ^^^^^^^^^^^\nhelp: did you mean `keep_headers`?\n"
    );
    assert_eq!(refused(&["--config", config]), (Some(1), expected));
}

#[test]
fn a_token_in_place_of_its_file_is_not_shown() {
    let token = token(600);
    let ca = [
        &FORWARD[..4],
        &["--token-file", &token, "--ca-file", &token],
    ]
    .concat();
    let (code, error) = refused(&ca);
    assert_eq!(code, Some(1));
    assert!(!error.contains("eyJ"), "{error}");
}
