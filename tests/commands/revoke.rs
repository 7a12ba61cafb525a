//! `portcullis revoke`, as a user runs it. That it ends sessions is tested with real filters elsewhere.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use portcullis_tests::lab::wait;

use crate::serve::fixture::{Companion, Files};

/// The exit code, standard output and standard error of the command with this configuration.
fn revoke(files: &Files, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("revoke").arg("--config");
    command
        .arg(files.folder.join("companion.yaml"))
        .args(arguments);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn it_prints_what_is_revoked_and_until_when() {
    let companion = Companion::up(&[]).await;
    let (code, stdout, stderr) = revoke(&companion.files, &["--caller", "sso/auth0|7"]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(
        lines[0]
            .starts_with("revoked: all sessions of the subject auth0|7 of sso that began by 20"),
        "{stdout}"
    );
    assert!(
        lines[1].starts_with("until: 20") && lines[1].ends_with("Z, when all of them have expired"),
        "{stdout}"
    );
    assert_eq!(lines.len(), 2);
    let list = companion.get("/oauth2/revocations").await.json();
    assert_eq!(list["entries"].as_array().unwrap().len(), 1, "{list}");
    let log = companion.log();
    let record = log
        .iter()
        .find(|line| line["target"] == "portcullis::audit");
    let record = record.unwrap()["message"].as_str().unwrap();
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    for (member, value) in [
        ("audit", "portcullis.session.v1"),
        ("event", "revoked"),
        ("reason", "operator"),
        ("provider", "sso"),
        ("subject", "auth0|7"),
    ] {
        assert_eq!(record[member], value, "{member}");
    }
}

#[tokio::test]
async fn only_the_companions_user_can_use_the_socket_and_it_is_removed_at_the_end() {
    let mut companion = Companion::up(&[]).await;
    let socket = companion.files.folder.join("session-keys.state.admin");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    companion.signal("TERM");
    assert_eq!(companion.end().await, Some(0));
    assert!(!socket.exists());
    let (code, stdout, stderr) = revoke(&companion.files, &["--everyone"]);
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(
        stderr.contains("session-keys.state.admin: the companion can't be reached: ")
            && stderr.contains("\nhelp: run this where the companion runs"),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_killed_companion_leaves_no_socket_that_keeps_the_next_one_from_listening() {
    let mut companion = Companion::up(&[]).await;
    companion.process.kill();
    let (code, _, stderr) = revoke(&companion.files, &["--everyone"]);
    assert_eq!(code, Some(2), "{stderr}");
    companion.process.restart();
    companion
        .process
        .ready_at(companion.files.address, "/ping")
        .await;
    let (code, _, stderr) = revoke(&companion.files, &["--everyone"]);
    assert_eq!((code, &*stderr), (Some(0), ""));
}

#[tokio::test]
async fn another_user_can_not_use_the_socket() {
    let companion = Companion::up(&[]).await;
    let socket = companion.files.folder.join("session-keys.state.admin");
    if !rustix::process::geteuid().is_root() {
        // Nobody else can be tried as; the mode is tested above.
        return;
    }
    let configuration = companion.files.folder.join("companion.yaml");
    fs::set_permissions(&configuration, Permissions::from_mode(0o644)).unwrap();
    let revoke_as_nobody = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(["revoke", "--everyone", "--config"])
            .arg(&configuration);
        let output = command.uid(65534).gid(65534).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr)
    };
    let (code, stderr) = revoke_as_nobody();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("Permission denied") && stderr.contains("help: run this as the user"),
        "{stderr}"
    );
    // As if it had connected before the mode was set.
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let (code, stderr) = revoke_as_nobody();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("no response from the companion"),
        "{stderr}"
    );
    companion
        .wait_for_log("administrative request of another user refused")
        .await;
    let list = companion.get("/oauth2/revocations").await.json();
    assert_eq!(list["entries"], serde_json::json!([]));
}

#[tokio::test]
async fn clients_that_send_nothing_do_not_delay_a_revocation_and_are_closed() {
    let companion = Companion::up(&[]).await;
    let socket = companion.files.folder.join("session-keys.state.admin");
    let mut stuck = [(); 3].map(|()| UnixStream::connect(&socket).unwrap());
    stuck[0].write_all(b"{").unwrap();
    let (code, _, stderr) = revoke(&companion.files, &["--everyone"]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    for mut stuck in stuck {
        stuck.set_read_timeout(Some(wait::LONG)).unwrap();
        assert_eq!(stuck.read(&mut [0]).unwrap(), 0);
    }
}

#[tokio::test]
async fn a_provider_that_the_running_companion_does_not_have_is_refused() {
    let companion = Companion::up(&[]).await;
    let socket = companion.files.folder.join("session-keys.state.admin");
    let mut stream = UnixStream::connect(&socket).unwrap();
    let request = "{\"revoke\":{\"caller\":{\"provider\":\"other\",\"subject\":\"ada\"}}}\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert_eq!(
        response,
        "{\"failed\":{\"problem\":\"sessions not revoked: `other` is not a provider of the running companion; \
         its providers are sso\"}}\n"
    );
    let list = companion.get("/oauth2/revocations").await.json();
    assert_eq!(list["entries"], serde_json::json!([]));
}

#[test]
fn a_companion_does_not_start_beside_one_that_has_its_socket() {
    let files = Files::new();
    let socket = files.folder.join("session-keys.state.admin");
    let _other = UnixListener::bind(&socket).unwrap();
    let (code, stderr) = files.refused(&[]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("session-keys.state.admin: another companion listens here")
            && stderr.contains("help: stop the other companion"),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_socket_that_can_not_be_created_is_a_warning() {
    let files = Files::new();
    let state = files.folder.join("s".repeat(120));
    let mut companion = files.start(&[&format!("--session-state-file={}", state.display())]);
    companion
        .process
        .ready_at(companion.files.address, "/ping")
        .await;
    companion
        .wait_for_log("administrative socket unavailable")
        .await;
}

#[test]
fn mistakes_say_how_to_fix_them_and_revoke_nothing() {
    let files = Files::new();
    for (arguments, problem, help) in [
        (
            &["--caller", "alice"][..],
            "--caller: `alice` is not a caller's name",
            "write `PROVIDER/SUBJECT`; the providers are sso",
        ),
        (
            &["--caller", "staging/monitoring/karma"],
            "--caller: `staging` is not a provider",
            "callers of trust entries have no sessions",
        ),
        (
            &["--caller", "sso/"],
            "`` is not a subject",
            "write it as in the caller's name",
        ),
        (
            &["--caller", "sso/a%2"],
            "`a%2` is not a subject",
            "in which `%` is `%25`",
        ),
        (
            &["--session", "abc"],
            "--session: `abc` is not the id of a session",
            "write the `sid` of the companion's log line `signed in`",
        ),
        (&[], "required arguments", "--help"),
        (
            &["--everyone", "--session", "abc"],
            "cannot be used with",
            "--help",
        ),
    ] {
        let (code, stdout, stderr) = revoke(&files, arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{arguments:?}");
        assert!(
            stderr.contains(problem) && stderr.contains(help),
            "{stderr}"
        );
    }
    files.write("companion.yaml", "policy: portcullis.yaml\n");
    let (code, _, stderr) = revoke(&files, &["--everyone"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("so there are no sessions to revoke\nhelp: name the configuration"),
        "{stderr}"
    );
    files.write("companion.yaml", "policy: [");
    let (code, _, stderr) = revoke(&files, &["--everyone"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("companion.yaml:1"), "{stderr}");
}

#[test]
fn a_redis_that_is_down_is_an_error_without_its_password() {
    let files = Files::new();
    let configuration = files.configuration();
    let store = format!("  store: redis://{}\n", files.provider);
    files.write("companion.yaml", &(configuration + &store));
    let (code, stdout, stderr) = revoke(&files, &["--everyone"]);
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(
        stderr.contains("session.store: ")
            && stderr.contains("help: check `session.store` and its server"),
        "{stderr}"
    );
}
