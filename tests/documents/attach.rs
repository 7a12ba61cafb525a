//! The reference of `portcullis attach`, compared with the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Output};

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{App, Authority, Call, folder, port, tools, wait, yaml};
use serde_json::{Value, json};

use crate::companion::metrics;
use crate::document::{COMPANION, Document, first_column, table};
use crate::gateway::quoted;
use crate::sources;

/// Texts in the sources that look like reasons.
const NO_REASONS: [&str; 2] = ["no-store", "retry-after"];

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(tools::companion());
    command
        .args(arguments)
        .output()
        .expect("the companion runs")
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).expect("text")
}

/// The fields of a schema that have a description, with the default in it.
fn fields(path: &str, schema: &Value, found: &mut BTreeMap<String, Option<String>>) {
    if let Some(description) = schema["description"].as_str() {
        let default = description.split_once("[default: ");
        let default = default.map(|(_, rest)| rest.trim_end_matches(']').to_owned());
        found.insert(path.to_owned(), default);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        fields(path.trim_start_matches('.'), field, found);
    }
    if schema["items"]["properties"].is_object() {
        fields(&format!("{path}[]"), &schema["items"], found);
    }
}

#[test]
fn the_reference_lists_the_options_with_their_defaults_and_their_flags() {
    let schema = text(run(&["schema", "attach"]));
    let mut known = BTreeMap::new();
    let schema = serde_json::from_str(&schema).expect("a schema");
    fields("", &schema, &mut known);
    let reference = Document::read(COMPANION);
    let rows = table(reference.section("Attach"), "attach option");
    let listed: BTreeSet<String> = rows.iter().map(|row| row[0].replace('`', "")).collect();
    assert_eq!(listed, known.keys().cloned().collect());
    assert_eq!(listed.len(), rows.len(), "each once");
    let help = text(run(&["attach", "--help"]));
    let mut flags = BTreeSet::new();
    for row in &rows {
        let option = row[0].trim_matches('`');
        match &known[option] {
            Some(default) => assert_eq!(
                row[1].replace('`', ""),
                default.replace('`', ""),
                "{option}"
            ),
            None => assert!(matches!(row[1], "required" | "none"), "{option}"),
        }
        for name in quoted(row[2]) {
            if name.starts_with("--") || name.starts_with("PORTCULLIS_") {
                assert!(help.contains(&name), "{option}: {name}");
                flags.insert(name);
            }
        }
    }
    let listed = help.lines().map(str::trim_start);
    let listed = listed.filter_map(|line| line.strip_prefix("--")?.split(' ').next());
    for flag in listed.filter(|flag| *flag != "config") {
        assert!(flags.contains(&format!("--{flag}")), "{flag}");
    }
}

#[test]
fn the_reference_lists_the_reasons() {
    let sources = sources::text(&["src/companion/attach", "src/companion/metrics"]);
    let is_reason = |text: &&str| {
        let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        text.contains('-') && text.bytes().all(is_kebab) && !NO_REASONS.contains(text)
    };
    let own = ["refusal.rs", "token_file.rs"].map(|name| {
        let path = folder::workspace().join("src/companion/attach").join(name);
        fs::read_to_string(path).expect("a source")
    });
    let found: BTreeSet<&str> = own
        .iter()
        .flat_map(|text| text.split('"').skip(1).step_by(2))
        .filter(is_reason)
        .collect();
    let reference = Document::read(COMPANION);
    let section = reference.section("Attach");
    let documented = first_column(section, "attach reason");
    assert_eq!(
        documented
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        found
    );
    for row in table(section, "attach metric") {
        if quoted(row[1]).contains("outcome") {
            for outcome in quoted(row[2]) {
                assert!(sources.contains(&format!("\"{outcome}\"")), "{outcome}");
            }
        }
    }
}

#[tokio::test]
async fn the_example_works_and_has_the_metrics_of_the_reference() {
    let (reference, app) = (Document::read(COMPANION), App::start("alertmanager").await);
    let mut blocks = reference.blocks("yaml").into_iter();
    let block = blocks.find(|block| block.contains("forwards:"));
    let mut config = yaml::read(block.expect("a configuration")).expect("YAML");
    let folder = folder::fresh("attach");
    let (listen, address) = (port::free(), port::free());
    let (ca, token) = (folder.join("ca.pem"), folder.join("token"));
    fs::copy(Authority::new().file(), &ca).expect("a CA file");
    fs::write(&token, "e30.eyJleHAiOjQwMDAwMDAwMDB9.c2ln").expect("a token");
    config["token_file"] = json!(token);
    config["metrics"] = json!(address);
    config["forwards"][0]["listen"] = json!(listen);
    config["forwards"][0]["to"] = json!(format!("http://{}", app.address()));
    config["forwards"][1]["listen"] = json!(format!("unix:{}", folder.join("socket").display()));
    config["forwards"][1]["ca_file"] = json!(ca);
    let file = folder.join("attach.yaml");
    fs::write(&file, config.to_string()).expect("a file");
    let mut command = Command::new(tools::companion());
    command.args(["attach", "--config"]).arg(&file);
    let mut process = Process::start("attach", &folder, command);
    process.ready_at(address, "/ready").await;
    assert_eq!(Call::get("127.0.0.1", "/").send(listen).await.status, 200);
    fs::write(&ca, "no certificate").expect("a CA file");
    let scrape = async || {
        Call::get("127.0.0.1", "/metrics")
            .send(address)
            .await
            .text()
    };
    let reloaded = async || scrape().await.contains("portcullis_attach_reloads_total{");
    wait::until_true("a reload", wait::LONG, reloaded).await;
    let rows = table(reference.section("Attach"), "attach metric");
    let documented: BTreeMap<String, BTreeSet<String>> = rows
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), quoted(row[1])))
        .collect();
    assert_eq!(metrics(&scrape().await), documented);
}
