//! Where the keys of a trust entry come from.

use std::time::Duration;

use crate::keys::{KeySet, Thumbprint};
use crate::policy::document;
use crate::policy::error::{Location, PolicyError};
use crate::token::Algorithm;
use crate::trust::{KeyEndpoint, KeySource, Remote, Url};

use super::check;

/// The longest `kid`, in bytes: the maximum that Kubernetes allows an external signer.
const MAX_KID: usize = 1024;

/// Validates the `keys` of the entry with this issuer.
pub(super) fn keys(
    wire: document::Keys,
    issuer: &str,
    algorithms: Option<&[Algorithm]>,
    location: &Location,
) -> Result<KeySource, PolicyError> {
    let inline = match &wire.inline {
        None => None,
        Some(json) => Some(KeySet::from_json(json, algorithms).map_err(|error| {
            let location = location.member("inline");
            let help = "write a JWKS: `{keys: […]}` with at least one public key";
            location.error(&error.to_string(), help)
        })?),
    };
    let refuse_kids = check::texts(
        wire.refuse_kids.clone().unwrap_or_default(),
        &location.member("refuse_kids"),
    )?;
    for (index, kid) in refuse_kids.iter().enumerate() {
        if kid.len() > MAX_KID {
            let location = location.member("refuse_kids").element(index);
            let help = "remove it; no key with a longer `kid` is accepted";
            return Err(location.error("the key ID is longer than 1024 bytes", help));
        }
    }
    let pins = check::each(
        wire.pins.clone().unwrap_or_default(),
        &location.member("pins"),
        pin,
    )?;
    let remote = remote(wire, issuer, location)?;
    if remote.is_none() && inline.is_none() {
        let help = "set `envoy_cluster` to the cluster of the issuer, or give the keys `inline`";
        return Err(location.error("missing `envoy_cluster` or `inline`", help));
    }
    Ok(KeySource {
        remote,
        inline,
        refuse_kids,
        pins,
    })
}

fn pin(text: String, location: &Location) -> Result<Thumbprint, PolicyError> {
    Thumbprint::parse(&text).ok_or_else(|| {
        let help = "write the key's SHA-256 thumbprint (RFC 7638): 43 characters of base64url";
        location.error_about(&text, "is not a thumbprint", help)
    })
}

fn remote(
    wire: document::Keys,
    issuer: &str,
    location: &Location,
) -> Result<Option<Remote>, PolicyError> {
    let mirror = wire.mirror == Some(true);
    let Some(envoy_cluster) = wire.envoy_cluster else {
        let fetching = [
            ("discovery", wire.discovery.is_some()),
            ("jwks", wire.jwks.is_some()),
            ("mirror", mirror),
            ("refresh", wire.refresh.is_some()),
            ("max_stale", wire.max_stale.is_some()),
        ];
        return match fetching.iter().find(|(_, given)| *given) {
            None => Ok(None),
            Some((name, _)) => Err(location.member(name).error(
                "keys are fetched only through an `envoy_cluster`",
                "add `envoy_cluster`, or remove this",
            )),
        };
    };
    let envoy_cluster = check::text(envoy_cluster, &location.member("envoy_cluster"))?;
    let endpoint = endpoint(wire.discovery, wire.jwks, mirror, issuer, location)?;
    let refresh = check::duration(
        wire.refresh,
        &location.member("refresh"),
        Duration::from_secs(300),
        (Duration::from_secs(10), Duration::from_secs(3600)),
        "10s to 1h",
    )?;
    let max_stale = check::duration(
        wire.max_stale,
        &location.member("max_stale"),
        Duration::from_secs(86_400),
        (refresh, Duration::MAX),
        "at least `refresh`",
    )?;
    Ok(Some(Remote {
        envoy_cluster,
        endpoint,
        refresh,
        max_stale,
    }))
}

fn endpoint(
    discovery: Option<String>,
    jwks: Option<String>,
    mirror: bool,
    issuer: &str,
    location: &Location,
) -> Result<KeyEndpoint, PolicyError> {
    match (discovery, jwks, mirror) {
        (None, None, true) => Ok(KeyEndpoint::Mirror),
        (None, Some(text), false) => url(&text, &location.member("jwks")).map(KeyEndpoint::Jwks),
        (Some(text), None, false) => {
            url(&text, &location.member("discovery")).map(KeyEndpoint::Discovery)
        }
        (None, None, false) => Url::discovery(issuer)
            .map(KeyEndpoint::Discovery)
            .ok_or_else(|| not_a_url(issuer, &location.member("discovery"))),
        _ => Err(location.error(
            "`discovery`, `jwks` and `mirror` are mutually exclusive",
            "keep one of them",
        )),
    }
}

fn url(text: &str, location: &Location) -> Result<Url, PolicyError> {
    Url::parse_document(text).ok_or_else(|| not_a_url(text, location))
}

fn not_a_url(text: &str, location: &Location) -> PolicyError {
    let help = "write an `https://` URL with a host and a path, without fragment or user";
    location.error_about(text, "is not a valid key URL", help)
}
