//! The URLs of a provider: its issuer, its metadata, and where it signs users out.

use url::Url;

use crate::config::source::{Located, Source};
use crate::document::Report;
use crate::provider::EndSessionEndpoint;

use super::plain;

/// D02: no one in between can pose as the provider, and no path is appended to a query.
pub(super) fn issuer(source: &Source, path: &str) -> Result<String, Report> {
    let help = "write the provider's issuer, like `https://gitlab.example.com`";
    let found = source.required(path, help)?;
    let has_query = Url::parse(&found.value).is_ok_and(|url| url.query().is_some());
    match problem(&found.value).or_else(|| has_query.then_some("has a query")) {
        Some(problem) => Err(found.error(problem, help)),
        None => plain(found),
    }
}

/// The URL of the metadata, which may have a query, as that of Azure AD B2C does.
pub(super) fn discovery(source: &Source, path: &str) -> Result<Option<Url>, Report> {
    let help = "write the URL of the provider's metadata, like \
                `https://gitlab.example.com/.well-known/openid-configuration`";
    let Some(found) = source.text(path)? else {
        return Ok(None);
    };
    let url = https_url(found, help)?;
    let parsed = Url::parse(&url.value);
    parsed
        .map(Some)
        .map_err(|_| url.error("is not a URL", help))
}

/// Where users are signed out at the provider.
pub(super) fn end_session(source: &Source, path: &str) -> Result<EndSessionEndpoint, Report> {
    let help = "write `true`, `false` or an `https` URL";
    let Some(found) = source.text_or_boolean(path)? else {
        return Ok(EndSessionEndpoint::Discovered);
    };
    match &*found.value {
        "true" => Ok(EndSessionEndpoint::Discovered),
        "false" => Ok(EndSessionEndpoint::None),
        _ => Ok(EndSessionEndpoint::Url(https_url(found, help)?.value)),
    }
}

fn https_url<'a>(found: Located<'a>, help: &str) -> Result<Located<'a>, Report> {
    if let Some(problem) = problem(&found.value) {
        return Err(found.error(problem, help));
    }
    let location = found.location.clone();
    plain(found).map(|url| location.with_value(url))
}

/// Why a text is not a plain `https` URL; it may have a query.
fn problem(text: &str) -> Option<&'static str> {
    match Url::parse(text) {
        Err(_) => Some("is not a URL"),
        Ok(url) if url.scheme() != "https" => Some("is not `https`"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("has a user or a password")
        }
        Ok(url) if url.fragment().is_some() => Some("has a fragment"),
        Ok(_) => None,
    }
}
