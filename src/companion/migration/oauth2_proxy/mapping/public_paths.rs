//! Paths that need no sign-in.

use super::{Mapping, commented, probe};
use crate::migration::oauth2_proxy::outcome::Outcome;
use crate::migration::oauth2_proxy::regex;
use crate::migration::oauth2_proxy::tree::{Commented, Tree, fields, text, texts};

/// Where a route has no method: all that browsers and programs send. A public rule without methods is for GET and
/// HEAD alone.
const ALL_METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The public rules, which every app has: an expression is for all hosts.
pub(super) fn map(mapping: &mut Mapping<'_>) -> Vec<Commented> {
    let mut rules = Vec::new();
    for flag in ["skip-auth-regex", "skip-auth-route"] {
        let mut written = Vec::new();
        let mut problems = Vec::new();
        for route in mapping.list(flag) {
            match rule(mapping, flag, route, rules.len() + 1) {
                Ok((rule, problem)) => {
                    rules.push(rule);
                    written.push(route);
                    problems.extend(problem);
                }
                Err(why) => problems.push(format!("`{route}` has no rule: {why}")),
            }
        }
        let to = "apps[].rules[]";
        if !problems.is_empty() {
            mapping.needs_you(flag, to, &problems.join("; "));
        } else if !written.is_empty() {
            mapping.say(flag, Outcome::Kept, to, "a public rule of every app");
        }
    }
    if mapping.is_on("skip-auth-preflight") {
        let why = "CORS preflight requests are allowed, no other OPTIONS requests";
        mapping.say(
            "skip-auth-preflight",
            Outcome::Changed,
            "apps[].preflight",
            why,
        );
    }
    rules
}

/// The rule of one route, and what it does not open. An error says why there is none.
fn rule(
    mapping: &Mapping<'_>,
    flag: &str,
    route: &str,
    number: usize,
) -> Result<(Commented, Option<String>), String> {
    let (method, expression) = match route.split_once('=') {
        Some((method, expression)) if flag == "skip-auth-route" => (method, expression),
        _ => ("", route),
    };
    if flag == "skip-auth-route" && (method.ends_with('!') || route.starts_with("!=")) {
        return Err("rules can't open all paths but some".to_owned());
    }
    let method = method.to_ascii_uppercase();
    let methods = if method.is_empty() {
        ALL_METHODS.to_vec()
    } else {
        vec![&*method]
    };
    let found = regex::patterns(expression)?;
    for pattern in &found.patterns {
        if let Some(problem) = probe::path(pattern, &methods) {
            return Err(format!("the pattern `{pattern}` {problem}"));
        }
    }
    let missing = found.missing.map(|example| {
        format!("`{route}` also opens paths such as `{example}`, which the rule does not")
    });
    let comment = format!("From {}: {route}", mapping.name(flag));
    let rule = fields([
        ("name", text(format!("public-{number}"))),
        ("methods", texts(methods)),
        ("paths", texts(found.patterns)),
        ("public", Tree::Flag(true)),
    ]);
    Ok((commented(rule, vec![comment]), missing))
}
