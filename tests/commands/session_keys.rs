//! `portcullis session-keys`, as operators run it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("session-keys-{name}"));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn session_keys(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .arg("session-keys")
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap()
    }

    fn keys(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.join("keys")).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn keys_are_created_and_then_rotated() {
    let folder = Folder::new("rotated");
    let created = folder.session_keys(&["--out", "keys"]);
    assert_eq!(created.status.code(), Some(0), "{}", stderr(&created));
    assert_eq!(
        stdout(&created),
        "keys: created; its key is in use at once\n"
    );
    let first = folder.keys();
    let mode = fs::metadata(folder.0.join("keys")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let rotated = folder.session_keys(&["--out", "keys"]);
    assert_eq!(rotated.status.code(), Some(0), "{}", stderr(&rotated));
    assert_eq!(
        stdout(&rotated),
        "keys: rotated; a new key was added before 1 other and will be in use in 10 minutes\n"
    );
    let second = folder.keys();
    assert_eq!(second["handle"], first["handle"]);
    assert_eq!(second["keys"][1], first["keys"][0]);
    let time = |key: &str| second["keys"][0][key].as_u64().unwrap();
    assert_eq!(time("use_after"), time("made") + 600);

    let unchanged = folder.session_keys(&["--out", "keys"]);
    assert_eq!(unchanged.status.code(), Some(0), "{}", stderr(&unchanged));
    assert_eq!(
        stdout(&unchanged),
        "keys: unchanged; its newest key will be in use in 10 minutes; until then, no key is added\n"
    );
    assert_eq!(folder.keys(), second);
}

#[test]
fn the_keys_have_the_documented_format() {
    let folder = Folder::new("format");
    folder.session_keys(&["--out", "keys"]);
    let keys = folder.keys();
    let names = |value: &Value| -> Vec<String> {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&keys), ["handle", "keys", "version"]);
    assert_eq!(
        names(&keys["keys"][0]),
        ["made", "sealing", "signing", "use_after"]
    );
    assert_eq!(keys["keys"][0]["made"], keys["keys"][0]["use_after"]);
    for secret in [&keys["handle"], &keys["keys"][0]["sealing"]] {
        // 32 bytes in base64url without padding.
        assert_eq!(secret.as_str().unwrap().len(), 43);
    }
}

#[test]
fn a_file_that_is_not_a_key_file_is_not_overwritten() {
    let folder = Folder::new("not-overwritten");
    let other = folder.0.join("other");
    fs::write(&other, "something else").unwrap();
    let refused = folder.session_keys(&["--out", "other"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(stdout(&refused), "");
    let message = "error: other: not a valid key file: ";
    assert!(
        stderr(&refused).starts_with(message),
        "{}",
        stderr(&refused)
    );
    assert!(
        stderr(&refused).contains("\nhelp: "),
        "{}",
        stderr(&refused)
    );
    assert_eq!(fs::read_to_string(other).unwrap(), "something else");
}

#[test]
fn the_keys_are_not_printed_and_the_file_is_private() {
    let folder = Folder::new("not-printed");
    for _ in 0..2 {
        let output = folder.session_keys(&["--out", "keys"]);
        let printed = [stdout(&output), stderr(&output)].concat();
        let keys = folder.keys();
        for key in keys["keys"].as_array().unwrap() {
            for name in ["sealing", "signing"] {
                assert!(!printed.contains(key[name].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn the_output_file_is_required() {
    let folder = Folder::new("usage");
    assert_eq!(folder.session_keys(&[]).status.code(), Some(1));
    let help = folder.session_keys(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in [
        "--out <FILE>",
        "rotate",
        "ten minutes",
        "signs everybody out",
    ] {
        assert!(stdout(&help).contains(word), "{word}: {}", stdout(&help));
    }
}
