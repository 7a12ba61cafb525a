//! The trust entries.

use std::time::Duration;

use crate::json::Json;
use crate::policy::document;
use crate::policy::error::{Location, PolicyError};
use crate::token::Algorithm;
use crate::trust::{ClaimPaths, Kind, Trust, Url};

use super::{check, keys};

/// The API server's own audiences. A token for one of these is accepted by the cluster itself, and any
/// app that receives it could use it there.
const API_SERVER: [&str; 3] = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// The same with a cluster's domain after it, by default `cluster.local`.
const API_SERVER_IN_DOMAIN: &str = "kubernetes.default.svc.";

/// Validates all entries, each alone and then among the others.
pub(super) fn trusts(
    wire: Vec<document::Trust>,
    location: &Location,
) -> Result<Vec<Trust>, PolicyError> {
    // Inline sets are compared in their wire form.
    let inline = |trust: &document::Trust| trust.keys.as_ref()?.inline.clone();
    let inline: Vec<Option<Json>> = wire.iter().map(inline).collect();
    let trusts = check::each(wire, location, trust)?;
    for (index, trust) in trusts.iter().enumerate() {
        let location = location.element(index);
        let (before, _) = trusts.split_at(index);
        check::unique(
            &trust.name,
            before.iter().map(|other| &*other.name),
            &location,
        )?;
        let own_inline = inline.get(index);
        for (other, inline) in before.iter().zip(&inline) {
            let same_keys = match (&trust.keys.remote, &other.keys.remote) {
                (None, None) => own_inline == Some(inline),
                _ => trust.keys.may_share_keys_with(&other.keys),
            };
            if same_keys && same_issuer(trust, other) && same_audience(trust, other) {
                return Err(location.error_about(
                    &other.name,
                    "has the same issuer, the same keys and a common audience",
                    "remove one of the two, or give them different audiences or `keys`",
                ));
            }
        }
        if trust.kind == Kind::Kubernetes {
            dedicated_audiences(trust, &trusts, &location.member("audiences"))?;
        }
    }
    Ok(trusts)
}

fn same_issuer(one: &Trust, other: &Trust) -> bool {
    one.issuers().any(|issuer| other.accepts_issuer(issuer))
}

fn same_audience(one: &Trust, other: &Trust) -> bool {
    let mut audiences = one.audiences.iter();
    audiences.any(|audience| other.audiences.contains(audience))
}

/// K04: a token that is presented here must be valid nowhere else.
fn dedicated_audiences(
    trust: &Trust,
    all: &[Trust],
    location: &Location,
) -> Result<(), PolicyError> {
    for (index, audience) in trust.audiences.iter().enumerate() {
        let host = audience.strip_prefix("https://").unwrap_or(audience);
        let host = host.strip_suffix('/').unwrap_or(host);
        let problem = if API_SERVER.contains(&host) || host.starts_with(API_SERVER_IN_DOMAIN) {
            "is the API server's own audience"
        } else if all.iter().any(|trust| trust.accepts_issuer(audience)) {
            "is an issuer, so it is the API server's own audience"
        } else {
            continue;
        };
        return Err(location.element(index).error_about(
            audience,
            problem,
            "use a dedicated audience, such as `portcullis`, and project tokens for it",
        ));
    }
    Ok(())
}

fn trust(wire: document::Trust, location: &Location) -> Result<Trust, PolicyError> {
    let name = check::name(wire.name, location)?;
    let kind = kind(wire.kind, location)?;
    let help = "write the value of `iss` in its tokens";
    let issuer = check::required(wire.issuer, location, "issuer", help)?;
    let keys_named = |keys: &document::Keys| keys.jwks.is_some() || keys.inline.is_some();
    let is_url = !wire.keys.as_ref().is_some_and(keys_named);
    let issuer = self::issuer(issuer, is_url, &location.member("issuer"))?;
    let former = location.member("former_issuers");
    let former_issuers = check::each(
        wire.former_issuers.unwrap_or_default(),
        &former,
        |url, location| {
            if url == issuer {
                return Err(location.error_about(
                    &url,
                    "is also the value of `issuer`",
                    "remove it here",
                ));
            }
            self::issuer(url, is_url, location)
        },
    )?;
    let help = "list the audiences of which its tokens must have one in `aud`";
    let audiences = check::required(wire.audiences, location, "audiences", help)?;
    let at = location.member("audiences");
    let audiences = check::texts(check::filled(audiences, &at, help)?, &at)?;
    let algorithms = algorithms(wire.algorithms, &location.member("algorithms"))?;
    let help = "add `keys` with the source of its keys";
    let keys = check::required(wire.keys, location, "keys", help)?;
    let keys = keys::keys(
        keys,
        &issuer,
        algorithms.as_deref(),
        &location.member("keys"),
    )?;
    let leeway = check::duration(
        wire.leeway,
        &location.member("leeway"),
        Duration::from_secs(30),
        (Duration::ZERO, Duration::from_secs(300)),
        "at most 5m",
    )?;
    let max_lifetime = check::duration(
        wire.max_lifetime,
        &location.member("max_lifetime"),
        Duration::from_secs(86_400),
        (Duration::from_secs(1), Duration::MAX),
        "at least 1s",
    )?;
    let claims = claims(wire.claims, kind, &location.member("claims"))?;
    let trust_unverified_email = wire.trust_unverified_email == Some(true);
    if trust_unverified_email && kind == Kind::Kubernetes {
        let problem = "tokens of the kind kubernetes have no e-mail address";
        let location = location.member("trust_unverified_email");
        return Err(location.error(problem, "remove it"));
    }
    Ok(Trust {
        name,
        kind,
        issuer,
        former_issuers,
        audiences,
        keys,
        algorithms,
        leeway,
        max_lifetime,
        claims,
        trust_unverified_email,
    })
}

fn kind(wire: Option<String>, location: &Location) -> Result<Kind, PolicyError> {
    let help = "write `kubernetes` or `oidc`";
    let kind = check::required(wire, location, "kind", help)?;
    match kind.as_str() {
        "kubernetes" => Ok(Kind::Kubernetes),
        "oidc" => Ok(Kind::Oidc),
        _ => Err(location
            .member("kind")
            .error_about(&kind, "is not a kind of trust entry", help)),
    }
}

/// `https`, no query, no fragment, no user information; any text if nothing is read from there. Kept byte
/// for byte, because `iss` is compared exactly.
fn issuer(text: String, is_url: bool, location: &Location) -> Result<String, PolicyError> {
    if !is_url {
        return check::text(text, location);
    }
    if Url::parse(&text).is_some() {
        return Ok(text);
    }
    Err(location.error_about(
        &text,
        "is not an issuer URL",
        "write `https://`, a host and an optional path, exactly as in `iss`, or name its keys in \
         `keys.jwks`",
    ))
}

fn algorithms(
    wire: Option<Vec<String>>,
    location: &Location,
) -> Result<Option<Vec<Algorithm>>, PolicyError> {
    let Some(names) = wire else {
        return Ok(None);
    };
    let names = check::filled(
        names,
        location,
        "remove it to use the algorithm of each key",
    )?;
    check::each(names, location, algorithm).map(Some)
}

/// J04: no algorithm without a key, or with a shared secret.
fn algorithm(name: String, location: &Location) -> Result<Algorithm, PolicyError> {
    if let Some(algorithm) = Algorithm::from_name(&name) {
        return Ok(algorithm);
    }
    let problem = if name.eq_ignore_ascii_case("none") {
        "means no signature and is never accepted"
    } else if name
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("HS"))
    {
        "uses a shared secret and is never accepted"
    } else {
        "is not an accepted algorithm"
    };
    let names: Vec<&str> = Algorithm::ALL.iter().map(|known| known.name()).collect();
    let help = ["write one of ", &names.join(", ")].concat();
    Err(location.error_about(&name, problem, &help))
}

fn claims(
    wire: Option<document::Claims>,
    kind: Kind,
    location: &Location,
) -> Result<ClaimPaths, PolicyError> {
    if wire.is_some() && kind == Kind::Kubernetes {
        let problem = "tokens of the kind kubernetes have no configurable claims";
        return Err(location.error(problem, "remove `claims`"));
    }
    let wire = wire.unwrap_or_default();
    let path = |value: Option<Json>, name: &str| claim_path(value, name, &location.member(name));
    Ok(ClaimPaths {
        groups: path(wire.groups, "groups")?,
        email: path(wire.email, "email")?,
        preferred_username: path(wire.preferred_username, "preferred_username")?,
    })
}

/// A name, or a list of the names on the path to the claim.
fn claim_path(
    value: Option<Json>,
    name: &str,
    location: &Location,
) -> Result<Vec<String>, PolicyError> {
    let path = match value {
        None => Some(vec![name.to_owned()]),
        Some(Json::String(name)) => Some(vec![name]),
        Some(Json::Array(names)) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect(),
        Some(_) => None,
    };
    path.filter(|path| !path.is_empty() && path.iter().all(|name| !name.is_empty()))
        .ok_or_else(|| {
            let help = "write the name of the claim, or the list of member names to it";
            location.error(
                "the value is not the name of a claim or a list of names",
                help,
            )
        })
}
