//! What a policy folder must not read, and what errors about its files must not show.

use std::os::unix::fs::symlink;

use super::*;

const SECRET: &str = "c2VjcmV0";

const APP: &str =
    "apps:\n- {name: a, hosts: [a.example.com], rules: [{name: a, paths: [/], public: true}]}\n";

/// The errors of both ways to read the folder. Each shows no secret.
#[track_caller]
fn errors_in(folder: &Folder) -> [String; 2] {
    let path = folder.path().join("policy");
    let found = Found::read(std::slice::from_ref(&path));
    let read = PolicyFiles::read(&path).and_then(PolicyFiles::parse);
    let read = read.map(|policy| policy.validate_to_first_error().map(|_| ()));
    let errors = [
        found.errors.iter().map(ToString::to_string).collect(),
        read.and_then(|validated| validated)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default(),
    ];
    for error in &errors {
        assert!(!error.contains(SECRET), "{error}");
    }
    errors
}

#[test]
fn links_out_of_a_policy_folder_are_errors_and_not_read() {
    let folder = Folder::new("manifests-outside");
    folder.file("secrets/token.yaml", &format!("token: {SECRET}\n"));
    folder.file("secrets/apps.yaml", APP);
    folder.file("policy/portcullis.yaml", "trust: []\n");
    folder.file("policy/apps/a.yaml", APP);
    assert_eq!(errors_in(&folder), ["", ""]);
    for (link, target) in [
        ("apps/b.yaml", "../../secrets/token.yaml"),
        ("apps/b.yaml", "../../secrets/apps.yaml"),
        ("apps/deep", "../../secrets"),
        ("apps/missing.yaml", "nothing"),
    ] {
        let link = folder.path().join("policy").join(link);
        symlink(target, &link).unwrap();
        for error in errors_in(&folder) {
            let problem = if target == "nothing" {
                "missing.yaml: can't be read"
            } else {
                "is a link out of the policy folder\nhelp: replace the link"
            };
            assert!(error.contains(problem), "{target}: {error}");
        }
        std::fs::remove_file(link).unwrap();
    }
    for name in ["portcullis.yaml", "apps"] {
        let path = folder.path().join("policy").join(name);
        let outside = folder.path().join("secrets").join(name);
        std::fs::rename(&path, &outside).unwrap();
        symlink(&outside, &path).unwrap();
        for error in errors_in(&folder) {
            assert!(
                error.contains("is a link out of the policy folder"),
                "{name}: {error}"
            );
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&outside, &path).unwrap();
    }
}

#[test]
fn links_within_a_policy_folder_and_to_it_are_read() {
    let folder = Folder::new("manifests-inside");
    folder.file("mount/..first/portcullis.yaml", "trust: []\n");
    folder.file("mount/..first/apps/a.yaml", APP);
    let mount = folder.path().join("mount");
    symlink("..first", mount.join("..data")).unwrap();
    for name in ["portcullis.yaml", "apps"] {
        symlink(format!("..data/{name}"), mount.join(name)).unwrap();
    }
    symlink("mount", folder.path().join("policy")).unwrap();
    assert_eq!(errors_in(&folder), ["", ""]);
}

#[test]
fn errors_do_not_show_lines_of_files_that_are_no_policy() {
    let folder = Folder::new("manifests-secrets");
    let files = [("portcullis.yaml", "trust: []\n"), ("apps/a.yaml", APP)];
    for (file, before) in files {
        for (name, _) in files {
            let before = files.iter().find(|(own, _)| *own == name).unwrap().1;
            folder.file(&format!("policy/{name}"), before);
        }
        for text in [
            format!("token: {SECRET}\n"),
            format!("{SECRET}\n"),
            format!("token: {SECRET}: b\n"),
            format!("{{token: {SECRET}, token: a}}\n"),
            format!("{{\"token\": \"{SECRET}\" ]"),
            format!("[{SECRET}]"),
        ] {
            folder.file(&format!("policy/{file}"), &text);
            for error in errors_in(&folder) {
                assert!(
                    error.starts_with("error: ") && error.contains(file),
                    "{text}: {error}"
                );
            }
        }
        // In a file of a policy, the line helps.
        folder.file(&format!("policy/{file}"), &format!("{before}a: b: c\n"));
        for error in errors_in(&folder) {
            assert!(error.contains("a: b: c"), "{error}");
        }
    }
}

#[test]
fn a_policy_folder_has_at_most_32_mib() {
    let folder = Folder::new("manifests-large");
    folder.file("policy/portcullis.yaml", "trust: []\n");
    let comment = format!("{APP}#{}\n", "a".repeat(16 * 1024 * 1024 - 200));
    folder.file("policy/apps/a.yaml", &comment);
    assert_eq!(errors_in(&folder), ["", ""]);
    folder.file("policy/apps/b.yaml", &comment);
    folder.file("policy/apps/c.yaml", &comment);
    for error in errors_in(&folder) {
        assert!(
            error.contains(
                "the files of the policy folder have more than 32 MiB\nhelp: remove files"
            ),
            "{error}"
        );
    }
}
