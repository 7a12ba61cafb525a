//! Asks the programs' own parsers whether a value is accepted, so that each value that is written is.

use portcullis_core::policy::{Policy, PolicyError};

use crate::config::Config;
use crate::document::Report;
use crate::migration::oauth2_proxy::tree::{Tree, fields, text, texts};

/// Checks a policy.
pub(super) fn policy(policy: &Tree) -> Result<(), PolicyError> {
    Policy::from_json(&policy.json().to_string()).map(|_| ())
}

/// Checks the companion's configuration.
pub(super) fn companion(companion: &Tree) -> Result<(), Report> {
    Config::parse("companion.yaml".to_owned(), companion.yaml().into_bytes()).map(|_| ())
}

/// Why a trust entry is not accepted.
pub(super) fn trust(entry: &Tree) -> Option<String> {
    let rule = fields([
        ("name", text("probe")),
        ("paths", texts(["/probe"])),
        ("public", Tree::Flag(true)),
    ]);
    let document = fields([
        ("trust", Tree::List(vec![entry.clone().into()])),
        ("apps", apps("probe.invalid", rule)),
    ]);
    problem(&document)
}

/// Why a host of an app is not accepted.
pub(super) fn host(host: &str) -> Option<String> {
    let rule = fields([
        ("name", text("probe")),
        ("paths", texts(["/probe"])),
        ("public", Tree::Flag(true)),
    ]);
    problem(&fields([("apps", apps(host, rule))]))
}

/// Why a path pattern of a public rule is not accepted.
pub(super) fn path(pattern: &str, methods: &[&str]) -> Option<String> {
    let rule = fields([
        ("name", text("probe")),
        ("methods", texts(methods.to_vec())),
        ("paths", texts([pattern])),
        ("public", Tree::Flag(true)),
    ]);
    problem(&fields([("apps", apps("probe.invalid", rule))]))
}

/// Why an entry of `allow` is not accepted. Its `from` has to be the provider's name.
pub(super) fn entry(entry: &Tree) -> Option<String> {
    let rule = fields([
        ("name", text("probe")),
        ("allow", Tree::List(vec![entry.clone().into()])),
    ]);
    let sso = fields([
        ("url", text("https://probe-sso.invalid")),
        ("envoy_cluster", text("probe")),
    ]);
    let apps = apps("probe.invalid", rule);
    problem(&fields([("sso", sso), ("apps", apps)]))
}

/// Why a URL of the companion is not accepted.
pub(super) fn url(url: &str) -> Option<String> {
    let rule = fields([
        ("name", text("probe")),
        ("paths", texts(["/probe"])),
        ("public", Tree::Flag(true)),
    ]);
    let sso = fields([("url", text(url)), ("envoy_cluster", text("probe"))]);
    let apps = apps("probe.invalid", rule);
    problem(&fields([("sso", sso), ("apps", apps)]))
}

/// Why an identity header is not accepted.
pub(super) fn identity_header(name: &str, value: &str) -> Option<String> {
    let rule = fields([
        ("name", text("probe")),
        ("paths", texts(["/probe"])),
        ("public", Tree::Flag(true)),
    ]);
    let app = fields([
        ("name", text("probe")),
        ("hosts", texts(["probe.invalid"])),
        ("identity_headers", fields([(name, text(value))])),
        ("rules", Tree::List(vec![rule.into()])),
    ]);
    problem(&fields([("apps", Tree::List(vec![app.into()]))]))
}

fn apps(host: &str, rule: Tree) -> Tree {
    let app = fields([
        ("name", text("probe")),
        ("hosts", texts([host])),
        ("rules", Tree::List(vec![rule.into()])),
    ]);
    Tree::List(vec![app.into()])
}

fn problem(document: &Tree) -> Option<String> {
    policy(document)
        .err()
        .map(|error| error.problem().to_owned())
}
