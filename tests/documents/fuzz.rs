//! Each fuzz target is listed in its manifest and in the reference, and has seeds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::folder::workspace;

use crate::document::{Document, first_column};

/// The maximum size of all seeds, in bytes.
const MAX_SEEDS: u64 = 300_000;

fn folder(name: &str) -> PathBuf {
    workspace().join("tests/fuzz").join(name)
}

/// The names in a folder, without their endings.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let stem = |path: PathBuf| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    entries
        .filter_map(|entry| stem(entry.expect("an entry").path()))
        .collect()
}

fn targets() -> BTreeSet<String> {
    names(&folder("fuzz_targets"))
}

/// The names and versions in a Cargo.lock.
fn packages(lock: &str) -> BTreeSet<(String, String)> {
    let value = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let lines: Vec<&str> = lock.lines().collect();
    let pairs = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("name = "));
    pairs.map(|pair| (value(pair[0]), value(pair[1]))).collect()
}

#[test]
fn each_fuzz_target_is_listed_and_has_seeds() {
    let targets = targets();
    assert!(targets.len() >= 12, "{targets:?}");
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("the manifest");
    for target in &targets {
        let listed = format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"\n");
        assert!(
            manifest.contains(&listed),
            "{target} is not listed in Cargo.toml"
        );
        let seeds = fs::read_dir(folder("corpus").join(target));
        let count = seeds.map_or(0, Iterator::count);
        assert!(count >= 3, "{target} has {count} seeds");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
}

#[test]
fn the_reference_lists_every_fuzz_target() {
    let reference = Document::read("tests/README.md");
    let listed = first_column(reference.section("Fuzzing"), "target");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), targets());
}

#[test]
fn all_seeds_and_dictionaries_belong_to_a_fuzz_target() {
    let targets = targets();
    for kind in ["corpus", "dictionaries"] {
        let others: Vec<String> = names(&folder(kind)).difference(&targets).cloned().collect();
        assert!(others.is_empty(), "{kind} for no target: {others:?}");
    }
}

#[test]
fn seeds_are_small() {
    let mut bytes = 0;
    for target in targets() {
        for seed in fs::read_dir(folder("corpus").join(target)).expect("seeds") {
            bytes += seed.and_then(|seed| seed.metadata()).expect("a file").len();
        }
    }
    assert!(bytes <= MAX_SEEDS, "{bytes} bytes");
}

/// Otherwise another version would be fuzzed than is shipped.
#[test]
fn fuzz_targets_use_the_same_versions_as_the_programs() {
    let read = |path: &str| packages(&fs::read_to_string(workspace().join(path)).expect(path));
    let (shipped, fuzzed) = (read("Cargo.lock"), read("tests/fuzz/Cargo.lock"));
    let named = |name: &str| shipped.iter().any(|(known, _)| known == name);
    let others: Vec<&(String, String)> = fuzzed
        .difference(&shipped)
        .filter(|(name, _)| named(name))
        .collect();
    assert!(
        others.is_empty(),
        "other versions than in Cargo.lock: {others:?}; copy Cargo.lock to tests/fuzz and run `cargo metadata` there"
    );
}
