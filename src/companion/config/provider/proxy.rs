//! The HTTP proxy for requests to a provider.

use std::env;

use crate::config::source::Source;
use crate::document::Report;
use crate::provider::{ProxyError, ProxySettings};

const HELP: &str = "write `http://HOST:PORT` or `https://HOST:PORT`";

/// The proxy of the setting, else of the environment. Its URL may have a password, so no error shows it.
pub(super) fn read(source: &Source, path: &str) -> Result<Option<ProxySettings>, Report> {
    let Some(found) = source.text(path)? else {
        return from_environment(|name| env::var(name).ok());
    };
    match ProxySettings::parse(&found.value, None) {
        Ok(proxy) => Ok(Some(proxy)),
        Err(ProxyError) => {
            let report = found
                .location
                .error("is not the URL of an HTTP proxy", HELP);
            Err(report.without_source())
        }
    }
}

/// The proxy of the variables that curl and others use. The lower-case names take precedence.
fn from_environment(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<ProxySettings>, Report> {
    let first = |names: [&'static str; 2]| {
        let found = names.map(|name| Some((name, variable(name)?)));
        found
            .into_iter()
            .flatten()
            .find(|(_, value)| !value.is_empty())
    };
    let Some((name, url)) = first(["https_proxy", "HTTPS_PROXY"]) else {
        return Ok(None);
    };
    // The scheme is optional there.
    let url = if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    };
    let no_proxy = first(["no_proxy", "NO_PROXY"]).map(|(_, value)| value);
    // For curl this is every host, for the HTTP library every name.
    if no_proxy.as_deref().is_some_and(|hosts| hosts.trim() == "*") {
        return Ok(None);
    }
    match ProxySettings::parse(&url, no_proxy) {
        Ok(proxy) => Ok(Some(proxy)),
        Err(ProxyError) => Err(Report::of(name, "is not the URL of an HTTP proxy", HELP)),
    }
}

#[cfg(test)]
mod tests;
