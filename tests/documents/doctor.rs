//! The reference of `portcullis doctor`, compared with the program.

use std::collections::BTreeSet;
use std::fs;

use portcullis_tests::lab::folder::workspace;

use crate::document::{COMPANION, Document, table};

#[test]
fn the_reference_lists_the_checks() {
    let source = workspace().join("src/companion/doctor/check.rs");
    let source = fs::read_to_string(source).expect("a source file");
    let start = "// === impl CheckId ===";
    let names = source.split_once(start).expect("the names").1;
    let names = names.split("// ===").next().unwrap_or_default();
    let known = names.split('"').skip(1).step_by(2).map(str::to_owned);
    let known: BTreeSet<String> = known.collect();
    assert!(known.len() >= 20, "{known:?}");
    let reference = Document::read(COMPANION);
    let rows = table(reference.section("Doctor"), "doctor check");
    let listed: BTreeSet<String> = rows.iter().map(|row| row[0].replace('`', "")).collect();
    assert_eq!(listed, known);
    assert_eq!(listed.len(), rows.len(), "each once");
}
