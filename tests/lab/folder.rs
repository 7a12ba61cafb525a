//! Folders for the lab's files.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a member")
        .to_path_buf()
}

/// A new empty folder: `target/lab/<program>/<name>-<n>`. It is kept for inspection after a failure
/// and removed by the next run of the same program.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn fresh(name: &str) -> PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let program = env::current_exe().expect("a program has a path");
    let program = program
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // Cargo appends a hash to a test program's name, which changes with every edit.
    let program = program
        .rsplit_once('-')
        .map_or(program.as_str(), |(name, _)| name);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = workspace()
        .join("target/lab")
        .join(program)
        .join(format!("{name}-{number}"));
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}
