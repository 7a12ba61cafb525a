//! The commands in the documents and workflows.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use portcullis_tests::lab::folder::{fresh, workspace};
use portcullis_tests::lab::tools;

use crate::document::{COMPANION, Document, README, first_column, table};

fn makefile() -> String {
    fs::read_to_string(workspace().join("Makefile")).expect("a Makefile")
}

fn is_target(makefile: &str, target: &str) -> bool {
    makefile.contains(&format!("\n{target}: ")) || makefile.contains(&format!("\n{target}:\n"))
}

/// The lines of all shell examples.
fn shell(document: &Document) -> Vec<&str> {
    let blocks = document.blocks("sh").into_iter();
    blocks.flat_map(str::lines).collect()
}

#[test]
fn every_make_target_in_a_document_exists() {
    let makefile = makefile();
    let mut count = 0;
    for document in Document::all() {
        let lines = shell(&document).into_iter().chain(document.names());
        for rest in lines.filter_map(|line| line.strip_prefix("make ")) {
            for target in rest.split(' ').filter(|word| !word.contains('=')) {
                assert!(
                    is_target(&makefile, target),
                    "{}: no target {target}",
                    document.name
                );
                count += 1;
            }
        }
    }
    assert!(count >= 15, "only {count} found");
}

#[test]
fn contributing_lists_every_target() {
    let makefile = makefile();
    let listed = makefile.lines().filter(|line| line.contains(" ## "));
    let listed = listed.filter_map(|line| {
        let target = line.split_once(':')?.0;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        target
            .bytes()
            .all(is_name)
            .then(|| format!("make {target}"))
    });
    let contributing = Document::read("CONTRIBUTING.md");
    let documented = first_column(contributing.section("Targets"), "target");
    assert_eq!(
        documented.into_iter().collect::<BTreeSet<_>>(),
        listed.collect()
    );
}

#[test]
fn the_workflows_run_targets_of_the_makefile() {
    let makefile = makefile();
    let folder = workspace().join(".github/workflows");
    let mut targets = Vec::new();
    for entry in fs::read_dir(folder).expect("workflows") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a workflow");
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("- ");
            if let Some(command) = line.strip_prefix("run: make ") {
                let target = command.split(' ').next().unwrap_or_default();
                assert!(
                    is_target(&makefile, target),
                    "{}: no target {target}",
                    path.display()
                );
                targets.push(target.to_owned());
            }
        }
    }
    targets.sort();
    assert_eq!(targets, ["audit", "dist", "fuzz", "publish", "test"]);
}

#[test]
fn every_portcullis_command_of_the_documents_runs() {
    let readme = Document::read(README);
    let reference = Document::read(COMPANION);
    let blocks = reference.blocks("yaml").into_iter();
    let cases = blocks.filter(|block| block.contains("\ntests:\n"));
    let cases: String = cases.collect();
    let companion = tools::companion();
    let mut count = 0;
    for document in Document::all() {
        let folder = fresh("commands");
        fs::write(folder.join("portcullis-test.yaml"), &cases).expect("a test file");
        // `diff` compares it with the one before.
        for name in ["portcullis.yaml", "old.yaml"] {
            fs::write(folder.join(name), readme.blocks("yaml")[0]).expect("a policy");
        }
        symlink(workspace().join("istio"), folder.join("istio")).expect("a link");
        for line in shell(&document) {
            let line = line.strip_prefix("target/release/").unwrap_or(line);
            let Some(arguments) = line.strip_prefix("portcullis ") else {
                continue;
            };
            // It runs until it is stopped: the test of its configuration covers it.
            if ["serve ", "attach "]
                .iter()
                .any(|own| arguments.starts_with(own))
            {
                continue;
            }
            let output = Command::new("sh")
                .args(["-c", &format!("\"$0\" {arguments}")])
                .arg(&companion)
                .current_dir(&folder)
                .output()
                .expect("a shell");
            assert!(
                output.status.success(),
                "{}: {line}\n{}",
                document.name,
                String::from_utf8_lossy(&output.stderr)
            );
            count += 1;
        }
    }
    assert!(count >= 4, "only {count} found");
}

#[test]
fn the_reference_lists_the_test_programs_of_the_manifests() {
    let manifests = ["tests", "src/companion"].map(|member| {
        let manifest = workspace().join(member).join("Cargo.toml");
        fs::read_to_string(manifest).expect("a manifest")
    });
    let programs = manifests.iter().flat_map(|manifest| {
        let tests = manifest.split("[[test]]").skip(1);
        tests.filter_map(|test| {
            Some(
                test.split_once("name = \"")?
                    .1
                    .split_once('"')?
                    .0
                    .to_owned(),
            )
        })
    });
    let document = Document::read("tests/README.md");
    let documented = table(document.section("Layout"), "program");
    let documented = documented.iter().map(|row| row[0].replace('`', ""));
    assert_eq!(documented.collect::<BTreeSet<_>>(), programs.collect());
}
