//! What is written and reported, compared with files that people can read.
//!
//! `PORTCULLIS_WRITE_GENERATED=1 cargo test -p portcullis --test commands import` writes them.

use std::{env, fs};

use super::inputs;
use crate::check::{Folder, texts};

/// Imports a folder of inputs, and compares the result with what is in it. `name` is the prefix of the expected files.
fn compare(case: &str, name: &str, arguments: &[&str], exit_code: i32) {
    let folder = Folder::new(&format!("import-{case}-{name}"));
    let inputs = inputs().join(case);
    let input = |argument: &&str| {
        let path = inputs.join(argument);
        if path.is_file() {
            path.display().to_string()
        } else {
            (*argument).to_owned()
        }
    };
    let mut all = vec![
        "import".to_owned(),
        "oauth2-proxy".to_owned(),
        "--out".to_owned(),
        "out".to_owned(),
    ];
    all.extend(arguments.iter().map(input));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let (code, report, stderr) = texts(&folder.portcullis(&all, ""));
    assert_eq!((code, &*stderr), (Some(exit_code), ""), "{report}");
    let prefix = if name.is_empty() {
        String::new()
    } else {
        format!("{name}-")
    };
    // The folder of the inputs is another one on each machine.
    let report = report.replace(&format!("{}/", inputs.display()), "");
    let found = [
        ("portcullis.yaml", folder.read("out/portcullis.yaml")),
        ("companion.yaml", folder.read("out/companion.yaml")),
        ("report.txt", report),
    ];
    for (file, found) in found {
        let path = inputs.join(format!("expected/{prefix}{file}"));
        if env::var_os("PORTCULLIS_WRITE_GENERATED").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, expected, "{}", path.display());
    }
    let (code, _, stderr) = texts(&folder.portcullis(&["check", "out/portcullis.yaml"], ""));
    assert_eq!(
        (code, &*stderr),
        (Some(0), ""),
        "`check` accepts it, without warnings"
    );
}

#[test]
fn any_token_of_an_extra_issuer_still_opens_everything_and_the_report_says_so() {
    let arguments = ["--config", "oauth2-proxy.cfg", "--ingress", "ingress.yaml"];
    compare("story", "", &arguments, 3);
}

#[test]
fn a_log_proposes_rules_for_the_callers_in_it_alone() {
    let arguments = [
        "--config",
        "oauth2-proxy.cfg",
        "--ingress",
        "ingress.yaml",
        "--access-log",
        "requests.log",
    ];
    compare("story", "with-log", &arguments, 3);
}

#[test]
fn what_oauth2_proxy_itself_made_of_the_configuration_is_imported_like_it() {
    let arguments = [
        "--config",
        "oauth2-proxy.cfg",
        "--alpha-config",
        "alpha.yaml",
        "--ingress",
        "ingress.yaml",
    ];
    compare("story", "alpha", &arguments, 3);
    let without_comments = |file: &str| {
        let text = fs::read_to_string(inputs().join("story/expected").join(file)).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        without_comments("alpha-companion.yaml"),
        without_comments("companion.yaml")
    );
}

#[test]
fn the_defaults_of_the_helm_chart_are_imported() {
    compare("helm", "defaults", &["--helm", "values.yaml"], 3);
}
