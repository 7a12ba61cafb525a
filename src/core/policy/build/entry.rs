//! The entries of a rule.

use crate::json::Json;
use crate::policy::document;
use crate::policy::entry::email_domain;
use crate::policy::error::{Location, PolicyError};
use crate::policy::{ClaimTest, Entry, Matcher, NamePart};

use super::check;
use super::identity_source::{IdentitySource, IdentitySources};

/// Validates one entry: what it names must exist, and a caller that it matches must be possible.
pub(super) fn entry(
    wire: document::Entry,
    sources: IdentitySources<'_>,
    location: &Location,
) -> Result<Entry, PolicyError> {
    let from = match &wire.from {
        None => None,
        Some(name) => {
            let known = sources.find(name);
            Some(known.ok_or_else(|| unknown(name, sources, false, &location.member("from")))?)
        }
    };
    if wire.service_account.is_none() && from.is_none() {
        let help = [
            "write `from` and the name of a trust entry or provider; ",
            &sources.names(false),
        ]
        .concat();
        return Err(location.error("missing `from` or `service_account`", &help));
    }
    let kubernetes =
        wire.service_account.is_some() || from.is_some_and(|source| source.is_cluster());
    let for_users = [
        ("user", wire.user.is_some()),
        ("email", wire.email.is_some()),
        ("email_domain", wire.email_domain.is_some()),
        ("group", wire.group.is_some()),
    ];
    if let Some((name, _)) = for_users.iter().find(|(_, given)| kubernetes && *given) {
        return Err(location.member(name).error(
            "service accounts have no such attribute, so the entry never matches",
            "match callers of a kubernetes trust entry by `service_account`",
        ));
    }
    let anyone = wire.anyone == Some(true);
    let matchers = matchers(wire, sources, from, location)?;
    match (anyone, matchers.is_empty()) {
        (true, true) => Ok(vec![Matcher::Anyone]),
        (true, false) => Err(location.member("anyone").error(
            "can't be combined with other matchers",
            "use `anyone` with `from` only, or remove it",
        )),
        (false, true) => Err(location.error(
            "the entry has no matcher",
            "name the caller, or write `anyone: true` to match every caller of `from`",
        )),
        (false, false) => Ok(matchers),
    }
    .map(|matchers| Entry {
        from: from.map(|source| source.name.to_owned()),
        matchers,
    })
}

fn matchers(
    wire: document::Entry,
    sources: IdentitySources<'_>,
    from: Option<IdentitySource<'_>>,
    location: &Location,
) -> Result<Vec<Matcher>, PolicyError> {
    let mut matchers = Vec::new();
    if let Some(text) = wire.service_account {
        let location = location.member("service_account");
        matchers.push(service_account(&text, sources, from, &location)?);
    }
    if let Some(text) = wire.user {
        matchers.push(Matcher::User(check::text(text, &location.member("user"))?));
    }
    if let Some(text) = wire.email {
        matchers.push(email(text, &location.member("email"))?);
    }
    if let Some(text) = wire.email_domain {
        matchers.push(domain(text, &location.member("email_domain"))?);
    }
    if let Some(text) = wire.group {
        matchers.push(Matcher::Group(check::text(
            text,
            &location.member("group"),
        )?));
    }
    if let Some(wire) = wire.claim {
        matchers.push(claim(wire, &location.member("claim"))?);
    }
    Ok(matchers)
}

/// The error for a name that no trust entry has and, unless `clusters` alone count, no provider.
pub(super) fn unknown(
    name: &str,
    sources: IdentitySources<'_>,
    clusters: bool,
    location: &Location,
) -> PolicyError {
    let problem = if clusters {
        "is not a trust entry"
    } else {
        "is not a trust entry or provider"
    };
    location.error_about(name, problem, &sources.names(clusters))
}

fn service_account(
    text: &str,
    sources: IdentitySources<'_>,
    from: Option<IdentitySource<'_>>,
    location: &Location,
) -> Result<Matcher, PolicyError> {
    let parts: Vec<&str> = text.split('/').collect();
    let [trust, namespace, name] = *parts.as_slice() else {
        let help = "write TRUST/NAMESPACE/NAME, each exact or `*`";
        return Err(location.error_about(text, "doesn't have three parts", help));
    };
    let matches = |known: &IdentitySource<'_>| trust == "*" || known.name == trust;
    let mut named = sources.iter().filter(matches).peekable();
    if named.peek().is_none() {
        return Err(unknown(trust, sources, true, location));
    }
    if !named.any(|known| known.is_cluster()) {
        let help = [
            "use a trust entry of the kind kubernetes; ",
            &sources.names(true),
        ]
        .concat();
        return Err(location.error_about(trust, "is not of the kind kubernetes", &help));
    }
    let other = |from: &IdentitySource<'_>| !from.is_cluster() || !matches(from);
    if let Some(from) = from.filter(other) {
        let help = "remove `from`; the first part names the trust entry";
        return Err(location.error_about(
            text,
            &["is not of `", from.name, "`, which `from` names"].concat(),
            help,
        ));
    }
    for part in [namespace, name] {
        if part != "*" && !check::is_kubernetes_name(part) {
            let help = "write the full name, or `*` for any name";
            return Err(location.error_about(part, "is not a valid Kubernetes name", help));
        }
    }
    Ok(Matcher::ServiceAccount {
        trust: part(trust),
        namespace: part(namespace),
        name: part(name),
    })
}

fn part(text: &str) -> NamePart {
    match text {
        "*" => NamePart::Any,
        _ => NamePart::Exact(text.to_owned()),
    }
}

fn email(text: String, location: &Location) -> Result<Matcher, PolicyError> {
    let text = check::text(text, location)?;
    if email_domain(&text).is_none() {
        let help = "write one whole address; to match a domain, use `email_domain`";
        return Err(location.error_about(&text, "is not an e-mail address", help));
    }
    Ok(Matcher::Email(text))
}

fn domain(text: String, location: &Location) -> Result<Matcher, PolicyError> {
    let text = check::text(text, location)?;
    if text.contains(['@', '*', ' ']) || text.starts_with('.') {
        let help = "write the part after the `@`, like `example.com`; it doesn't match subdomains";
        return Err(location.error_about(&text, "is not a domain", help));
    }
    Ok(Matcher::EmailDomain(text))
}

fn claim(wire: document::Claim, location: &Location) -> Result<Matcher, PolicyError> {
    let help = "list the member names from the top of the token to the claim";
    let path = check::required(wire.path, location, "path", help)?;
    let at = location.member("path");
    let path = check::texts(check::filled(path, &at, help)?, &at)?;
    let help = "write the value to compare with: a string, a number, true or false";
    let (name, value, test): (_, _, fn(Json) -> ClaimTest) = match (wire.equals, wire.contains) {
        (Some(value), None) => ("equals", value, ClaimTest::Equals),
        (None, Some(value)) => ("contains", value, ClaimTest::Contains),
        (None, None) => return Err(location.error("missing `equals` or `contains`", help)),
        (Some(_), Some(_)) => {
            let help = "write the other one in a `claim` of its own entry";
            return Err(location
                .member("contains")
                .error("`equals` is set too", help));
        }
    };
    let is_word = match &value {
        Json::Bool(_) | Json::Number(_) => true,
        Json::String(text) => name == "equals" || !(text.is_empty() || text.contains(' ')),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            let location = location.member(name);
            return Err(location.error("the value is not a string, number or boolean", help));
        }
    };
    if !is_word {
        let help = "write one word; for several, write an entry for each";
        return Err(location
            .member(name)
            .error("the value is empty or has a space", help));
    }
    let test = test(value);
    Ok(Matcher::Claim { path, test })
}
