//! What is meant to be copied, run or opened.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_core::policy::Policy;
use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;

use crate::document::{Document, table};

#[test]
fn the_policy_of_the_readme_is_one() {
    let readme = Document::read("README.md");
    let blocks = readme.blocks("yaml");
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let policy = yaml::read(block).expect("YAML");
        Policy::from_json(&policy.to_string()).expect("a policy");
    }
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let tops: Vec<String> = fs::read_dir(workspace())
        .expect("the project's folder")
        .map(|entry| {
            entry
                .expect("a file in it")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "target" && name != ".tools")
        .collect();
    let endings = [".json", ".md", ".rs", ".sh", ".toml"];
    for name in ["README.md", "SECURITY.md", "CHANGELOG.md"] {
        let document = Document::read(name);
        let paths = document.names().into_iter().filter(|text| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
            let top = text.split('/').next().unwrap_or_default();
            text.bytes().all(plain)
                && (tops.iter().any(|known| known == top)
                    || endings.iter().any(|ending| text.ends_with(ending)))
        });
        for path in paths {
            assert!(
                workspace().join(path).exists(),
                "{name} names {path}, which is not there"
            );
        }
    }
}

#[test]
fn every_target_that_the_readme_makes_is_there() {
    let makefile = fs::read_to_string(workspace().join("Makefile")).expect("a Makefile");
    let readme = Document::read("README.md");
    let lines = readme.blocks("sh").into_iter().flat_map(str::lines);
    let targets = lines
        .chain(readme.names())
        .filter_map(|line| line.strip_prefix("make "));
    let mut count = 0;
    for target in targets.filter_map(|rest| rest.split(' ').next()) {
        assert!(
            makefile.contains(&format!("\n{target}: ")),
            "no target {target}"
        );
        count += 1;
    }
    assert!(count >= 7, "only {count} found");
}

#[test]
fn every_proof_that_the_threats_name_is_there() {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        list(&workspace().join(folder), &mut files);
    }
    let read = |file: &PathBuf| fs::read_to_string(file).expect("a source file");
    let sources: String = files.iter().map(read).collect();
    let security = Document::read("SECURITY.md");
    for row in table(security.section("Threats and proofs"), "threat") {
        let proof = row[2].trim_matches('`');
        assert!(sources.contains(&format!("fn {proof}(")), "no test {proof}");
    }
}

#[test]
fn the_nginx_of_the_readme_is_a_piece_of_the_file_that_the_tests_run() {
    let readme = Document::read("README.md");
    let blocks = readme.blocks("nginx");
    assert_eq!(blocks.len(), 1);
    let file = workspace().join("tests/proxies/nginx.conf");
    let file = fs::read_to_string(file).expect("a file that is shipped");
    let said = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
    let file: Vec<&str> = file.lines().filter(said).collect();
    let block: Vec<&str> = blocks[0].lines().collect();
    let is_there = file.windows(block.len()).any(|piece| piece == block);
    assert!(is_there, "{file:#?}");
}

#[test]
fn every_proof_is_one_that_cargo_runs() {
    let manifests = ["tests", "src/companion"].map(|member| {
        let manifest = workspace().join(member).join("Cargo.toml");
        fs::read_to_string(manifest).expect("a manifest")
    });
    let tests = workspace().join("tests");
    let mut files = Vec::new();
    list(&tests, &mut files);
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let folder = file.parent().expect("a file in a folder");
        if name == "main" || folder == tests {
            let path = file.strip_prefix(&tests).expect("one of them").display();
            let known = [format!("\"{path}\""), format!("\"../../tests/{path}\"")];
            let is_known = known.iter().any(|line| {
                name == "lab" || manifests.iter().any(|manifest| manifest.contains(line))
            });
            assert!(is_known, "no manifest names {path}");
        } else {
            let main = folder.join("main.rs");
            let above = Some(main).filter(|main| main.is_file());
            let above = above.unwrap_or_else(|| folder.with_extension("rs"));
            let text = fs::read_to_string(&above).expect("the module above");
            let is_known = text.contains(&format!("mod {name};"));
            assert!(is_known, "{} does not name {name}", above.display());
        }
    }
    assert!(files.len() >= 150, "only {} found", files.len());
}

/// All sources below a folder.
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
