use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use portcullis_tests::lab::folder;

use super::*;

/// A new folder with a file of mode 0600.
fn private_file() -> (PathBuf, PathBuf) {
    let folder = folder::fresh("write-access");
    mode(&folder, 0o700);
    let file = folder.join("file");
    fs::write(&file, "secret").expect("a file");
    mode(&file, 0o600);
    (folder, file)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// Who else may change the file, and through what.
fn writer(path: &Path) -> Option<(PathBuf, Writer)> {
    let access = WriteAccess::of_others(path).expect("readable");
    access.map(|access| (access.path, access.writer))
}

#[test]
fn the_mode_of_the_file_decides_who_may_write() {
    let (_folder, file) = private_file();
    for (bits, expected) in [
        (0o600, None),
        (0o400, None),
        (0o640, None),
        (0o644, None),
        (0o444, None),
        (0o620, Some(Writer::Group)),
        (0o660, Some(Writer::Group)),
        (0o664, Some(Writer::Group)),
        (0o602, Some(Writer::Everyone)),
        (0o622, Some(Writer::Everyone)),
        (0o666, Some(Writer::Everyone)),
        (0o777, Some(Writer::Everyone)),
    ] {
        mode(&file, bits);
        let expected = expected.map(|writer| (file.clone(), writer));
        assert_eq!(writer(&file), expected, "{bits:o}");
    }
}

#[test]
fn the_mode_of_the_folder_decides_who_may_write() {
    let (folder, file) = private_file();
    // As root the group is never a private one.
    let group = (rustix::process::geteuid().is_root()).then_some(Writer::Group);
    for (bits, expected) in [
        (0o700, None),
        (0o755, None),
        (0o1777, None),
        (0o3777, None),
        (0o1770, None),
        (0o770, group),
        (0o2775, group),
        (0o777, Some(Writer::Everyone)),
        (0o2777, Some(Writer::Everyone)),
        (0o703, Some(Writer::Everyone)),
    ] {
        mode(&folder, bits);
        let expected = expected.map(|writer| (folder.clone(), writer));
        assert_eq!(writer(&file), expected, "{bits:o}");
        assert_eq!(writer(&folder.join("new")), expected, "{bits:o}");
    }
    mode(&folder, 0o700);
}

#[test]
fn links_are_followed_and_their_folders_checked() {
    let (folder, file) = private_file();
    let (linked, _) = private_file();
    let (first, second) = (linked.join("first"), linked.join("second"));
    symlink("second", &first).expect("a link");
    symlink(&file, &second).expect("a link");
    assert_eq!(writer(&first), None);
    // The folder of the links.
    mode(&linked, 0o777);
    assert_eq!(writer(&first), Some((linked.clone(), Writer::Everyone)));
    mode(&linked, 0o1777);
    assert_eq!(writer(&first), None);
    // The folder of the target, and the target.
    mode(&folder, 0o777);
    assert_eq!(writer(&first), Some((folder.clone(), Writer::Everyone)));
    mode(&folder, 0o755);
    mode(&file, 0o660);
    assert_eq!(writer(&first), Some((file.clone(), Writer::Group)));
    mode(&file, 0o600);
    // A link to the folder of the file.
    let (elsewhere, _) = private_file();
    symlink(&folder, elsewhere.join("folder")).expect("a link");
    // `..` is the parent of the target.
    let name = folder.file_name().expect("a name");
    let through = elsewhere.join("folder/..").join(name).join("file");
    assert_eq!(writer(&through), None);
    let through = elsewhere.join("folder/file");
    assert_eq!(writer(&through), None);
    mode(&elsewhere, 0o777);
    assert_eq!(
        writer(&through),
        Some((elsewhere.clone(), Writer::Everyone))
    );
    mode(&elsewhere, 0o755);
    mode(&folder, 0o777);
    assert_eq!(writer(&through), Some((folder.clone(), Writer::Everyone)));
    mode(&folder, 0o700);
}

#[test]
fn cyclic_and_dangling_links_are_handled() {
    let (folder, _) = private_file();
    symlink("loop", folder.join("loop")).expect("a link");
    let error = WriteAccess::of_others(&folder.join("loop")).expect_err("a loop");
    assert_eq!(error.to_string(), "too many symbolic links");
    symlink("nothing", folder.join("dangling")).expect("a link");
    assert_eq!(writer(&folder.join("dangling")), None);
    assert_eq!(writer(&folder.join("missing/file")), None);
}

/// The modes of the kubelet: a folder with the sticky bit, a link `..data` to a folder of root, files of root
/// that all can read, and with `fsGroup` those that the group can read.
#[test]
fn kubernetes_volumes_are_accepted() {
    for (root, version, file) in [(0o1777, 0o755, 0o644), (0o3777, 0o2755, 0o640)] {
        let (volume, _) = private_file();
        mode(&volume, root);
        fs::create_dir(volume.join("..2026")).expect("a folder");
        mode(&volume.join("..2026"), version);
        fs::write(volume.join("..2026/keys"), "secret").expect("a file");
        mode(&volume.join("..2026/keys"), file);
        symlink("..2026", volume.join("..data")).expect("a link");
        symlink("..data/keys", volume.join("keys")).expect("a link");
        assert_eq!(writer(&volume.join("keys")), None);
    }
}

#[test]
fn other_owners_may_write() {
    let (folder, file) = private_file();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    chown(&file, Some(65_534), None).expect("root");
    assert_eq!(writer(&file), Some((file.clone(), Writer::Owner(65_534))));
    // Not for the owner.
    assert_eq!(WriteAccess::besides(65_534, &file).expect("readable"), None);
    // In a folder with the sticky bit only the owner may replace the file.
    mode(&folder, 0o1777);
    assert!(writer(&file).is_some());
    chown(&folder, Some(65_534), None).expect("root");
    chown(&file, Some(0), None).expect("root");
    assert_eq!(writer(&file), Some((folder, Writer::Owner(65_534))));
}

#[test]
fn errors_say_what_to_do() {
    let access = |is_folder, writer| WriteAccess {
        path: "/keys".into(),
        is_folder,
        writer,
    };
    for (access, problem, help) in [
        (
            access(false, Writer::Group),
            "it is writable by its group",
            "`chmod go-w /keys`",
        ),
        (
            access(true, Writer::Everyone),
            "its folder /keys is writable by every user",
            "`chmod go-w /keys`",
        ),
        (
            access(false, Writer::Owner(7)),
            "it is owned by another user (UID 7)",
            "`chown` /keys to the companion's user",
        ),
    ] {
        assert_eq!((&*access.to_string(), &*access.help()), (problem, help));
    }
}
