use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::session::fixtures::{Folder, at};

#[test]
fn a_new_file_has_a_key_that_is_used_at_once() {
    let folder = Folder::new();
    let path = folder.file("keys");
    assert_eq!(make_or_rotate(&path, at(0)), Ok(KeyFileChange::Created));
    let (keys, warning) = load(&path).unwrap();
    assert_eq!(warning, None);
    assert_eq!(keys.all().count(), 1);
    assert_eq!(keys.newest.use_after, at(0));
}

/// A key that is replaced at once may have been used: a session that it has sealed could not be opened any more.
#[test]
fn programs_that_run_at_once_replace_no_key() {
    for _ in 0..10 {
        let folder = Folder::new();
        let path = folder.file("keys");
        let barrier = Barrier::new(8);
        let changes: Vec<KeyFileChange> = thread::scope(|scope| {
            let run = || {
                barrier.wait();
                make_or_rotate(&path, at(0)).unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap());
            ended.collect()
        });
        let count =
            |wanted: fn(&KeyFileChange) -> bool| changes.iter().filter(|one| wanted(one)).count();
        assert_eq!(count(|change| matches!(change, KeyFileChange::Created)), 1);
        assert_eq!(
            count(|change| matches!(change, KeyFileChange::Rotated { .. })),
            1
        );
        assert_eq!(load(&path).unwrap().0.all().count(), 2);
    }
}

#[test]
fn a_new_key_is_used_ten_minutes_later() {
    let folder = Folder::new();
    let path = folder.file("keys");
    make_or_rotate(&path, at(0)).unwrap();
    let (before, _) = load(&path).unwrap();
    let use_after = at(1600);
    let rotated = KeyFileChange::Rotated { keys: 2, use_after };
    assert_eq!(make_or_rotate(&path, at(1000)), Ok(rotated));
    let (after, _) = load(&path).unwrap();
    assert_eq!(after.newest.use_after, at(1600));
    assert_eq!(after.older[0].kid, before.newest.kid);
    assert_eq!(after.handle("sso", "ada"), before.handle("sso", "ada"));
}

#[test]
fn c05_eight_keys_are_kept_and_the_oldest_dropped() {
    let folder = Folder::new();
    let path = folder.file("keys");
    make_or_rotate(&path, at(0)).unwrap();
    let first = load(&path).unwrap().0.newest.kid;
    for time in 1..8 {
        make_or_rotate(&path, at(time * 600)).unwrap();
    }
    let (keys, _) = load(&path).unwrap();
    assert_eq!(keys.all().count(), 8);
    assert_eq!(keys.older.last().unwrap().kid, first);
    make_or_rotate(&path, at(8 * 600)).unwrap();
    let (keys, _) = load(&path).unwrap();
    assert_eq!(keys.all().count(), 8);
    assert!(keys.all().all(|key| key.kid != first));
}

#[test]
fn c05_the_key_in_use_is_not_removed_by_new_keys() {
    let folder = Folder::new();
    let path = folder.file("keys");
    make_or_rotate(&path, at(0)).unwrap();
    let in_use = load(&path).unwrap().0.newest.kid;
    make_or_rotate(&path, at(1000)).unwrap();
    let written = fs::read(&path).unwrap();
    let use_after = at(1600);
    for time in 1001..1010 {
        let pending = Ok(KeyFileChange::Pending { use_after });
        assert_eq!(make_or_rotate(&path, at(time)), pending);
    }
    assert_eq!(fs::read(&path).unwrap(), written);
    let (keys, _) = load(&path).unwrap();
    assert_eq!(keys.current(at(1010)).kid, in_use);
    let rotated = make_or_rotate(&path, at(1600)).unwrap();
    assert!(matches!(rotated, KeyFileChange::Rotated { keys: 3, .. }));
}

#[test]
fn an_invalid_key_file_is_not_changed() {
    let folder = Folder::new();
    let path = folder.file("precious");
    make_or_rotate(&path, at(0)).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let short = r#""AAAA""#;
    let zero = format!("\"{}\"", "A".repeat(43));
    let field = |name: &str| {
        let at = good.find(&format!("\"{name}\": ")).unwrap() + name.len() + 4;
        good[at..at + 45].to_owned()
    };
    let bad = [
        String::new(),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        "{}".to_owned(),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("\"version\"", "\"extra\": 1, \"version\""),
        good.replace(&field("sealing"), short),
        good.replace(&field("handle"), short),
        format!("{good} and more"),
        r#"{"version":1,"handle":"#.to_owned() + &field("handle") + r#","keys":[]}"#,
        " ".repeat(MAX_BYTES + 1),
    ];
    for content in &bad {
        fs::write(&path, content).unwrap();
        let error = make_or_rotate(&path, at(1)).unwrap_err().to_string();
        assert!(
            error.contains("precious: not a valid key file: "),
            "{error}"
        );
        assert!(error.contains("\nhelp: name another file"), "{error}");
        assert_eq!(&fs::read_to_string(&path).unwrap(), content);
        load(&path).unwrap_err();
    }
    let newer = good.replace("\"version\": 1", "\"extra\": 1, \"version\": 2");
    fs::write(&path, newer).unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("unknown version 2"), "{error}");
    // Zero is not a valid private key.
    fs::write(&path, good.replace(&field("signing"), &zero)).unwrap();
    load(&path).unwrap_err();
}

#[test]
fn errors_reveal_nothing_of_the_keys() {
    let folder = Folder::new();
    let path = folder.file("keys");
    make_or_rotate(&path, at(0)).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let broken = good.replace("\"signing\": \"", "\"signing\": \"SECRET");
    fs::write(&path, broken).unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(!error.contains("SECRET"), "{error}");
}

#[test]
fn a_world_readable_file_is_a_warning_and_a_writable_one_an_error() {
    let folder = Folder::new();
    let path = folder.file("keys");
    make_or_rotate(&path, at(0)).unwrap();
    for (mode, warned) in [(0o400, false), (0o640, false), (0o644, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let (_, warning) = load(&path).unwrap();
        assert_eq!(warning.is_some(), warned, "{mode:o}: {warning:?}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("writable by every user"), "{error}");
    let help = format!("\nhelp: `chmod go-w {}`", path.display());
    assert!(error.contains(&help), "{error}");
    let written = fs::read(&path).unwrap();
    assert_eq!(
        make_or_rotate(&path, at(1000)).unwrap_err().to_string(),
        error
    );
    assert_eq!(fs::read(&path).unwrap(), written);
}

#[test]
fn a_missing_file_is_an_error_that_says_how_to_create_it() {
    let folder = Folder::new();
    let error = load(&folder.file("keys")).unwrap_err().to_string();
    assert!(error.contains("portcullis session-keys --out"), "{error}");
}

#[test]
fn a_missing_folder_is_an_error() {
    let folder = Folder::new();
    let path = folder.file("nowhere").join("keys");
    let error = make_or_rotate(&path, at(0)).unwrap_err().to_string();
    assert!(error.contains("can't be written"), "{error}");
}
