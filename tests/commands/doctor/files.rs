//! The files of a companion, and whether the policy and the configuration are compatible.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::fixture::Fixture;

#[tokio::test]
async fn each_fault_of_the_files_and_of_the_cookie_is_named_with_its_fix() {
    let mut fixture = Fixture::start().await;
    let session = fixture.configuration["session"].clone();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(fixture.folder.join(name), Permissions::from_mode(mode)).unwrap();
    };
    mode("session-keys", 0o644);
    let examined = fixture.doctor().await;
    examined.assert_warning(
        "session",
        "session-keys",
        "readable by every user",
        "chmod 600",
    );
    mode("session-keys", 0o666);
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "session-keys",
        "writable by every user",
        "chmod go-w",
    );
    mode("session-keys", 0o600);
    fixture.write("session-keys.state", "no list");
    mode("session-keys.state", 0o600);
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "store",
        "not a valid state file",
        "restore it from a backup",
    );
    fs::remove_file(fixture.folder.join("session-keys.state")).unwrap();

    fixture.configuration["session"]["keys_file"] = json!("missing");
    let examined = fixture.doctor().await;
    let help = "portcullis session-keys";
    examined.assert_error("session", "session-keys", "file not found", help);
    fixture.configuration["session"] = session.clone();

    fixture.configuration["session"]["store"] = json!("file:store/sessions");
    let examined = fixture.doctor().await;
    let (detail, _) = examined.of_check("ok", "session", "store");
    assert!(detail.contains("does not exist yet"), "{detail}");
    assert!(!fixture.folder.join("store").exists(), "nothing is created");
    fs::create_dir(fixture.folder.join("store")).unwrap();
    fixture.write("store/sessions", "no database, but a text");
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "store",
        "not a database",
        "restore it from a backup",
    );
    fixture.configuration["session"]["store"] = json!("file:/proc/portcullis/sessions");
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "store",
        "can't be written",
        "set `session.store`",
    );
    if fs::metadata("/dev/shm").is_ok() {
        fixture.configuration["session"]["store"] =
            json!("file:/dev/shm/portcullis-doctor/sessions");
        let examined = fixture.doctor().await;
        let help = "a persistent volume";
        examined.assert_warning("session", "store-persistence", "is in memory", help);
    }
    fixture.configuration["session"] = session.clone();

    fixture.policy["apps"][0]["hosts"] = json!(["alertmanager.example.net"]);
    let examined = fixture.doctor().await;
    let detail = "apps[0].hosts[0]: `alertmanager.example.net` allows users who sign in";
    examined.assert_error(
        "policy",
        "cookie-domain",
        detail,
        "move the app under this domain",
    );
    fixture.policy["apps"][0]["hosts"] = json!(["alertmanager.example.com"]);

    fixture.policy["sso"]["url"] = json!("https://login.example.com");
    let examined = fixture.doctor().await;
    let detail = "sso.url: differs from the configuration's URL";
    examined.assert_error("policy", "policy", detail, "write the same URL in both");
    fixture.policy["sso"]["url"] = fixture.configuration["url"].clone();

    // What does not depend on the policy is checked all the same.
    fixture.policy["apps"][0]["rules"][0]["gruop"] = json!("sre");
    let examined = fixture.doctor().await;
    examined.assert_error(
        "policy",
        "policy",
        "unknown field `gruop`",
        "expected one of",
    );
    examined.of_check("ok", "provider sso", "discovery");
}
