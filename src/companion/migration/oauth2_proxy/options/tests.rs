use std::collections::BTreeSet;
use std::{env, fs};

use super::*;

/// What `tests/setup/oauth2_proxy_options.go` prints.
const RELEASE: &str = include_str!("v7.15.6.txt");

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migration/OPTIONS.md");

/// The words of each line of a kind.
fn lines(kind: &str) -> Vec<Vec<&'static str>> {
    let lines = RELEASE
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    lines.filter(|words| words[0] == kind).collect()
}

#[test]
fn the_table_has_every_option_of_the_release_and_no_other() {
    let kind = |name: &str, flag: &str| match name {
        "bool" => Kind::Boolean,
        "duration" => Kind::Duration,
        "int" => Kind::Integer,
        "stringSlice" => Kind::List,
        "string" if by_flag(flag).is_some_and(|option| option.kind == Kind::Secret) => Kind::Secret,
        "string" => Kind::Text,
        other => panic!("{other}"),
    };
    let of_release: BTreeSet<String> = lines("option")
        .iter()
        .map(|words| format!("{} {} {:?}", words[1], words[2], kind(words[3], words[1])))
        .collect();
    let ours: Vec<String> = all()
        .map(|option| format!("{} {} {:?}", option.flag, option.key, option.kind))
        .collect();
    assert_eq!(ours.len(), of_release.len());
    assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), of_release);
}

#[test]
fn the_table_has_every_field_of_the_alpha_configuration_and_no_other() {
    let of_release: Vec<&str> = lines("alpha").iter().map(|words| words[1]).collect();
    let ours: Vec<&str> = alpha_fields().iter().map(|field| field.path).collect();
    assert_eq!(ours, of_release);
    for field in alpha_fields() {
        if let Becomes::Option(flag) = field.becomes {
            assert!(by_flag(flag).is_some(), "{}: {flag}", field.path);
        }
    }
}

#[test]
fn every_option_that_is_not_kept_has_a_reason() {
    for option in all() {
        let has_reason = !option.why.is_empty();
        assert!(
            has_reason || option.outcome == Outcome::Kept,
            "{}",
            option.flag
        );
        assert!(has_reason || !option.to.is_empty(), "{}", option.flag);
    }
}

#[test]
fn options_are_found_by_flag_key_and_variable() {
    for option in all() {
        assert_eq!(
            by_flag(option.flag).map(|found| found.key),
            Some(option.key)
        );
        assert_eq!(
            by_key(&option.key.to_uppercase()).map(|found| found.flag),
            Some(option.flag)
        );
        assert_eq!(
            by_variable(&option.variable()).map(|found| found.flag),
            Some(option.flag)
        );
    }
}

/// The document of all options.
fn document() -> String {
    let mut text = "\
# Options of oauth2-proxy

What `portcullis import oauth2-proxy` makes of each option of oauth2-proxy 7.15, if nothing else in the configuration
changes that. Each option is a flag, such as `--client-id`, a key of the configuration file, such as `client_id`, and a
variable, such as `OAUTH2_PROXY_CLIENT_ID`. `PORTCULLIS_WRITE_GENERATED=1 cargo test -p portcullis --lib options` writes
this file.
"
    .to_owned();
    for (area, options) in table::AREAS {
        text.push_str(&format!(
            "\n## {area}\n\n| flag | key | outcome | becomes | reason |\n|---|---|---|---|---|\n"
        ));
        for option in options {
            let to: Vec<String> = option
                .to
                .split(", ")
                .filter(|to| !to.is_empty())
                .map(|to| format!("`{to}`"))
                .collect();
            text.push_str(&format!(
                "| `--{}` | `{}` | {} | {} | {} |\n",
                option.flag,
                option.key,
                option.outcome.name(),
                to.join(", "),
                option.why
            ));
        }
    }
    text.push_str("\n## Alpha configuration\n\n| field | the same as | outcome | becomes | reason |\n|---|---|---|---|---|\n");
    for field in alpha_fields() {
        let row = match field.becomes {
            Becomes::Option(flag) => format!("| `{}` | `--{flag}` | | | |\n", field.path),
            Becomes::Own(outcome, to, why) => {
                let to = if to.is_empty() {
                    String::new()
                } else {
                    format!("`{to}`")
                };
                format!(
                    "| `{}` | | {} | {to} | {why} |\n",
                    field.path,
                    outcome.name()
                )
            }
            Becomes::Header | Becomes::Parameter => continue,
        };
        text.push_str(&row);
    }
    text.push_str(
        "\n`injectRequestHeaders` and `injectResponseHeaders` have a line for each header, and \
         `providers[].loginURLParameters`\none for each parameter.\n",
    );
    text
}

#[test]
fn the_document_of_options_is_the_table() {
    let document = document();
    if env::var_os("PORTCULLIS_WRITE_GENERATED").is_some() {
        fs::write(DOCUMENT, &document).unwrap();
    }
    let written = fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        written == document,
        "run: PORTCULLIS_WRITE_GENERATED=1 cargo test -p portcullis --lib options"
    );
}
