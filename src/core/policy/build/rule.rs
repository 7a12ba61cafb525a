//! The rules of an app.

use crate::policy::document;
use crate::policy::error::{Location, PolicyError};
use crate::policy::rule::Access;
use crate::policy::{Pattern, Rule};

use super::identity_source::IdentitySources;
use super::{check, entry};

/// Validates all rules of a list.
pub(super) fn rules(
    wire: Vec<document::Rule>,
    sources: IdentitySources<'_>,
    location: &Location,
) -> Result<Vec<Rule>, PolicyError> {
    let rules = check::each(wire, location, |wire, location| {
        rule(wire, sources, location)
    })?;
    for (index, rule) in rules.iter().enumerate() {
        let (before, _) = rules.split_at(index);
        check::unique(
            &rule.name,
            before.iter().map(Rule::name),
            &location.element(index),
        )?;
    }
    Ok(rules)
}

fn rule(
    wire: document::Rule,
    sources: IdentitySources<'_>,
    location: &Location,
) -> Result<Rule, PolicyError> {
    let name = check::name(wire.name, location)?;
    let at = location.member("methods");
    let methods = match wire.methods {
        None => None,
        Some(list) => {
            let list = check::filled(list, &at, "remove it to match all methods")?;
            Some(check::each(list, &at, method)?)
        }
    };
    let at = location.member("paths");
    let paths = match wire.paths {
        None => Vec::new(),
        Some(list) => {
            let list = check::filled(list, &at, "remove it to match all paths")?;
            check::each(list, &at, path)?
        }
    };
    let public = wire.public == Some(true);
    let (access, methods) = match (wire.allow, public) {
        (Some(_), true) => {
            let help = "keep `public` to allow everyone, or `allow` to allow the listed callers";
            return Err(location.error("`public` and `allow` are mutually exclusive", help));
        }
        (None, false) => {
            let help = "list callers under `allow`, or write `public: true` to allow requests without a caller";
            return Err(location.error("missing `allow` or `public`", help));
        }
        (None, true) if paths.is_empty() => {
            let help = "list the public paths; `/**` matches every path";
            return Err(location.error("missing `paths` in a public rule", help));
        }
        (None, true) => {
            let reading = || vec!["GET".to_owned(), "HEAD".to_owned()];
            (Access::Public, methods.unwrap_or_else(reading))
        }
        (Some(list), false) => {
            let at = location.member("allow");
            let list = check::filled(list, &at, "list at least one caller")?;
            let entries = check::each(list, &at, |wire, location| {
                entry::entry(wire, sources, location)
            })?;
            (Access::Allow(entries), methods.unwrap_or_default())
        }
    };
    Ok(Rule {
        name,
        methods,
        paths,
        access,
    })
}

/// A method (RFC 9110 section 9.1). Methods are case-sensitive, so `get` would never match.
fn method(text: String, location: &Location) -> Result<String, PolicyError> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    if text.is_empty() || !text.bytes().all(plain) {
        let help = "write it in upper case, like GET; remove `methods` to match all";
        return Err(location.error_about(&text, "is not a method", help));
    }
    Ok(text)
}

fn path(text: String, location: &Location) -> Result<Pattern, PolicyError> {
    Pattern::parse(&text).map_err(|(problem, help)| location.error_about(&text, problem, help))
}
