//! The table for the migration from oauth2-proxy: what it names on our side exists.

use std::collections::BTreeSet;

use portcullis_core::endpoints;

use crate::document::{COMPANION, Document, POLICY, first_column, table};
use crate::gateway::quoted;

/// The guide with the table.
const MIGRATING: &str = "src/companion/MIGRATING.md";

/// Words of the table that are no option, field or endpoint: values, claims, headers and commands.
const OTHERS: &[&str] = &[
    "/",
    "/oauth2",
    "/ping",
    "/ready",
    "Authorization",
    "X-Auth-Request-Email",
    "X-Forwarded-User",
    "aud",
    "https",
    "portcullis session-keys",
    "sub",
];

/// The names of all options and policy fields, as the table may write them.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let companion = Document::read(COMPANION);
    for option in first_column(companion.section("Configuration"), "option") {
        let option = option.trim_matches('`').to_owned();
        let of_provider = option.strip_prefix("providers[].").map(str::to_owned);
        names.extend(of_provider);
        names.insert(option);
    }
    names.insert("providers[]".to_owned());
    let policy = Document::read(POLICY);
    let sections = policy.sections().into_iter();
    for (heading, text) in sections.filter(|(_, text)| text.contains("| field |")) {
        let block = heading.trim_matches('`').trim_end_matches("[]");
        let block = block.rsplit('.').next().unwrap_or_default();
        for field in first_column(text, "field") {
            let field = field.trim_matches('`');
            names.insert(field.to_owned());
            names.insert(format!("{block}.{field}"));
        }
    }
    names
}

#[test]
fn the_migration_table_names_what_exists() {
    let migrating = Document::read(MIGRATING);
    let rows = table(migrating.section("Options"), "oauth2-proxy");
    assert!(rows.len() > 40, "{}", rows.len());
    let names = names();
    let endpoints: BTreeSet<&str> = endpoints::ALL.iter().map(|one| one.path).collect();
    let mut flags = BTreeSet::new();
    for row in rows {
        for flag in quoted(row[0]) {
            let name = flag.split('=').next().unwrap_or_default().to_owned();
            // `--provider` has a row for each kind.
            assert!(flags.insert(flag.clone()), "{flag} twice");
            assert!(
                name.starts_with("--") || !row[0].starts_with('`'),
                "{flag} is no flag"
            );
        }
        for word in quoted(row[1]) {
            let name = word.split(':').next().unwrap_or_default();
            let exists =
                names.contains(name) || endpoints.contains(name) || OTHERS.contains(&&*word);
            assert!(exists, "{}: `{word}` is unknown", row[0]);
        }
    }
}
