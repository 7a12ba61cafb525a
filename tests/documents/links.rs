//! The list of documents in the README, and the paths and links in all documents.

use std::fs;

use portcullis_core::decision::Reason;
use portcullis_tests::lab::folder::workspace;

use crate::document::{Document, POLICY, README};

/// The maximum size of README.md, in bytes.
const MAX_README: usize = 10_240;

/// Names with these endings are files, also without a folder.
const ENDINGS: [&str; 5] = [".json", ".md", ".rs", ".sh", ".toml"];

#[test]
fn the_readme_has_ten_kilobytes_at_most() {
    let bytes = Document::read(README).text().len();
    assert!(
        bytes <= MAX_README,
        "README.md has {bytes} bytes: move details to its documents"
    );
}

#[test]
fn the_readme_links_every_document() {
    let readme = Document::read(README);
    let section = readme.section("Documents");
    let all = Document::all();
    for document in all.iter().filter(|document| document.name != README) {
        let link = format!("]({})", document.name);
        assert!(section.contains(&link), "not linked: {}", document.name);
    }
    assert!(all.len() >= 10, "only {} documents found", all.len());
}

#[test]
fn every_relative_link_has_a_target() {
    let mut count = 0;
    for document in Document::all() {
        for link in document.links() {
            if link.starts_with("https://") {
                continue;
            }
            let name = &document.name;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                workspace().join(name)
            } else {
                document.folder().join(path)
            };
            assert!(target.exists(), "{name} links to {link}: no such file");
            if !anchor.is_empty() {
                let target = target.canonicalize().expect("a path");
                let root = workspace().canonicalize().expect("a path");
                let target = target.strip_prefix(root).expect("a path of the project");
                let target = Document::read(target.to_str().expect("a name of text"));
                let anchors: Vec<String> = target
                    .sections()
                    .into_iter()
                    .map(|(heading, _)| slug(heading))
                    .chain(target.anchors().map(str::to_owned))
                    .collect();
                let exists = anchors.iter().any(|known| known == anchor);
                assert!(
                    exists,
                    "{name} links to {link}: no such anchor among {anchors:?}"
                );
            }
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} links found");
}

/// Reasons whose names are words of other things too, such as fields and parts of URLs.
const AMBIGUOUS: [&str; 5] = ["companion", "preflight", "public", "rule", "ungated"];

#[test]
fn a_document_that_names_a_reason_links_to_what_it_means() {
    let reference = Document::read(POLICY);
    let anchors: Vec<&str> = reference.anchors().collect();
    for reason in Reason::ALL {
        let anchor = format!("reason-{reason}");
        assert!(anchors.contains(&&*anchor), "no anchor {anchor}");
    }
    let mut count = 0;
    for document in Document::all() {
        let name = &document.name;
        let is_linked = |reason: &str| {
            let mut definitions = document.definitions();
            let anchor = format!("#reason-{reason}");
            definitions.any(|(name, link)| name == reason && link.ends_with(&anchor))
        };
        for reason in Reason::ALL.map(Reason::code) {
            if !AMBIGUOUS.contains(&reason) && document.mentions(reason) {
                assert!(is_linked(reason), "{name}: [`{reason}`] is not defined");
                count += 1;
            }
        }
        for (defined, _) in document.definitions() {
            let uses = document.text().matches(&format!("[`{defined}`]")).count();
            assert!(uses > 1, "{name}: [`{defined}`] is not used");
        }
    }
    assert!(count >= 20, "only {count} found");
}

/// The anchor that GitHub generates for a heading.
fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    let kept: String = kept.collect();
    kept.to_lowercase().replace(' ', "-")
}

#[test]
fn every_path_that_a_document_names_exists() {
    let entries = fs::read_dir(workspace()).expect("the project's folder");
    let tops: Vec<String> = entries
        .map(|entry| {
            let name = entry.expect("a file in it").file_name();
            name.to_string_lossy().into_owned()
        })
        .filter(|name| name != "target" && name != ".tools")
        .collect();
    let is_top = |name: &str| tops.iter().any(|top| top == name);
    let is_plain = |byte: char| byte.is_ascii_alphanumeric() || "._-/".contains(byte);
    let mut missing = Vec::new();
    for document in Document::all() {
        let quoted = document.names().into_iter().filter(|name| {
            name.chars().all(is_plain)
                && (is_top(name.split('/').next().unwrap_or_default())
                    || ENDINGS.iter().any(|ending| name.ends_with(ending)))
        });
        // Everywhere, also in diagrams: what begins with a folder of the project and a slash.
        let words = document.text().split(|letter| !is_plain(letter));
        let words = words.filter(|word| word.split_once('/').is_some_and(|(top, _)| is_top(top)));
        for path in quoted.chain(words) {
            let path = path.trim_end_matches('.');
            if !workspace().join(path).exists() && !document.folder().join(path).exists() {
                missing.push(format!("{} names {path}", document.name));
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "no such path:\n{}", missing.join("\n"));
}
