use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_core::session::{Id, SessionHandles};

use super::*;
use crate::session::fixtures::{Folder, at};
use crate::session::revocations::Revocation;

fn batch(sid: u8) -> RevocationBatch {
    RevocationBatch {
        revocations: vec![Revocation::session(Id::from_bytes([sid; 16]), at(10_000))],
        ..RevocationBatch::default()
    }
}

fn handles(sid: u8) -> SessionHandles {
    SessionHandles {
        sid: Id::from_bytes([sid; 16]),
        handle: Id::from_bytes([0; 16]),
        began: at(0),
    }
}

#[tokio::test]
async fn revocations_survive_a_restart() {
    let folder = Folder::new();
    let path = folder.file("state");
    let file = StateFile::open(&path, at(0)).unwrap();
    assert_eq!(file.revoke(&batch(1), at(10)).await, Ok(true));
    assert_eq!(file.revoke(&batch(2), at(20)).await, Ok(true));
    drop(file);
    let file = StateFile::open(&path, at(30)).unwrap();
    assert!(file.state().is_revoked(&handles(1), None, at(30)));
    assert!(file.state().is_revoked(&handles(2), None, at(30)));
    assert!(!file.state().is_revoked(&handles(3), None, at(30)));
    assert_eq!(file.state().known_since(), at(0));
}

#[tokio::test]
async fn after_a_lost_state_file_the_list_is_complete_from_now_on() {
    let folder = Folder::new();
    let path = folder.file("state");
    drop(StateFile::open(&path, at(0)).unwrap());
    fs::remove_file(&path).unwrap();
    let file = StateFile::open(&path, at(100)).unwrap();
    assert_eq!(file.state().known_since(), at(100));
    // That is durable without a revocation.
    drop(file);
    assert_eq!(
        StateFile::open(&path, at(200))
            .unwrap()
            .state()
            .known_since(),
        at(100)
    );
}

#[test]
fn an_invalid_state_is_an_error_and_not_replaced() {
    let folder = Folder::new();
    let path = folder.file("state");
    for content in [
        "",
        "{",
        "{\"version\":1}",
        &" ".repeat(RevocationState::MAX_BYTES + 1),
    ] {
        fs::write(&path, content).unwrap();
        let error = StateFile::open(&path, at(0)).unwrap_err().to_string();
        assert!(
            error.contains("\nhelp: restore it from a backup, or move it away"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn an_unwritable_path_is_an_error_at_the_start() {
    let folder = Folder::new();
    let path = folder.file("nowhere").join("state");
    let error = StateFile::open(&path, at(0)).unwrap_err().to_string();
    assert!(error.contains("session.state_file"), "{error}");
}

#[test]
fn two_companions_never_share_a_state_file_by_another_name() {
    let folder = Folder::new();
    let path = folder.file("state");
    let first = StateFile::open(&path, at(0)).unwrap();
    let (link, other) = (folder.file("link"), folder.file("folder"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::os::unix::fs::symlink(path.parent().unwrap(), &other).unwrap();
    for name in [link.clone(), other.join("state"), other.join("link")] {
        let error = StateFile::open(&name, at(0)).unwrap_err().to_string();
        assert!(error.contains("in use by another companion"), "{error}");
    }
    drop(first);
    drop(StateFile::open(&link, at(0)).unwrap());
    assert!(link.is_symlink());
    let hard = folder.file("hard");
    fs::hard_link(&path, &hard).unwrap();
    for name in [&path, &hard] {
        let error = StateFile::open(name, at(0)).unwrap_err().to_string();
        assert!(
            error.contains("hard links") && error.contains("help: remove"),
            "{error}"
        );
    }
}

#[test]
fn two_companions_never_share_a_state_file() {
    let folder = Folder::new();
    let path = folder.file("state");
    let first = StateFile::open(&path, at(0)).unwrap();
    let error = StateFile::open(&path, at(0)).unwrap_err().to_string();
    assert!(error.contains("in use by another companion"), "{error}");
    assert!(error.contains("redis://"), "{error}");
    drop(first);
    StateFile::open(&path, at(0)).unwrap();
}

#[tokio::test]
async fn a_revocation_that_is_not_on_disk_is_not_reported() {
    let folder = Folder::new();
    let path = folder.file("state");
    let file = StateFile::open(&path, at(0)).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = file.revoke(&batch(1), at(10)).await.unwrap_err();
    assert!(error.to_string().contains("can't be written"), "{error}");
    assert!(!file.state().is_revoked(&handles(1), None, at(10)));
    // The next attempt succeeds.
    fs::remove_dir(&path).unwrap();
    assert_eq!(file.revoke(&batch(1), at(20)).await, Ok(true));
}

#[tokio::test]
async fn concurrent_revocations_are_all_kept() {
    let folder = Folder::new();
    let path = folder.file("state");
    let file = Arc::new(StateFile::open(&path, at(0)).unwrap());
    let all = (1..=50).map(|sid| {
        let file = Arc::clone(&file);
        tokio::spawn(async move { file.revoke(&batch(sid), at(10)).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), Ok(true));
    }
    drop(file);
    let state = StateFile::open(&path, at(20)).unwrap().state();
    assert!((1..=50).all(|sid| state.is_revoked(&handles(sid), None, at(20))));
}

#[test]
fn the_state_file_is_readable_by_its_owner_only() {
    let folder = Folder::new();
    let path = folder.file("state");
    let _file = StateFile::open(&path, at(0)).unwrap();
    for name in ["state", "state.lock"] {
        let mode = fs::metadata(folder.file(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
