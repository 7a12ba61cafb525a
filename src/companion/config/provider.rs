//! Identity providers (OpenID Connect).

use url::Url;

use crate::document::Report;
use crate::provider::ProviderSettings;

use super::source::{Located, Source};

/// The default name of the only provider, as in the policy.
const NAME: &str = "sso";

pub(super) fn read(source: &Source) -> Result<Vec<ProviderSettings>, Report> {
    let listed = source.list_len("providers");
    let count = listed.max(usize::from(source.overrides("providers[]")));
    if count == 0 {
        let help = "list at least one with `issuer` and `client_id`, or use flags like \
                    `--provider-issuer`";
        return Err(source.missing_field("providers", help));
    }
    let mut providers: Vec<ProviderSettings> = Vec::with_capacity(count);
    for index in 0..count {
        let at = |field: &str| format!("providers[{index}].{field}");
        let name = name(source, &at("name"), count)?;
        let before = providers.iter().position(|other| other.name == name);
        if let Some(before) = before
            && let Some(found) = source.text(&at("name"))?
        {
            let problem = format!("is also the name of `providers[{before}]`");
            return Err(found.error(&problem, "give each provider a unique name"));
        }
        let help = "write the OAuth client ID";
        providers.push(ProviderSettings {
            name,
            issuer: issuer(source, &at("issuer"))?,
            client_id: plain(source.required(&at("client_id"), help)?)?,
            client_secret_file: source
                .path(&at("client_secret_file"))?
                .map(|found| found.value),
            audiences: audiences(source, &at("audiences"))?,
            scopes: scopes(source, &at("scopes"))?,
            groups_claim: groups_claim(source, &at("groups_claim"))?,
            trust_unverified_email: source
                .boolean(&at("trust_unverified_email"))?
                .unwrap_or_default(),
            ca_file: source.path(&at("ca_file"))?.map(|found| found.value),
        });
    }
    Ok(providers)
}

fn name(source: &Source, path: &str, count: usize) -> Result<String, Report> {
    if count == 1 && source.text(path)?.is_none() {
        return Ok(NAME.to_owned());
    }
    let help = "write the name that rules use in `from`";
    let found = source.required(path, help)?;
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if found.value.len() > 63 || !found.value.bytes().all(plain) {
        let help = "write 1 to 63 lower-case letters, digits and `-`";
        return Err(found.error("is not a valid name", help));
    }
    Ok(found.value)
}

/// D02: no one in between can pose as the provider, and no path is appended to a query.
fn issuer(source: &Source, path: &str) -> Result<String, Report> {
    let help = "write the provider's issuer, like `https://gitlab.example.com`";
    let found = source.required(path, help)?;
    let problem = match Url::parse(&found.value) {
        Err(_) => Some("is not a URL"),
        Ok(url) if url.scheme() != "https" => Some("is not `https`"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("has a user or a password")
        }
        Ok(url) if url.query().is_some() => Some("has a query"),
        Ok(url) if url.fragment().is_some() => Some("has a fragment"),
        Ok(_) => None,
    };
    match problem {
        Some(problem) => Err(found.error(problem, help)),
        None => plain(found),
    }
}

fn audiences(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let list = source.list(path)?.unwrap_or_default();
    list.into_iter().map(plain).collect()
}

fn scopes(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let Some(list) = source.list(path)? else {
        return Ok(["openid", "email", "profile"].map(str::to_owned).to_vec());
    };
    for found in &list {
        // RFC 6749 section 3.3.
        let token = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if !found.value.bytes().all(token) {
            let help = "write one scope for each element, without spaces or quotes";
            return Err(found.error("is not a valid scope", help));
        }
    }
    let scopes: Vec<String> = list.into_iter().map(|found| found.value).collect();
    if scopes.iter().any(|scope| scope == "openid") {
        return Ok(scopes);
    }
    let problem = "`openid` is missing";
    Err(source.error(path, problem, "add `openid`, which OpenID Connect requires"))
}

fn groups_claim(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let Some(list) = source.one_or_list(path)? else {
        return Ok(vec!["groups".to_owned()]);
    };
    if list.is_empty() {
        let help = "write the name of a claim, or remove the field";
        return Err(source.error(path, "is an empty list", help));
    }
    Ok(list.into_iter().map(|found| found.value).collect())
}

/// A value for headers and pages: visible ASCII.
fn plain(found: Located<'_>) -> Result<String, Report> {
    if found.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(found.value);
    }
    Err(found.error(
        "has a space or a character that is not ASCII",
        "write it as the provider shows it",
    ))
}
