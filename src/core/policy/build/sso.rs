//! How users sign in.

use std::time::Duration;

use crate::endpoints;
use crate::policy::Sso;
use crate::policy::document;
use crate::policy::error::{Location, PolicyError};
use crate::request::{is_dns_name, is_token};
use crate::session::{CookieNames, MAX_TOKEN_LIFETIME};
use crate::token::Algorithm;
use crate::trust::{ClaimPaths, KeyEndpoint, KeySource, Kind, Remote, Trust, Url};

use super::check;

/// The name of the companion's keys in metrics and logs, where trust entries have their names.
const NAME: &str = "sso";

/// The default of `cookie`.
const COOKIE: &str = "__Secure-portcullis";

/// The maximum length of the cookie name, which leaves room for the value (RFC 6265bis limits name
/// and value to 4,096 bytes together).
const MAX_COOKIE: usize = 64;

/// The tolerated clock skew between filter and companion for the start of a token.
const LEEWAY: Duration = Duration::from_secs(30);

/// The interval of fetches of the companion's keys. A new key is published ten minutes before it
/// signs.
const REFRESH: Duration = Duration::from_secs(60);

/// The maximum age of the companion's keys.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Validates `sso`.
pub(super) fn sso(
    wire: document::Sso,
    trusts: &[Trust],
    location: &Location,
) -> Result<Sso, PolicyError> {
    let help =
        "write the URL at which browsers reach the companion, like `https://auth.example.com`";
    let text = check::required(wire.url, location, "url", help)?;
    let at = location.member("url");
    let (url, host) = url(&text)
        .ok_or_else(|| at.error_about(&text, "is not an `https` URL with only a host", help))?;
    let help = "set it to the cluster of the companion";
    let cluster = check::required(wire.envoy_cluster, location, "envoy_cluster", help)?;
    let envoy_cluster = check::text(cluster, &location.member("envoy_cluster"))?;
    let cookie = wire.cookie.unwrap_or_else(|| COOKIE.to_owned());
    let cookie_names = cookie_names(cookie, &location.member("cookie"))?;
    let providers = providers(wire.providers, trusts, &location.member("providers"))?;
    if trusts.iter().any(|trust| trust.name == NAME) {
        let problem =
            "a trust entry has the name `sso`, which is reserved for the companion's keys";
        return Err(location.error(problem, "rename the trust entry"));
    }
    let jwks = Url::parse(&[&url, endpoints::JWKS.path].concat())
        .ok_or_else(|| at.error_about(&text, "is not a valid key URL", help))?;
    let keys = Trust {
        name: NAME.to_owned(),
        kind: Kind::Oidc,
        issuer: url.clone(),
        former_issuers: Vec::new(),
        audiences: vec![url.clone()],
        keys: KeySource {
            remote: Some(Remote {
                envoy_cluster: envoy_cluster.clone(),
                endpoint: KeyEndpoint::Jwks(jwks),
                refresh: REFRESH,
                max_stale: MAX_STALE,
            }),
            inline: None,
            refuse_kids: Vec::new(),
            pins: Vec::new(),
        },
        algorithms: Some(vec![Algorithm::Es256]),
        leeway: LEEWAY,
        max_lifetime: MAX_TOKEN_LIFETIME,
        // Session tokens have fixed claims.
        claims: ClaimPaths {
            groups: Vec::new(),
            email: Vec::new(),
            preferred_username: Vec::new(),
        },
        trust_unverified_email: false,
    };
    Ok(Sso {
        url,
        host,
        envoy_cluster,
        cookie_names,
        providers,
        keys,
    })
}

/// The URL in the form of an origin, and its host.
fn url(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).filter(|url| url.path() == "/")?;
    let authority = url.authority();
    let authority = authority.strip_suffix(":443").unwrap_or(authority);
    let host = authority.split(':').next().unwrap_or_default();
    is_dns_name(host).then(|| (["https://", authority].concat(), host.to_owned()))
}

/// C01: the prefixes with which browsers keep other hosts and plain HTTP from setting the cookie.
fn cookie_names(name: String, location: &Location) -> Result<CookieNames, PolicyError> {
    let after = name
        .strip_prefix("__Secure-")
        .or_else(|| name.strip_prefix("__Host-"));
    let (problem, help) = match after {
        None => (
            "does not start with `__Secure-` or `__Host-`",
            "use one of these prefixes, so that browsers protect the cookie",
        ),
        Some("") => ("is only a prefix", "add a name, like `__Secure-portcullis`"),
        Some(_) if name.len() > MAX_COOKIE => ("is longer than 64 bytes", "write a shorter name"),
        Some(_) if !name.bytes().all(is_token) => (
            "is not a cookie name",
            "write letters, digits and `-` after the prefix",
        ),
        Some(_) => return Ok(CookieNames::new(name)),
    };
    Err(location.error_about(&name, problem, help))
}

fn providers(
    wire: Option<Vec<String>>,
    trusts: &[Trust],
    location: &Location,
) -> Result<Vec<String>, PolicyError> {
    let list = wire.unwrap_or_else(|| vec![NAME.to_owned()]);
    let list = check::filled(list, location, "remove it if the only provider is `sso`")?;
    for (index, name) in list.iter().enumerate() {
        let location = location.element(index);
        check::is_name(name, &location)?;
        let (before, _) = list.split_at(index);
        let help = "give each a unique name";
        if before.contains(name) {
            return Err(location.error(&check::duplicate(name), help));
        }
        if trusts.iter().any(|trust| trust.name == *name) {
            return Err(location.error_about(name, "is also the name of a trust entry", help));
        }
    }
    Ok(list)
}
