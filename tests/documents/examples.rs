//! Examples that users copy, and the tests that documents name.

use std::fs;

use portcullis_core::policy::Policy;
use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;

use crate::document::{COMPANION, Document, ENVOY, POLICY, README, table};
use crate::sources;

#[test]
fn the_policy_in_the_readme_is_valid() {
    let readme = Document::read(README);
    let blocks = readme.blocks("yaml");
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let policy = yaml::read(block).expect("YAML");
        Policy::from_json(&policy.to_string()).expect("a policy");
    }
}

#[test]
fn the_projected_token_has_the_audience_of_the_policy() {
    let reference = Document::read(POLICY);
    let volume = yaml::read(reference.blocks("yaml")[0]).expect("YAML");
    let source = &volume["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
    let readme = Document::read(README);
    let policy = yaml::read(readme.blocks("yaml")[0]).expect("YAML");
    assert_eq!(policy["trust"][0]["audiences"][0], source["audience"]);
}

#[test]
fn every_test_in_the_table_of_threats_exists() {
    let sources = sources::text(&["src", "tests"]);
    let security = Document::read("SECURITY.md");
    let rows = table(security.section("Threats and tests"), "threat");
    let tests = rows.iter().flat_map(|row| row[2].split(", "));
    let tests = tests.map(|test| test.trim_matches('`'));
    let missing = tests.filter(|test| !sources.contains(&format!("fn {test}(")));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn configurations_in_the_documents_are_excerpts_of_tested_files() {
    for (name, language, file) in [
        (COMPANION, "nginx", "tests/proxies/nginx.conf"),
        (ENVOY, "yaml", "envoy/gateway.yaml"),
    ] {
        let document = Document::read(name);
        let blocks = document.blocks(language);
        assert_eq!(blocks.len(), 1, "{name}");
        let file = fs::read_to_string(workspace().join(file)).expect("an example configuration");
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let file: Vec<&str> = file.lines().filter(is_code).collect();
        let block: Vec<&str> = blocks[0].lines().collect();
        assert!(is_excerpt(&block, &file), "{name}: {file:#?}");
    }
}

/// Whether a file contains these lines in sequence, with the same additional indentation.
fn is_excerpt(block: &[&str], file: &[&str]) -> bool {
    file.windows(block.len()).any(|excerpt| {
        let margin = excerpt[0].strip_suffix(block[0]).unwrap_or("-");
        let mut lines = excerpt.iter().zip(block);
        margin.trim().is_empty() && lines.all(|(line, own)| line.strip_prefix(margin) == Some(own))
    })
}

#[test]
fn every_test_file_is_one_that_cargo_runs() {
    let manifests = ["tests", "src/companion"].map(|member| {
        let manifest = workspace().join(member).join("Cargo.toml");
        fs::read_to_string(manifest).expect("a manifest")
    });
    let tests = workspace().join("tests");
    let library = fs::read_to_string(tests.join("lib.rs")).expect("a library");
    let files = sources::files(&["tests"]);
    // A crate outside the workspace, which another test covers.
    let fuzz = tests.join("fuzz");
    for file in files.iter().filter(|file| !file.starts_with(&fuzz)) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let folder = file.parent().expect("a file in a folder");
        if name == "main" || folder == tests {
            let path = file.strip_prefix(&tests).expect("one of them").display();
            let known = [format!("\"{path}\""), format!("\"../../tests/{path}\"")];
            let is_known = known.iter().any(|line| {
                library.contains(&format!("pub mod {name};"))
                    || manifests.iter().any(|manifest| manifest.contains(line))
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
