use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::session::fixtures::Folder;

#[test]
fn a_written_file_is_readable_by_its_owner_only() {
    let folder = Folder::new();
    let path = folder.file("whole");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(read(&path, 3).unwrap().unwrap().as_slice(), b"two");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_missing_file_is_none_and_a_long_one_an_error() {
    let folder = Folder::new();
    assert!(read(&folder.file("none"), 3).unwrap().is_none());
    let path = folder.file("long");
    write(&path, b"four").unwrap();
    let error = read(&path, 3).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn a_symbolic_link_is_kept() {
    let folder = Folder::new();
    let (file, client) = (folder.file("file"), folder.file("client"));
    write(&file, b"one").unwrap();
    symlink(&file, &client).unwrap();
    write(&client, b"two").unwrap();
    assert!(fs::symlink_metadata(&client).unwrap().is_symlink());
    assert_eq!(read(&file, 3).unwrap().unwrap().as_slice(), b"two");
}

#[test]
fn only_a_regular_file_is_replaced() {
    let folder = Folder::new();
    let socket = folder.file("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = write(&socket, b"one").unwrap_err();
    assert_eq!(error.to_string(), "not a regular file");
    let dangling = folder.file("dangling");
    symlink(folder.file("missing"), &dangling).unwrap();
    write(&dangling, b"one").unwrap_err();
    assert!(dangling.is_symlink());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = Folder::new();
    // A file can't replace a folder.
    let path = folder.file("folder");
    fs::create_dir(&path).unwrap();
    write(&path, b"one").unwrap_err();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_named_pipe_is_refused_and_does_not_block() {
    let folder = Folder::new();
    let pipe = folder.file("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is part of coreutils").success());
    for path in [&pipe, Path::new("/dev/zero")] {
        let error = read(path, 100).unwrap_err();
        assert_eq!(error.to_string(), "not a regular file");
    }
}
