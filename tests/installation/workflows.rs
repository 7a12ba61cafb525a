//! The workflows.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::tools;

#[test]
fn actionlint_accepts_the_workflows() {
    let output = Command::new(tools::actionlint())
        .arg("-no-color")
        .current_dir(workspace())
        .output()
        .expect("actionlint");
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}");
}

#[test]
fn workflows_use_actions_by_commit_and_the_release_no_more_permissions_than_it_needs() {
    let folder = workspace().join(".github/workflows");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a workflow");
    let (ci, release) = (read("ci.yml"), read("release.yml"));
    let lines = ci.lines().chain(release.lines());
    let mut count = 0;
    for (_, action) in lines.filter_map(|line| line.split_once("uses: ")) {
        let (_, reference) = action.split_once('@').expect("a version");
        let (commit, version) = reference.split_once(" # v").unwrap_or((reference, ""));
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_commit && !version.is_empty(), "{action}");
        count += 1;
    }
    assert!(count >= 10, "only {count} found");
    assert!(ci.contains("\npermissions:\n  contents: read\n"));
    assert!(!ci.contains(": write"));
    assert!(release.contains("\npermissions: {}\n"));
    let writes = release
        .lines()
        .filter_map(|line| line.split_once(": write"));
    let writes: Vec<_> = writes.map(|(permission, _)| permission.trim()).collect();
    assert_eq!(writes, ["contents", "id-token", "packages"]);
}
