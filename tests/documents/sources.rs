//! The project's source files.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::folder::workspace;

/// All Rust files below these folders of the workspace. A folder that does not exist has none.
pub(crate) fn files(folders: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders.iter().map(|folder| workspace().join(folder)) {
        if folder.is_dir() {
            list(&folder, &mut files);
        }
    }
    files
}

/// The text of all Rust files below these folders.
pub(crate) fn text(folders: &[&str]) -> String {
    let read = |file: &PathBuf| fs::read_to_string(file).expect("a source file");
    files(folders).iter().map(read).collect()
}

/// The name of every function that is not public.
pub(crate) fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let name = line
            .strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ")?;
        name.split(['(', '<']).next()
    })
}

fn list(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file in it").path();
        if path.is_dir() {
            list(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}
