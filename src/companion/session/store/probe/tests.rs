use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::session::fixtures::{Folder, at};

#[test]
fn a_file_that_is_not_there_yet_is_no_problem_and_is_not_created() {
    let folder = Folder::new();
    let path = folder.file("missing").join("sessions");
    for found in [state(&path), database(&path)] {
        let found = found.unwrap();
        assert_eq!((found.exists, found.access), (false, None));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_files_of_a_companion_are_recognized_while_it_has_them_open() {
    let folder = Folder::new();
    let path = folder.file("state");
    fs::write(&path, RevocationState::new(at(0)).to_json()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(state(&path).unwrap().exists);
    let sessions = folder.file("sessions");
    let open = redb::Database::create(&sessions).unwrap();
    fs::set_permissions(&sessions, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(database(&sessions).unwrap().exists);
    drop(open);

    fs::set_permissions(&sessions, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(database(&sessions).is_err(), "`serve` refuses it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(state(&path).unwrap().access.is_some());
}

#[test]
fn another_content_is_an_error() {
    let folder = Folder::new();
    for content in [
        "",
        "{}",
        "a text that is longer than what a database begins with",
    ] {
        let path = folder.file("store");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(database(&path).is_err(), "{content}");
        assert!(state(&path).is_err(), "{content}");
    }
}
