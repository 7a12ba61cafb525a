//! Every command with inputs that it can't use, and with an output that nobody reads.

use std::fs::{self, File};
use std::io::pipe;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{Folder, POLICY, texts};

/// The commands, with `{}` for the input.
const COMMANDS: [&str; 24] = [
    "access {}",
    "attach --config {}",
    "check {}",
    "check {} -o github",
    "check {} -o json",
    "diff ok.yaml {}",
    "diff {} ok.yaml",
    "doctor --config {}",
    "doctor --policy {}",
    "explain ok.yaml --url https://a.example.com/ --claims {} --from staging",
    "explain ok.yaml --url https://a.example.com/ --config {}",
    "explain ok.yaml --url https://a.example.com/ --keys {}",
    "explain ok.yaml --url https://a.example.com/ --person {}",
    "explain ok.yaml --url https://a.example.com/ --token-file {}",
    "explain {} --url https://a.example.com/",
    "import oauth2-proxy --out out --alpha-config {}",
    "import oauth2-proxy --out out --config {}",
    "import oauth2-proxy --out out --env {}",
    "import oauth2-proxy --out out --helm {}",
    "import oauth2-proxy --out out --ingress {}",
    "render {} --as json",
    "revoke --everyone --config {}",
    "serve --config {}",
    "test {}",
];

/// Commands that can use one of the inputs: a file without settings, and a text that can be a token.
const USABLE: [(&str, &str); 4] = [
    ("doctor --config", "empty"),
    (
        "explain ok.yaml --url https://a.example.com/ --config",
        "empty",
    ),
    (
        "explain ok.yaml --url https://a.example.com/ --token-file",
        "deep",
    ),
    ("import oauth2-proxy", "empty"),
];

/// The commands that read a log, which can have any size.
const LOGS: [&str; 4] = [
    "access ok.yaml --seen {}",
    "explain ok.yaml --audit {}",
    "import oauth2-proxy --out out --access-log {} -- --provider=oidc",
    "test ok.yaml --replay {}",
];

/// How long a command may take to refuse an input.
const LIMIT: Duration = Duration::from_secs(20);

fn start(folder: &Folder, arguments: &str, stdout: impl Into<Stdio>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments.split(' '))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped());
    let began = Instant::now();
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let took = began.elapsed();
    assert!(took < LIMIT, "{arguments}: {took:?}");
    output
}

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.file("ok.yaml", POLICY);
    folder.file("folder/notes.txt", "none");
    folder.file("empty", "");
    folder.file("binary", b"\xff\xfe\x00\x01");
    folder.file("open", "a: [b\n\"c");
    folder.file("deep", "[".repeat(100_000));
    // Larger than what is read, and without a block on the disk.
    let huge = File::create(folder.path().join("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    symlink("/dev/zero", folder.path().join("endless")).unwrap();
    folder
}

/// Checks that a command has refused its input with an error that says how to fix it.
fn assert_refused(output: &Output, what: &str) {
    let (code, stdout, stderr) = texts(output);
    assert!(matches!(code, Some(1 | 2)), "{what}: {code:?} {stderr}");
    let said = format!("{stdout}{stderr}");
    assert!(!said.contains("panicked"), "{what}: {said}");
    let is_json = stdout.starts_with('{');
    let is_github = stdout.starts_with("::error ");
    assert!(
        stderr.contains("error: ") || is_json || is_github,
        "{what}: {said}"
    );
    assert!(said.contains("help"), "{what}: {said}");
    assert!(said.len() < 4096, "{what}: {} bytes", said.len());
}

fn assert_names_and_refuses(folder: &Folder, command: &str, input: &str) {
    let out = format!("out-{input}");
    let command = command
        .replace("{}", input)
        .replace("--out out", &format!("--out {out}"));
    let output = start(folder, &command, Stdio::piped());
    assert_refused(&output, &command);
    let (_, stdout, stderr) = texts(&output);
    let said = [stdout, stderr].concat();
    assert!(said.contains(input), "{command}: {said}");
    assert!(!folder.path().join(out).exists(), "{command}");
}

#[test]
fn every_command_refuses_an_input_that_it_can_t_use_and_says_why() {
    let folder = folder("inputs");
    let inputs = [
        "none", "folder", "empty", "binary", "open", "deep", "huge", "endless",
    ];
    thread::scope(|scope| {
        for input in inputs {
            let folder = &folder;
            scope.spawn(move || {
                for command in COMMANDS {
                    let is_usable = USABLE
                        .iter()
                        .any(|(start, usable)| command.starts_with(start) && *usable == input);
                    if !is_usable {
                        assert_names_and_refuses(folder, command, input);
                    }
                }
            });
        }
    });
}

#[test]
fn every_command_that_reads_a_log_says_which_it_can_t_read() {
    let folder = folder("logs");
    for command in LOGS {
        for input in ["none", "folder"] {
            let command = command.replace("{}", input);
            let output = start(&folder, &command, Stdio::piped());
            assert_refused(&output, &command);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(input), "{command}: {stderr}");
        }
    }
    assert!(!folder.path().join("out").exists());
}

/// Commands with output.
const OUTPUTS: [&str; 12] = [
    "access ok.yaml",
    "check ok.yaml",
    "check ok.yaml --json",
    "completions bash",
    "diff ok.yaml other.yaml",
    "doctor --policy inline.yaml",
    "explain ok.yaml --url https://alertmanager.example.com/ --as staging/monitoring/karma",
    "import oauth2-proxy --out OUT -- --provider=oidc",
    "render ok.yaml --as configmap",
    "schema policy",
    "test test.yaml",
    "test ok.yaml --replay proxy.log",
];

#[test]
fn an_output_that_nobody_reads_or_that_has_no_room_is_an_error_and_no_panic() {
    let folder = folder("outputs");
    folder.file("other.yaml", POLICY.replace("karma", "grafana"));
    folder.file(
        "inline.yaml",
        POLICY.replace(
            "keys: {envoy_cluster: k8s-staging}",
            "keys: {inline: {keys: []}}",
        ),
    );
    folder.file(
        "test.yaml",
        "policy: ok.yaml\ntests:\n- {name: a, request: {url: 'https://alertmanager.example.com/'}, expect: {status: 401}}\n",
    );
    folder.file(
        "proxy.log",
        "10.0.0.1 - 5f - ada [2026/11/30 09:00:00] alertmanager.example.com GET - \"/-/healthy\" HTTP/1.1 \"x\" 200 0 0.001\n",
    );
    for (number, command) in OUTPUTS.into_iter().enumerate() {
        let out = |kind: &str| command.replace("OUT", &format!("{kind}-{number}"));
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        for (command, stdout) in [
            (out("closed"), Stdio::from(writer)),
            (out("full"), full.into()),
        ] {
            let output = start(&folder, &command, stdout);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{command}: {stderr}");
            assert!(
                stderr.contains("error: standard output: "),
                "{command}: {stderr}"
            );
            assert!(!stderr.contains("panicked"), "{command}: {stderr}");
        }
    }
}

#[test]
fn a_line_without_an_end_does_not_fill_the_memory() {
    let folder = folder("line");
    folder.file(
        "limited.sh",
        "ulimit -v 300000\nhead -c 100000000 /dev/zero | tr '\\0' x | exec \"$@\"\n",
    );
    for command in LOGS {
        let mut limited = Command::new("bash");
        limited
            .arg("limited.sh")
            .arg(env!("CARGO_BIN_EXE_portcullis"));
        limited.args(command.replace("{}", "-").split(' '));
        let output = limited.current_dir(folder.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(matches!(code, Some(0..=3)), "{command}: {code:?} {stderr}");
        assert!(
            !stderr.contains("panicked") && !stderr.contains("allocation"),
            "{command}: {stderr}"
        );
    }
}
