//! Files that other users may change.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portcullis_tests::lab::{Authority, folder};

use crate::serve::fixture::{Companion, Files, keys};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Files whose keys are in another folder, and the path of the keys.
fn files_and_keys() -> (Files, PathBuf) {
    let (files, folder) = (Files::new(), folder::fresh("keys"));
    mode(&folder, 0o755);
    let path = folder.join("session-keys");
    fs::write(&path, keys()).unwrap();
    mode(&path, 0o600);
    (files, path)
}

fn refused(files: &Files, keys: &Path) -> (Option<i32>, String) {
    files.refused(&["--session-keys-file", keys.to_str().unwrap()])
}

fn session_keys(path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["session-keys", "--out"])
        .arg(path)
        .output()
        .unwrap()
}

/// Checks that both commands refuse the keys because of the permissions of `path`, and leave them
/// unchanged.
#[track_caller]
fn assert_refused(files: &Files, keys: &Path, problem: &str, path: &Path) {
    let written = fs::read(keys).unwrap();
    let output = session_keys(keys);
    let by_session_keys = String::from_utf8(output.stderr).unwrap();
    let (code, by_serve) = refused(files, keys);
    assert_eq!(
        (output.status.code(), code),
        (Some(1), Some(1)),
        "{problem}"
    );
    for stderr in [by_session_keys, by_serve] {
        let error = format!("error: {}: {problem}", keys.display());
        let help = format!("\nhelp: `chmod go-w {}`", path.display());
        assert!(stderr.contains(&error), "{stderr}");
        assert!(stderr.contains(&help), "{stderr}");
    }
    assert_eq!(fs::read(keys).unwrap(), written);
}

#[test]
fn a_key_file_that_others_may_write_to_is_refused() {
    let (files, keys) = files_and_keys();
    for (bits, problem) in [
        (0o620, "it is writable by its group"),
        (0o660, "it is writable by its group"),
        (0o602, "it is writable by every user"),
        (0o646, "it is writable by every user"),
        (0o666, "it is writable by every user"),
    ] {
        mode(&keys, bits);
        assert_refused(&files, &keys, problem, &keys);
    }
}

#[test]
fn a_key_file_in_a_folder_that_others_may_write_to_is_refused() {
    let (files, keys) = files_and_keys();
    let folder = keys.parent().unwrap();
    for bits in [0o777, 0o707, 0o2777] {
        mode(folder, bits);
        let problem = format!("its folder {} is writable by every user", folder.display());
        assert_refused(&files, &keys, &problem, folder);
        // No new file is created there either.
        let new = folder.join("new");
        let output = session_keys(&new);
        assert_eq!(output.status.code(), Some(1), "{bits:o}");
        assert!(!new.exists(), "{bits:o}");
    }
    mode(folder, 0o755);
}

#[test]
fn a_link_to_a_key_file_that_others_may_write_to_is_refused() {
    let (files, keys) = files_and_keys();
    let (_, other) = files_and_keys();
    let link = other.with_file_name("link");
    symlink(&keys, &link).unwrap();
    mode(&keys, 0o622);
    assert_refused(&files, &link, "it is writable by every user", &keys);
    mode(&keys, 0o600);
    let folders = [keys.parent().unwrap(), link.parent().unwrap()];
    for folder in folders {
        mode(folder, 0o777);
        let problem = format!("its folder {} is writable by every user", folder.display());
        assert_refused(&files, &link, &problem, folder);
        mode(folder, 0o755);
    }
}

#[tokio::test]
async fn keys_from_a_kubernetes_secret_are_accepted() {
    // Without and with `fsGroup`.
    for (root, version, file) in [(0o1777, 0o755, 0o644), (0o3777, 0o2755, 0o640)] {
        let (files, keys) = files_and_keys();
        let volume = keys.parent().unwrap();
        fs::create_dir(volume.join("..2026_11_28")).unwrap();
        fs::rename(&keys, volume.join("..2026_11_28/session-keys")).unwrap();
        symlink("..2026_11_28", volume.join("..data")).unwrap();
        symlink("..data/session-keys", &keys).unwrap();
        mode(&volume.join("..2026_11_28/session-keys"), file);
        mode(&volume.join("..2026_11_28"), version);
        mode(volume, root);
        let mut companion = files.start(&["--session-keys-file", keys.to_str().unwrap()]);
        let address = companion.files.address;
        companion.process.ready_at(address, "/ping").await;
        let is_warned = companion
            .process
            .log()
            .contains("it is readable by every user");
        assert_eq!(is_warned, file == 0o644);
    }
}

#[tokio::test]
async fn a_reload_of_keys_that_others_may_write_to_keeps_the_previous_ones() {
    let companion = Companion::up(&[]).await;
    let jwks = companion.get("/oauth2/jwks").await.text();
    let path = companion.files.folder.join("session-keys");
    let other = keys().replace("1700000000", "1700000001");
    fs::write(companion.files.folder.join("draft"), other).unwrap();
    mode(&companion.files.folder.join("draft"), 0o660);
    fs::rename(companion.files.folder.join("draft"), &path).unwrap();
    companion.wait_for_log("it is writable by its group").await;
    assert_eq!(companion.get("/oauth2/jwks").await.text(), jwks);
    let stale = "portcullis_companion_file_stale{file=\"keys\"} 1";
    assert!(companion.metrics().await.contains(stale));
}

#[test]
fn a_tls_key_that_others_may_write_to_is_refused() {
    let files = Files::new();
    let identity = Authority::new().identity(&["auth.example.com"]);
    let (cert, key) = (identity.certificate, identity.key);
    mode(key.parent().unwrap(), 0o755);
    for (bits, problem) in [
        (0o660, "it is writable by its group"),
        (0o606, "it is writable by every user"),
    ] {
        mode(&key, bits);
        let flags = [
            "--tls-cert",
            cert.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
        ];
        let (code, stderr) = files.refused(&flags);
        assert_eq!(code, Some(1), "{stderr}");
        let error = format!(
            "error: {}: {problem}\nhelp: `chmod go-w {}`",
            key.display(),
            key.display()
        );
        assert!(stderr.contains(&error), "{stderr}");
    }
}

#[tokio::test]
async fn other_files_that_every_user_may_write_to_are_warnings() {
    let files = Files::new();
    let secret = folder::fresh("secret").join("client");
    fs::write(&secret, "s3cret").unwrap();
    mode(&secret, 0o666);
    mode(&files.folder.join("portcullis.yaml"), 0o622);
    mode(&files.folder.join("companion.yaml"), 0o660);
    let mut companion = files.start(&["--provider-client-secret-file", secret.to_str().unwrap()]);
    let address = companion.files.address;
    companion.process.ready_at(address, "/ping").await;
    let log = companion.process.log();
    for path in [secret, companion.files.folder.join("portcullis.yaml")] {
        let warning = format!(
            "{}: it is writable by every user; help: `chmod go-w",
            path.display()
        );
        assert!(log.contains(&warning), "{log}");
    }
    assert!(!log.contains("--config"), "{log}");
}
