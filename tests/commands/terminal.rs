//! Completions, and output with and without colours.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::check::{Folder, texts};

/// A pseudo-terminal for the command, by `script` of util-linux: its output is what a terminal gets.
fn terminal(folder: &Folder, arguments: &str) -> Command {
    let portcullis = env!("CARGO_BIN_EXE_portcullis");
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--flush", "--command"])
        .arg(format!("{portcullis} {arguments}"))
        .arg("/dev/null")
        .current_dir(folder.path())
        .env("TERM", "xterm");
    // What the environment of the tests says about colours, as CI systems do.
    for variable in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn on_terminal(folder: &Folder, variables: &[(&str, &str)]) -> String {
    let mut command = terminal(folder, "check missing.yaml");
    let output = command.envs(variables.iter().copied()).output();
    let output = output.expect("`script` runs: apt-get install bsdutils");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_terminal_has_colours_and_nothing_else_has() {
    let folder = Folder::new("terminal");
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "missing.yaml"], ""));
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(stderr.starts_with("error: missing.yaml: "), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
    let coloured = on_terminal(&folder, &[]);
    assert!(
        coloured.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m missing.yaml"),
        "{coloured:?}"
    );
    for variables in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_terminal(&folder, &[variables]);
        assert!(plain.starts_with("error: missing.yaml: "), "{plain:?}");
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
    }
}

/// What a terminal gets of `access` while its log is open. Returns when the command has ended.
fn while_reading(folder: &Folder, term: &str, expected: &str) -> String {
    let log = folder.path().join("gateway.log");
    let made = Command::new("mkfifo").arg(&log).status();
    assert!(made.expect("mkfifo runs").success());
    let mut command = terminal(folder, "access portcullis.yaml --seen gateway.log");
    command
        .env("TERM", term)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .expect("`script` runs: apt-get install bsdutils");
    // Waits until the command reads it.
    let writer = fs::OpenOptions::new().write(true).open(&log).unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (mut shown, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&shown).contains(expected) {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{shown:?}");
        shown.extend(byte);
    }
    drop(writer);
    stdout.read_to_end(&mut shown).unwrap();
    assert!(child.wait().unwrap().success());
    fs::remove_file(log).unwrap();
    String::from_utf8(shown).unwrap()
}

#[test]
fn a_terminal_shows_what_takes_long_and_nothing_else_does() {
    let folder = Folder::new("progress");
    folder.file(
        "portcullis.yaml",
        "apps:\n- {name: app, hosts: [a.example.com], rules: [{name: all, paths: [/], public: true}]}\n",
    );
    folder.file("empty.log", "");
    let (code, plain, stderr) =
        texts(&folder.portcullis(&["access", "portcullis.yaml", "--seen", "empty.log"], ""));
    assert_eq!((code, &*stderr), (Some(0), ""), "{stderr}");
    let shown = while_reading(&folder, "xterm", "reading gateway.log (");
    let (line, review) = shown.rsplit_once("\u{1b}[2K").expect("the line is removed");
    assert!(line.contains("reading gateway.log ("), "{shown:?}");
    assert_eq!(review.trim_start_matches('\r').replace("\r\n", "\n"), plain);
    // It can't remove a line.
    let dumb = while_reading(&folder, "dumb", "");
    assert_eq!(dumb.replace("\r\n", "\n"), plain);
}

#[test]
fn a_shell_completes_commands_and_options() {
    let folder = Folder::new("completions");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, stdout, stderr) = texts(&folder.portcullis(&["completions", shell], ""));
        assert_eq!((code, &*stderr), (Some(0), ""), "{shell}");
        for word in ["session-keys", "fail-on-warning", "completions"] {
            assert!(stdout.contains(word), "{shell}: {word}");
        }
    }
    let (_, script, _) = texts(&folder.portcullis(&["completions", "bash"], ""));
    folder.file("completions.bash", &script);
    // What bash does for `portcullis session-k<TAB>` and `portcullis check --fail<TAB>`.
    for (words, expected) in [
        ("session-k", "session-keys"),
        ("check --fail", "--fail-on-warning"),
    ] {
        let complete = format!(
            "source completions.bash; COMP_WORDS=(portcullis {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _portcullis portcullis \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash")
            .args(["-c", &complete])
            .current_dir(folder.path())
            .output();
        let output = output.expect("bash runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected);
    }
    let (code, _, stderr) = texts(&folder.portcullis(&["completions", "csh"], ""));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("[possible values: bash, "), "{stderr}");
}
