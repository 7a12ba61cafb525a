use std::fs;
use std::os::unix::fs::symlink;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::folder;

use super::*;
use crate::attach::{AttachMetrics, ForwardLabels};

/// A token file, and the clock.
struct Fixture {
    path: PathBuf,
    file: TokenFile,
    metrics: AttachMetrics,
    at: Instant,
}

/// The wall clock in these tests, in seconds.
const NOW: u64 = 1_800_000_000;

impl Fixture {
    fn with(content: Option<&str>) -> Self {
        let path = folder::fresh("token").join("token");
        if let Some(content) = content {
            fs::write(&path, content).expect("a file");
        }
        Self::at(path)
    }

    fn at(path: PathBuf) -> Self {
        let metrics = AttachMetrics::new();
        let file = TokenFile::open(
            &path,
            metrics.of_token(vec![ForwardLabels::new(&"127.0.0.1:9093", &"https://a")]),
        );
        Self {
            path,
            file,
            metrics,
            at: Instant::now(),
        }
    }

    fn write(&self, content: &str) {
        fs::write(&self.path, content).expect("a file");
    }

    /// Reads the file after this many seconds.
    fn read_after(&mut self, secs: u64) -> String {
        self.at += Duration::from_secs(secs);
        let now = Timestamp::from_secs(NOW);
        self.file.observe(self.file.read(), self.at, now);
        self.sent_at(NOW)
    }

    /// What is sent at a time.
    fn sent_at(&self, secs: u64) -> String {
        match self.file.authorization(Timestamp::from_secs(secs)) {
            Ok((value, _)) => value.to_str().expect("text").to_owned(),
            Err(why) => why.reason().to_owned(),
        }
    }

    fn failures(&self, count: u64) -> bool {
        let line = format!(
            "portcullis_attach_token_read_failures_total{{target=\"https://a\",listen=\"127.0.0.1:9093\"}} {count}\n"
        );
        self.metrics.text().expect("text").contains(&line)
    }
}

fn expiring(secs: u64) -> String {
    let claims = URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{secs}}}"));
    format!("e30.{claims}.c2ln")
}

#[test]
fn a_token_that_is_there_at_the_start_is_sent_at_once() {
    let fixture = Fixture::with(Some("one\n"));
    assert_eq!(fixture.sent_at(NOW), "Bearer one");
    assert!(fixture.failures(0));
}

#[test]
fn new_content_is_sent_after_two_equal_reads() {
    let mut fixture = Fixture::with(Some("one"));
    for half in ["tw", "two", "two"] {
        assert_eq!(fixture.sent_at(NOW), "Bearer one");
        fixture.write(half);
        fixture.read_after(0);
    }
    assert_eq!(fixture.sent_at(NOW), "Bearer two");
}

#[test]
fn the_last_token_is_kept_while_the_file_is_replaced() {
    let mut fixture = Fixture::with(Some("one"));
    fs::remove_file(&fixture.path).expect("a file");
    for secs in [0, 5, 4] {
        assert_eq!(fixture.read_after(secs), "Bearer one");
    }
    fixture.write("two");
    fixture.read_after(0);
    assert_eq!(fixture.read_after(0), "Bearer two");
    assert!(fixture.failures(1), "each reason is counted once");
    // The time begins again.
    fixture.write("");
    fixture.read_after(0);
    fixture.read_after(0);
    assert_eq!(fixture.read_after(9), "Bearer two");
}

#[test]
fn a_file_without_a_token_for_long_withdraws_it() {
    for (content, reason) in [
        (None, "token-unreadable"),
        (Some("\n"), "token-empty"),
        (Some("a b"), "token-malformed"),
        (Some("\u{1}"), "token-malformed"),
        (Some(&*"a".repeat(20_000)), "token-too-large"),
    ] {
        let mut fixture = Fixture::with(Some("one"));
        match content {
            Some(content) => fixture.write(content),
            None => fs::remove_file(&fixture.path).expect("a file"),
        }
        fixture.read_after(0);
        fixture.read_after(0);
        assert_eq!(fixture.read_after(9), "Bearer one", "{reason}");
        assert_eq!(fixture.read_after(1), reason);
        // The same token again.
        fixture.write("one");
        fixture.read_after(0);
        assert_eq!(fixture.read_after(0), "Bearer one", "{reason}");
    }
}

#[test]
fn a_file_that_is_missing_at_the_start_may_come_later() {
    let mut fixture = Fixture::with(None);
    assert_eq!(fixture.sent_at(NOW), "token-unreadable");
    fixture.write("one");
    assert_eq!(fixture.read_after(0), "token-unreadable");
    assert_eq!(fixture.read_after(0), "Bearer one");
}

#[test]
fn an_expired_token_is_not_sent() {
    let fixture = Fixture::with(Some(&expiring(NOW + 10)));
    assert!(fixture.sent_at(NOW + 9).starts_with("Bearer e30."));
    assert_eq!(fixture.sent_at(NOW + 10), "token-expired");
    let why = fixture.file.authorization(Timestamp::from_secs(NOW + 10));
    let message = why.expect_err("an expired token").to_string();
    assert!(
        message.starts_with("the token expired at Fri, 15 Jan 2027 08:00:10 GMT; it is "),
        "{message}"
    );
    let gauge = format!(
        "portcullis_attach_token_expiry_timestamp_seconds{{target=\"https://a\",listen=\"127.0.0.1:9093\"}} {}.0\n",
        NOW + 10
    );
    assert!(fixture.metrics.text().expect("text").contains(&gauge));
}

/// As the kubelet does: a new folder, and a symbolic link to it that is renamed over `..data`.
#[test]
fn a_kubernetes_volume_is_followed() {
    let folder = folder::fresh("token-volume");
    let publish = |version: &str, token: &str| {
        fs::create_dir(folder.join(version)).expect("a folder");
        fs::write(folder.join(version).join("token"), token).expect("a file");
        symlink(version, folder.join("..data_tmp")).expect("a link");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a rename");
    };
    publish("..1", "one");
    symlink("..data/token", folder.join("token")).expect("a link");
    let mut fixture = Fixture::at(folder.join("token"));
    assert_eq!(fixture.sent_at(NOW), "Bearer one");
    publish("..2", "two");
    fs::remove_dir_all(folder.join("..1")).expect("a folder");
    assert_eq!(fixture.read_after(0), "Bearer one");
    assert_eq!(fixture.read_after(0), "Bearer two");
}

#[test]
fn what_is_not_a_file_is_not_read() {
    let fixture = Fixture::at(folder::fresh("token-folder"));
    assert_eq!(fixture.sent_at(NOW), "token-unreadable");
}
