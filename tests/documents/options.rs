//! The reference of the companion's options against the companion.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use portcullis_tests::lab::{Authority, Companion, ExampleConfig, folder, tools, yaml};
use serde_json::{Value, json};

use crate::document::{COMPANION, Document, README, table};
use crate::reference::LISTED;

/// Unlike every option's name, so the companion lists them all instead of suggesting one.
const NO_OPTION: &str = "this-is-the-name-of-no-option";

/// A name that a user chooses.
const ANY: &str = "any";

/// An option in the output of `--help`.
#[derive(Debug, Default)]
struct Flag {
    variable: String,
    default: Option<String>,
}

/// Starts the companion with a configuration that is not sufficient.
fn start(configuration: &Value) -> Output {
    let mut companion = Command::new(tools::companion())
        .args(["serve", "--config", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the companion runs");
    let mut input = companion.stdin.take().expect("its standard input");
    write!(input, "{configuration}").expect("it is read");
    drop(input);
    companion.wait_with_output().expect("it ends")
}

/// The names that the companion expects at a path; `None` if it expects no mapping there.
fn known(configuration: &Value) -> Option<Vec<String>> {
    let report = String::from_utf8(start(configuration).stderr).expect("text");
    let problem = report.lines().next()?;
    let is_there = problem.ends_with(&format!("unknown field `{NO_OPTION}`"));
    let names = report
        .split_once(&format!("help: {LISTED}"))
        .filter(|_| is_there)?
        .1;
    Some(
        names
            .trim()
            .replace('`', "")
            .split(", ")
            .map(str::to_owned)
            .collect(),
    )
}

/// Collects all options below a path, which is empty at the top.
fn walk(path: &str, wrap: &dyn Fn(Value) -> Value, found: &mut BTreeSet<String>) -> bool {
    let Some(names) = known(&wrap(json!({NO_OPTION: 1}))) else {
        return false;
    };
    for name in &names {
        let own = format!("{path}.{name}");
        let own = own.trim_start_matches('.');
        let in_block = walk(own, &|value| wrap(json!({name: value})), found)
            || walk(
                &format!("{own}[]"),
                &|value| wrap(json!({name: [value]})),
                found,
            )
            || walk(
                &format!("{own}.*"),
                &|value| wrap(json!({name: {ANY: value}})),
                found,
            );
        if !in_block {
            found.insert(own.to_owned());
        }
    }
    true
}

/// The flag of an option, formed as the reference describes.
fn flag(option: &str) -> String {
    let words = option.replace("providers[]", "provider").replace(".*", "");
    format!("--{}", words.replace(['.', '_'], "-"))
}

fn variable(option: &str) -> String {
    let words = flag(option).trim_start_matches('-').replace('-', "_");
    format!("PORTCULLIS_{}", words.to_ascii_uppercase())
}

/// Every flag of the help.
fn help() -> BTreeMap<String, Flag> {
    let output = Command::new(tools::companion())
        .args(["serve", "--help"])
        .output()
        .expect("the companion runs");
    let help = String::from_utf8(output.stdout).expect("text");
    let mut flags: BTreeMap<String, Flag> = BTreeMap::new();
    let mut last = String::new();
    for line in help.lines().map(str::trim) {
        if line.starts_with("--") {
            line.split(' ')
                .next()
                .unwrap_or_default()
                .clone_into(&mut last);
            flags.insert(last.clone(), Flag::default());
        }
        let Some(flag) = flags.get_mut(&last) else {
            continue;
        };
        let between = |start| Some(line.split_once(start)?.1.trim_end_matches(']').to_owned());
        flag.variable = between("[env: ").unwrap_or_else(|| flag.variable.clone());
        flag.default = between("[default: ").or_else(|| flag.default.take());
    }
    flags
}

fn options(reference: &Document) -> Vec<Vec<&str>> {
    table(reference.section("Configuration"), "option")
}

#[test]
fn the_reference_lists_exactly_the_options_of_the_companion() {
    let mut found = BTreeSet::new();
    walk("", &|value| value, &mut found);
    let reference = Document::read(COMPANION);
    let rows = options(&reference);
    let listed: Vec<String> = rows.iter().map(|row| row[0].replace('`', "")).collect();
    let documented: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(documented, found);
    assert_eq!(documented.len(), listed.len(), "each once");
}

#[test]
fn each_option_has_the_flag_the_variable_and_the_default_of_the_reference() {
    let reference = Document::read(COMPANION);
    let mut help = help();
    let config = help.remove("--config").expect("--config");
    assert_eq!(config.variable, "PORTCULLIS_CONFIG");
    for row in options(&reference) {
        let option = row[0].trim_matches('`');
        let listed = help.remove(&flag(option));
        let listed = listed.unwrap_or_else(|| panic!("{option}: no {}", flag(option)));
        assert_eq!(listed.variable, variable(option), "{option}");
        let default = row[2];
        match listed.default {
            Some(listed) => assert_eq!(
                default.replace('`', ""),
                listed.replace('`', ""),
                "{option}"
            ),
            None => assert!(!default.contains('`'), "{option}: {default}"),
        }
    }
    assert!(help.is_empty(), "{help:?}");
    // The example in the reference.
    let option = "session.cookie.domain";
    let section = reference.section("Configuration");
    for example in [flag(option), variable(option)] {
        assert!(section.contains(&format!("`{example}`")), "{example}");
    }
}

/// The configuration of the reference, with the lab's files and ports.
fn example(authority: &Authority) -> Value {
    let reference = Document::read(COMPANION);
    let mut blocks = reference.blocks("yaml").into_iter();
    let block = blocks.find(|block| block.starts_with("url: "));
    let mut configuration = yaml::read(block.expect("a configuration")).expect("YAML");
    // The lab sets these itself.
    let members = configuration.as_object_mut().expect("a block");
    for name in ["listen", "metrics", "policy"] {
        assert!(members.remove(name).is_some(), "{name}");
    }
    let secret = folder::fresh("secret").join("client");
    fs::write(&secret, "s3cret").expect("a secret's file");
    let session = configuration["session"].as_object_mut().expect("a block");
    assert!(session.remove("keys_file").is_some());
    configuration["providers"][0]["client_secret_file"] = json!(secret);
    configuration["providers"][0]["ca_file"] = json!(authority.file());
    configuration["trust"]["blue"]["ca_file"] = json!(authority.file());
    configuration
}

#[tokio::test]
async fn the_example_configuration_matches_the_policies_of_the_readme_and_the_gateway() {
    let authority = Authority::new();
    let readme = Document::read(README);
    let policy = yaml::read(readme.blocks("yaml")[0]).expect("YAML");
    let gateway = ExampleConfig::read("gateway.yaml");
    for policy in [&policy, gateway.policy()] {
        Companion::with(example(&authority), policy).start().await;
    }
}

#[test]
fn the_reference_lists_the_required_options() {
    let reference = Document::read(COMPANION);
    let required = options(&reference)
        .into_iter()
        .filter(|row| row[2] == "required");
    let required: BTreeSet<&str> = required.map(|row| row[0].trim_matches('`')).collect();
    // With the required options alone, only files are missing.
    let whole = json!({
        "url": "https://auth.example.com", "policy": "/nowhere/policy",
        "providers": [{"issuer": "https://gitlab.example.com", "client_id": "portcullis"}],
        "session": {"keys_file": "/nowhere/keys"},
    });
    let report =
        |configuration: &Value| String::from_utf8(start(configuration).stderr).expect("text");
    assert!(
        report(&whole).contains("/nowhere/policy"),
        "{}",
        report(&whole)
    );
    let mut reported = BTreeSet::new();
    for option in [
        "url",
        "policy",
        "providers[].issuer",
        "providers[].client_id",
        "session.keys_file",
    ] {
        let mut configuration = whole.clone();
        let (block, name) = match option.rsplit_once('.') {
            Some(("session", name)) => (&mut configuration["session"], name),
            Some((_, name)) => (&mut configuration["providers"][0], name),
            None => (&mut configuration, option),
        };
        block.as_object_mut().expect("a block").remove(name);
        let report = report(&configuration);
        assert!(
            report.contains(&format!("missing field `{name}`")),
            "{option}: {report}"
        );
        reported.insert(option);
    }
    assert_eq!(required, reported);
}
