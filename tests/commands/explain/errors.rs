//! Mistakes on the command line and in files: exit code 1, what is wrong, and how to fix it.

use super::folder;
use crate::check::texts;

const URL: &[&str] = &["--url", "https://alertmanager.example.com/"];

#[test]
fn a_mistake_is_no_refusal() {
    let folder = folder();
    folder.file("list.yaml", "[a]");
    folder.file("nobody.yaml", "{email: a@b.c}");
    folder.file("groups.yaml", "{sub: a, groups: [1]}");
    folder.file("two.txt", "Bearer eyJhbGciOi");
    for (arguments, expected) in [
        (
            &["--as", "stagin/a/b"][..],
            "error: --as: the policy has no trust entry or provider `stagin`\nhelp: did you mean `staging`?",
        ),
        (
            &["--as", "staging"],
            "error: --as: `staging` is not the name of a caller\nhelp: ",
        ),
        (
            &["--as", "staging/karma"],
            "error: --as: `staging/karma` is not the name of a service account\nhelp: ",
        ),
        (
            &["--as", "staging/a/b", "--group", "x"],
            "can't have groups or an e-mail address\nhelp: ",
        ),
        (
            &["--as", "sso/a%zz"],
            "is not a percent-encoded subject\nhelp: ",
        ),
        (
            &["--group", "sre"],
            "error: --group, --email: a group or an e-mail address needs a caller that is named\nhelp: ",
        ),
        (
            &["--at", "tomorrow"],
            "error: --at: `tomorrow` is not a time in UTC with whole seconds\nhelp: ",
        ),
        (
            &["--header", "no colon"],
            "error: --header: is not a header field\nhelp: ",
        ),
        (
            &["--header", ":path: /"],
            "error: --header: is not a header field\nhelp: ",
        ),
        (
            &["--claims", "list.yaml", "--from", "staging"],
            "expected a mapping with claims\n",
        ),
        (
            &["--claims", "nobody.yaml", "--from", "nobody"],
            "error: --from: the policy has no trust entry `nobody`",
        ),
        (
            &["--claims", "missing.yaml", "--from", "staging"],
            "error: missing.yaml: can't be read",
        ),
        (&["--person", "nobody.yaml"], "missing field `sub`"),
        (
            &["--person", "groups.yaml"],
            "groups: expected a list of texts, or one text",
        ),
        (
            &["--token-file", "two.txt"],
            "error: two.txt: expected one token of visible ASCII\nhelp: ",
        ),
        (&["--audit", "missing.log"], "--url <URL>"),
        (&["--claims", "list.yaml"], "--from"),
        (&["--as", "a/b", "--person", "x"], "cannot be used with"),
    ] {
        let all = [&["explain", "portcullis.yaml"], URL, arguments].concat();
        let (code, stdout, stderr) = texts(&folder.portcullis(&all, ""));
        assert_eq!((code, &*stdout), (Some(1), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("eyJ"), "{stderr}");
    }
    let missing = ["explain", "portcullis.yaml", "--audit", "missing.log"];
    let (code, _, stderr) = texts(&folder.portcullis(&missing, ""));
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("error: missing.log: can't be read: "),
        "{stderr}"
    );
    for (url, expected) in [
        (
            "alertmanager.example.com",
            "error: --url: is not a URL with",
        ),
        (
            "ftp://alertmanager.example.com",
            "error: --url: is not a URL with",
        ),
        ("https:///x", "error: --url: has no host"),
    ] {
        let all = ["explain", "portcullis.yaml", "--url", url];
        let (code, _, stderr) = texts(&folder.portcullis(&all, ""));
        assert_eq!(code, Some(1));
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn an_invalid_policy_is_no_refusal_either() {
    let folder = folder();
    folder.file("invalid.yaml", "apps: []\n");
    for policy in ["invalid.yaml", "missing.yaml"] {
        let all = [&["explain", policy], URL].concat();
        let (code, stdout, stderr) = texts(&folder.portcullis(&all, ""));
        assert_eq!((code, &*stdout), (Some(1), ""));
        assert!(stderr.contains("help: "), "{stderr}");
    }
}

#[test]
fn hidden_characters_do_not_reach_the_terminal() {
    let folder = folder();
    let all = [
        "explain",
        "portcullis.yaml",
        "--url",
        "https://alertmanager.example.com/",
        "--as",
        "sso/a\u{1b}[2Jb\u{202e}",
        "--group",
        "x\u{9b}\ny",
    ];
    for format in ["text", "json"] {
        let (code, output, stderr) =
            texts(&folder.portcullis(&[&all[..], &["-o", format]].concat(), ""));
        assert_eq!((code, &*stderr), (Some(2), ""), "{output}");
        let hidden = |one: char| one != '\n' && portcullis_core::escape::is_hidden(one);
        assert!(!output.contains(hidden), "{output:?}");
    }
}

#[test]
fn no_error_shows_a_token_or_a_key_in_the_wrong_file() {
    let folder = folder();
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    for (name, content) in [
        ("token", format!("{token}\n")),
        ("header", format!("Authorization: Bearer {token}\n")),
        ("quoted", format!("\"{token}\"")),
        ("broken", format!("{{\"keys\": [{{\"d\": \"{token}\" ]}}")),
        ("two", format!("{token} {token}")),
        ("set", format!("{{keys: [{{kty: EC, d: {token}}}]}}")),
    ] {
        folder.file(name, content);
        for arguments in [
            &["--claims", name, "--from", "staging"][..],
            &["--person", name],
            &["--token-file", name, "--keys", name],
            &["--token-file", name, "--config", name],
            &["--audit", name],
        ] {
            let url: &[&str] = if arguments.contains(&"--audit") {
                &[]
            } else {
                URL
            };
            let all = [&["explain", "portcullis.yaml"], url, arguments].concat();
            let (_, stdout, stderr) = texts(&folder.portcullis(&all, ""));
            for part in token.split('.').skip(1) {
                assert!(!stdout.contains(part), "{arguments:?}: {stdout}");
                assert!(!stderr.contains(part), "{arguments:?}: {stderr}");
            }
        }
    }
}

#[test]
fn standard_input_is_read_for_one_file() {
    let folder = folder();
    let all = [&["explain", "-", "--token-file", "-"], URL].concat();
    let (code, _, stderr) = texts(&folder.portcullis(&all, ""));
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("error: -: standard input can be read for one file\nhelp: "),
        "{stderr}"
    );
}
