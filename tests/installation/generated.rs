//! Files that follow from others. `make manifests` writes them, and the tests compare them.

use std::env;
use std::fs;
use std::path::Path;

/// Compares a file with what it should contain or, for `make manifests`, writes it.
pub(crate) fn hold(file: &Path, expected: &str) {
    if env::var_os("PORTCULLIS_WRITE_GENERATED").is_some() {
        fs::write(file, expected).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    let text = fs::read_to_string(file).unwrap_or_default();
    let different = text
        .lines()
        .zip(expected.lines())
        .position(|(is, should)| is != should);
    assert!(
        text == expected,
        "{}, line {}: not what it is generated from: run `make manifests`",
        file.display(),
        different.unwrap_or_else(|| text.lines().count().min(expected.lines().count())) + 1
    );
}
