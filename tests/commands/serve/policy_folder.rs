//! A folder as the policy, all of whose files are reloaded.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::wait;

use crate::serve::fixture::{Companion, Files};

const POLICY: &str = "\
sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}
teams:
- {name: metrics, files: [apps/metrics/**], hosts: [\"*.metrics.example.com\"], from: [sso]}
- {name: shop, files: [apps/shop.yaml], hosts: [shop.example.com], from: [sso]}
";

/// A file with an app at this host.
fn app(name: &str, host: &str) -> String {
    format!(
        "apps:\n- name: {name}\n  hosts: [{host}]\n  rules: [{{name: users, allow: [{{from: sso, group: sre}}]}}]\n"
    )
}

/// A companion with the policy folder at this path.
async fn companion(files: Files, policy: &Path) -> Companion {
    let policy = format!("--policy={}", policy.display());
    let mut companion = files.start(&[&policy]);
    companion
        .process
        .ready_at(companion.files.address, "/ping")
        .await;
    companion
}

/// The digest that `check` prints, as the companion's metric has it.
fn digest(policy: &Path) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.arg("check").arg(policy).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let digest = text.lines().find_map(|line| line.strip_prefix("digest: "));
    let digest = digest.unwrap().trim_start_matches("sha256:");
    u64::from_str_radix(&digest[..12], 16).unwrap()
}

async fn current(companion: &Companion) -> u64 {
    let metrics = companion.metrics().await;
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix("portcullis_policy_digest "));
    value.unwrap().parse().unwrap()
}

async fn wait_for(companion: &Companion, policy: &Path) {
    let expected = digest(policy);
    let is_loaded = async || current(companion).await == expected;
    wait::until_true("the policy", wait::LONG, is_loaded).await;
}

#[tokio::test]
async fn new_changed_renamed_and_deleted_files_are_loaded() {
    let files = Files::new();
    let policy = files.folder.join("policy");
    let write = |name: &str, text: &str| {
        let path = policy.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("portcullis.yaml", POLICY);
    write("apps/shop.yaml", &app("shop", "shop.example.com"));
    let companion = companion(files, &policy).await;
    let first = digest(&policy);
    assert_eq!(current(&companion).await, first);

    write("apps/metrics/a.yaml", &app("a", "a.metrics.example.com"));
    wait_for(&companion, &policy).await;
    write("apps/metrics/a.yaml", &app("a", "b.metrics.example.com"));
    wait_for(&companion, &policy).await;
    // The order of the apps is that of the files.
    fs::rename(
        policy.join("apps/metrics/a.yaml"),
        policy.join("apps/metrics/z.yaml"),
    )
    .unwrap();
    write(
        "apps/metrics/deep/a.yaml",
        &app("c", "c.metrics.example.com"),
    );
    wait_for(&companion, &policy).await;
    fs::remove_dir_all(policy.join("apps/metrics")).unwrap();
    wait_for(&companion, &policy).await;
    assert_eq!(current(&companion).await, first);
    assert!(!companion.process.log().contains("reload failed"));
}

#[tokio::test]
async fn a_violation_of_a_team_is_reported_with_its_line_and_the_old_policy_stays() {
    let files = Files::new();
    let policy = files.folder.join("policy");
    fs::create_dir_all(policy.join("apps")).unwrap();
    let write = |name: &str, text: &str| fs::write(policy.join(name), text).unwrap();
    write("portcullis.yaml", POLICY);
    write("apps/shop.yaml", &app("shop", "shop.example.com"));
    let companion = companion(files, &policy).await;
    let first = current(&companion).await;

    write("apps/shop.yaml", &app("shop", "a.metrics.example.com"));
    companion.wait_for_log("reload failed").await;
    companion
        .wait_for_log("apps/shop.yaml:3:11: apps[0].hosts[0]: `a.metrics.example.com` is not a host of the team `shop`")
        .await;
    assert_eq!(current(&companion).await, first);
    write("apps/shop.yaml", &app("shop", "shop.example.com"));
    // A file of nobody, and a policy whose first file is gone.
    write("apps/other.yaml", "apps: []");
    companion
        .wait_for_log("`apps/other.yaml` belongs to no team")
        .await;
    fs::remove_file(policy.join("apps/other.yaml")).unwrap();
    fs::remove_file(policy.join("portcullis.yaml")).unwrap();
    companion.wait_for_log("has no `portcullis.yaml`").await;
    assert_eq!(current(&companion).await, first);
    write("portcullis.yaml", POLICY);
    write("apps/shop.yaml", &app("store", "shop.example.com"));
    wait_for(&companion, &policy).await;
    assert_ne!(current(&companion).await, first);
}

#[tokio::test]
async fn a_config_map_with_several_files_is_swapped_as_a_whole() {
    let files = Files::new();
    let policy = files.folder.join("volume");
    // As the kubelet writes it: the visible names are links into `..data`, which is swapped.
    let version = |name: &str, host: &str| {
        let folder = policy.join(name).join("apps");
        fs::create_dir_all(&folder).unwrap();
        fs::write(policy.join(name).join("portcullis.yaml"), POLICY).unwrap();
        fs::write(folder.join("shop.yaml"), app("shop", host)).unwrap();
        symlink(name, policy.join("..data_tmp")).unwrap();
        fs::rename(policy.join("..data_tmp"), policy.join("..data")).unwrap();
    };
    version("..first", "shop.example.com");
    for name in ["portcullis.yaml", "apps"] {
        symlink(PathBuf::from("..data").join(name), policy.join(name)).unwrap();
    }
    let companion = companion(files, &policy).await;
    version("..second", "SHOP.example.com");
    fs::remove_dir_all(policy.join("..first")).unwrap();
    wait_for(&companion, &policy).await;
    assert!(!companion.process.log().contains("reload failed"));
}

#[test]
fn a_folder_that_is_no_policy_is_refused() {
    let files = Files::new();
    for (folder, problem) in [
        (
            files.folder.clone(),
            "has no `portcullis.yaml` and folder `apps`",
        ),
        (files.folder.join("missing"), "can't be read"),
    ] {
        let (code, stderr) = files.refused(&[&format!("--policy={}", folder.display())]);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(
            stderr.contains(problem) && stderr.contains("help: "),
            "{stderr}"
        );
    }
    let apps = files.folder.join("apps");
    fs::create_dir(&apps).unwrap();
    fs::write(apps.join("a.yaml"), "trust: []\n").unwrap();
    let (code, stderr) = files.refused(&[&format!("--policy={}", files.folder.display())]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("apps: apps are in files of their own here"),
        "{stderr}"
    );
}
