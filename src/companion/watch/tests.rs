use std::fs;
use std::os::unix::fs::symlink;

use portcullis_tests::lab::folder;

use super::*;

/// Two files, and what is in force of them.
struct Scene {
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

impl Scene {
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

    fn look(&mut self) -> String {
        self.watcher.look(&self.metrics);
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
fn a_change_counts_at_the_second_look() {
    let mut scene = Scene::new();
    assert_eq!(scene.look(), "a+b");
    scene.write("one", "c");
    assert_eq!(scene.look(), "a+b");
    assert_eq!(scene.look(), "c+b");
    assert_eq!(scene.look(), "c+b");
    assert!(scene.counted("taken") && !scene.counted("kept-old"));
}

#[test]
fn what_is_half_written_is_never_judged() {
    let mut scene = Scene::new();
    for half in ["c d", "c de", "c"] {
        scene.write("one", half);
        assert_eq!(scene.look(), "a+b");
    }
    assert_eq!(scene.look(), "c+b");
    assert!(!scene.counted("kept-old"));
}

#[test]
fn a_bad_edit_keeps_what_worked_and_is_counted_once() {
    let mut scene = Scene::new();
    scene.write("two", "x y");
    for _ in 0..4 {
        assert_eq!(scene.look(), "a+b");
    }
    assert!(scene.counted("kept-old"));
    let stale = |scene: &Scene, number: u8| {
        let line = format!("file_stale{{file=\"words\"}} {number}\n");
        scene.metrics.text().expect("text").contains(&line)
    };
    assert!(stale(&scene, 1));
    scene.write("two", "y");
    scene.look();
    assert_eq!(scene.look(), "a+y");
    assert!(stale(&scene, 0));
}

#[test]
fn a_file_that_is_gone_keeps_what_worked_until_it_is_back() {
    let mut scene = Scene::new();
    fs::remove_file(scene.folder.join("one")).expect("a file");
    for _ in 0..3 {
        assert_eq!(scene.look(), "a+b");
    }
    assert!(scene.counted("kept-old"));
    scene.write("one", "z");
    scene.look();
    assert_eq!(scene.look(), "z+b");
}

#[test]
fn a_volume_of_kubernetes_is_swapped_whole() {
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
    watcher.look(&metrics);
    watcher.look(&metrics);
    assert_eq!(*watched.load(), "b");
}

#[test]
fn at_the_start_everything_must_be_good() {
    let folder = folder::fresh("watch-start");
    fs::write(folder.join("bad"), "a b").expect("a file");
    fs::write(folder.join("big"), vec![b'a'; (1 << 20) + 1]).expect("a file");
    for (name, problem) in [
        ("bad", "there is a space"),
        ("missing", "cannot be read: "),
        (".", "cannot be read: "),
        ("big", "longer than a mebibyte"),
    ] {
        let told = Watcher::default().watch("words", vec![folder.join(name)], words);
        let told = told.expect_err(name).to_string();
        assert!(
            told.contains(problem) && told.contains("\nhelp: "),
            "{told}"
        );
    }
}
