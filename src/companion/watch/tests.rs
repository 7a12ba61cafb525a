use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use portcullis_tests::lab::folder;

use super::*;
use crate::metrics::Metrics;

/// Two watched files.
struct Fixture {
    folder: PathBuf,
    watcher: Watcher,
    metrics: Metrics,
    watched: Watched<String>,
}

/// Takes text without spaces.
fn words(contents: Vec<Vec<u8>>) -> Result<String, Report> {
    let text = contents.join(&b'+');
    if text.contains(&b' ') {
        return Err(Report::of("words", "there is a space", "leave it out"));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl Fixture {
    fn new() -> Self {
        let folder = folder::fresh("watch");
        fs::write(folder.join("one"), "a").expect("a file");
        fs::write(folder.join("two"), "b").expect("a file");
        let mut watcher = Watcher::default();
        let paths = vec![folder.join("one"), folder.join("two")];
        let watched = watcher.watch("words", paths, words).expect("good words");
        Self {
            folder,
            watcher,
            metrics: Metrics::new(),
            watched,
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("a file");
    }

    fn poll(&mut self) -> String {
        self.watcher.poll(&self.metrics.reloads);
        self.watched.load().to_string()
    }

    fn counted(&self, outcome: &str) -> bool {
        let text = self.metrics.text().expect("text");
        text.contains(&format!(
            "reloads_total{{file=\"words\",outcome=\"{outcome}\"}} 1\n"
        ))
    }
}

#[test]
fn a_change_is_loaded_at_the_second_read() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.poll(), "a+b");
    fixture.write("one", "c");
    assert_eq!(fixture.poll(), "a+b");
    assert_eq!(fixture.poll(), "c+b");
    assert_eq!(fixture.poll(), "c+b");
    assert!(fixture.counted("reloaded") && !fixture.counted("failed"));
}

#[test]
fn a_half_written_file_is_never_loaded() {
    let mut fixture = Fixture::new();
    for half in ["c d", "c de", "c"] {
        fixture.write("one", half);
        assert_eq!(fixture.poll(), "a+b");
    }
    assert_eq!(fixture.poll(), "c+b");
    assert!(!fixture.counted("failed"));
}

#[test]
fn a_failed_reload_keeps_the_previous_version_and_is_counted_once() {
    let mut fixture = Fixture::new();
    fixture.write("two", "x y");
    for _ in 0..4 {
        assert_eq!(fixture.poll(), "a+b");
    }
    assert!(fixture.counted("failed"));
    let stale = |fixture: &Fixture, number: u8| {
        let line = format!("file_stale{{file=\"words\"}} {number}\n");
        fixture.metrics.text().expect("text").contains(&line)
    };
    assert!(stale(&fixture, 1));
    fixture.write("two", "y");
    fixture.poll();
    assert_eq!(fixture.poll(), "a+y");
    assert!(stale(&fixture, 0));
}

#[test]
fn after_a_failed_reload_corrected_permissions_are_noticed() {
    let folder = folder::fresh("watch-permissions");
    let file = folder.join("keys");
    let set_mode = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(&file, permissions).expect("a mode");
    };
    fs::write(&file, "a").expect("a file");
    set_mode(0o600);
    let (mut watcher, metrics) = (Watcher::default(), Metrics::new());
    let path = file.clone();
    let watched = watcher.watch("words", vec![file.clone()], move |contents| {
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        if mode & 0o022 != 0 {
            return Err(Report::of("keys", "others may write to it", "`chmod go-w`"));
        }
        words(contents)
    });
    let watched = watched.expect("good words");
    let counted = |outcome: &str, number: u8| {
        let line = format!("reloads_total{{file=\"words\",outcome=\"{outcome}\"}} {number}\n");
        metrics.text().expect("text").contains(&line)
    };
    fs::write(&file, "b").expect("a file");
    set_mode(0o664);
    for _ in 0..4 {
        watcher.poll(&metrics.reloads);
        assert_eq!(*watched.load(), "a");
    }
    assert!(counted("failed", 1));
    set_mode(0o600);
    for _ in 0..3 {
        watcher.poll(&metrics.reloads);
        assert_eq!(*watched.load(), "b");
    }
    assert!(counted("failed", 1) && counted("reloaded", 1));
}

#[test]
fn each_failed_content_is_reported_once_and_the_previous_content_clears_the_failure() {
    let mut fixture = Fixture::new();
    for (text, failures) in [("x y", 1), ("x z", 2)] {
        fixture.write("two", text);
        for _ in 0..4 {
            assert_eq!(fixture.poll(), "a+b");
        }
        let line = format!("reloads_total{{file=\"words\",outcome=\"failed\"}} {failures}\n");
        assert!(fixture.metrics.text().expect("text").contains(&line));
    }
    fixture.write("two", "b");
    for _ in 0..4 {
        assert_eq!(fixture.poll(), "a+b");
    }
    assert!(fixture.counted("reloaded"));
    let text = fixture.metrics.text().expect("text");
    assert!(text.contains("file_stale{file=\"words\"} 0\n"));
}

#[test]
fn a_missing_file_keeps_the_previous_version() {
    let mut fixture = Fixture::new();
    fs::remove_file(fixture.folder.join("one")).expect("a file");
    for _ in 0..3 {
        assert_eq!(fixture.poll(), "a+b");
    }
    assert!(fixture.counted("failed"));
    fixture.write("one", "z");
    fixture.poll();
    assert_eq!(fixture.poll(), "z+b");
}

#[test]
fn a_kubernetes_volume_is_swapped_atomically() {
    let folder = folder::fresh("watch-volume");
    let write = |version: &str, text: &str| {
        fs::create_dir(folder.join(version)).expect("a folder");
        fs::write(folder.join(version).join("policy"), text).expect("a file");
    };
    let point = |version: &str| {
        symlink(version, folder.join("..data_tmp")).expect("a link");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a swap");
    };
    write("..first", "a");
    point("..first");
    symlink("..data/policy", folder.join("policy")).expect("a link");
    let (mut watcher, metrics) = (Watcher::default(), Metrics::new());
    let watched = watcher.watch("words", vec![folder.join("policy")], words);
    let watched = watched.expect("good words");
    write("..second", "b");
    point("..second");
    fs::remove_dir_all(folder.join("..first")).expect("a folder");
    watcher.poll(&metrics.reloads);
    watcher.poll(&metrics.reloads);
    assert_eq!(*watched.load(), "b");
}

#[test]
fn at_the_start_every_file_must_be_valid() {
    let folder = folder::fresh("watch-start");
    fs::write(folder.join("bad"), "a b").expect("a file");
    fs::write(folder.join("big"), vec![b'a'; (16 << 20) + 1]).expect("a file");
    for (name, problem) in [
        ("bad", "there is a space"),
        ("missing", "can't be read: "),
        (".", "can't be read: "),
        ("big", "larger than 16 MiB"),
    ] {
        let error = Watcher::default().watch("words", vec![folder.join(name)], words);
        let error = error.expect_err(name).to_string();
        assert!(
            error.contains(problem) && error.contains("\nhelp: "),
            "{error}"
        );
    }
}
