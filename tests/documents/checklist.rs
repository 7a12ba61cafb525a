//! The numbers in test names are those of the checklist.

use std::collections::BTreeSet;

use crate::document::{Document, first_column};
use crate::sources;

/// The letters that the numbers of the checklist begin with.
const FAMILIES: &str = "bcdhjklmrt";

/// A header parameter (RFC 7797), not a number of the checklist.
const PARAMETER: &str = "b64";

/// The numbers that a test's name begins with, as the checklist writes them: `j16_j17_time_…` has
/// two. A single digit gets a leading zero.
fn numbers(name: &str) -> Vec<String> {
    let words = name.split('_').take_while(|word| *word != PARAMETER);
    words.map_while(number).collect()
}

fn number(word: &str) -> Option<String> {
    let family = word
        .chars()
        .next()
        .filter(|letter| FAMILIES.contains(*letter))?;
    let digits = &word[1..];
    let is_number =
        matches!(digits.len(), 1 | 2) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{}{digits:0>2}", family.to_ascii_uppercase()))
}

/// The advisory that a test's name begins with: `cve_2021_32777_…`, `ghsa_7x63_…`.
fn advisory(name: &str) -> Option<String> {
    let mut words = name.split('_');
    let family = words.next()?;
    let length = match family {
        "cve" => 2,
        "ghsa" => 1,
        _ => return None,
    };
    let words: Vec<&str> = words.take(length).collect();
    let rest = words.join("-");
    Some(if family == "cve" {
        format!("CVE-{rest}")
    } else {
        format!("GHSA-{rest}")
    })
}

/// Every number and advisory in the names of tests.
fn used() -> BTreeSet<String> {
    let text = sources::text(&["src", "tests"]);
    sources::functions(&text)
        .flat_map(|name| numbers(name).into_iter().chain(advisory(name)))
        .collect()
}

/// Every number and advisory that the checklist explains.
fn explained() -> Vec<String> {
    let checklist = Document::read("tests/CHECKLIST.md");
    let sections = checklist.sections();
    let with = |title: &'static str| {
        let head = format!("| {title} |");
        let sections = sections
            .iter()
            .filter(move |(_, text)| text.contains(&head));
        sections.flat_map(move |(_, text)| first_column(text, title))
    };
    with("number").chain(with("advisory")).collect()
}

#[test]
fn every_number_in_the_name_of_a_test_is_in_the_checklist() {
    let explained = explained();
    let known: BTreeSet<&str> = explained.iter().map(String::as_str).collect();
    assert_eq!(
        known.len(),
        explained.len(),
        "duplicate number: {explained:?}"
    );
    let used = used();
    assert!(used.len() >= 100, "only {} found: {used:?}", used.len());
    let unknown: Vec<&String> = used
        .iter()
        .filter(|number| !known.contains(number.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "explain them in tests/CHECKLIST.md: {unknown:?}"
    );
}

#[test]
fn the_checklist_says_which_numbers_no_test_has() {
    let checklist = Document::read("tests/CHECKLIST.md");
    let section = checklist.section("Numbers without a test");
    let documented: BTreeSet<String> = first_column(section, "without a test")
        .into_iter()
        .collect();
    let used = used();
    let missing = explained()
        .into_iter()
        .filter(|number| !used.contains(number));
    assert_eq!(documented, missing.collect());
}

#[test]
fn numbers_and_advisories_are_parsed_from_names() {
    assert_eq!(numbers("j16_j17_time_is_strict"), ["J16", "J17"]);
    assert_eq!(numbers("t2_a_public_key"), ["T02"]);
    assert_eq!(numbers("j06_b64_is_refused"), ["J06"]);
    assert_eq!(numbers("p256_signatures"), [""; 0]);
    assert_eq!(numbers("a_token"), [""; 0]);
    assert_eq!(
        advisory("cve_2021_32777_no_header"),
        Some("CVE-2021-32777".to_owned())
    );
    assert_eq!(
        advisory("ghsa_7x63_what_a_client_adds"),
        Some("GHSA-7x63".to_owned())
    );
}
