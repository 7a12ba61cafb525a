//! The trust entries.

use std::time::Duration;

use crate::json::Json;
use crate::policy::document;
use crate::policy::error::{Place, PolicyError};
use crate::token::Algorithm;
use crate::trust::{ClaimPaths, Kind, Trust, Url};

use super::{check, keys};

/// What an API server calls itself. A token for one of these opens the cluster itself, and whoever
/// is shown it could use it there.
const API_SERVER: [&str; 3] = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// The same with a cluster's domain behind it, by default `cluster.local`.
const API_SERVER_IN_DOMAIN: &str = "kubernetes.default.svc.";

/// Judges all entries, each alone and then among the others.
pub(super) fn trusts(wire: Vec<document::Trust>, place: &Place) -> Result<Vec<Trust>, PolicyError> {
    // Only here are inline sets compared, as they are written.
    let inline = |trust: &document::Trust| trust.keys.as_ref()?.inline.clone();
    let inline: Vec<Option<Json>> = wire.iter().map(inline).collect();
    let trusts = check::each(wire, place, trust)?;
    for (index, trust) in trusts.iter().enumerate() {
        let place = place.element(index);
        let (before, _) = trusts.split_at(index);
        check::unique(&trust.name, before.iter().map(|other| &*other.name), &place)?;
        let own_inline = inline.get(index);
        for (other, inline) in before.iter().zip(&inline) {
            let same_keys = match (&trust.keys.remote, &other.keys.remote) {
                (None, None) => own_inline == Some(inline),
                _ => trust.keys.may_hold_a_key_of(&other.keys),
            };
            if same_keys && same_issuer(trust, other) && same_audience(trust, other) {
                return Err(place.error_about(
                    &other.name,
                    "has the same issuer, the same keys and a common audience",
                    "remove one of the two, or give them different audiences or `keys`",
                ));
            }
        }
        if trust.kind == Kind::Kubernetes {
            dedicated_audiences(trust, &trusts, &place.member("audiences"))?;
        }
    }
    Ok(trusts)
}

fn same_issuer(one: &Trust, other: &Trust) -> bool {
    one.issuers().any(|issuer| other.vouches_as(issuer))
}

fn same_audience(one: &Trust, other: &Trust) -> bool {
    let mut audiences = one.audiences.iter();
    audiences.any(|audience| other.audiences.contains(audience))
}

/// K04: a token that is shown here must be good for nothing else.
fn dedicated_audiences(trust: &Trust, all: &[Trust], place: &Place) -> Result<(), PolicyError> {
    for (index, audience) in trust.audiences.iter().enumerate() {
        let host = audience.strip_prefix("https://").unwrap_or(audience);
        let host = host.strip_suffix('/').unwrap_or(host);
        let problem = if API_SERVER.contains(&host) || host.starts_with(API_SERVER_IN_DOMAIN) {
            "is the API server's own audience"
        } else if all.iter().any(|trust| trust.vouches_as(audience)) {
            "is an issuer, so it is the API server's own audience"
        } else {
            continue;
        };
        return Err(place.element(index).error_about(
            audience,
            problem,
            "have clients project a token with an audience of its own, such as `portcullis`",
        ));
    }
    Ok(())
}

fn trust(wire: document::Trust, place: &Place) -> Result<Trust, PolicyError> {
    let name = check::name(wire.name, place)?;
    let kind = kind(wire.kind, place)?;
    let help = "write the `iss` of its tokens";
    let issuer = check::required(wire.issuer, place, "issuer", help)?;
    let issuer = self::issuer(issuer, &place.member("issuer"))?;
    let former = place.member("former_issuers");
    let former_issuers = check::each(
        wire.former_issuers.unwrap_or_default(),
        &former,
        |url, place| {
            if url == issuer {
                return Err(place.error_about(&url, "is `issuer` itself", "leave it out here"));
            }
            self::issuer(url, place)
        },
    )?;
    let help = "list the audiences of which its tokens must have one in `aud`";
    let audiences = check::required(wire.audiences, place, "audiences", help)?;
    let at = place.member("audiences");
    let audiences = check::texts(check::filled(audiences, &at, help)?, &at)?;
    let algorithms = algorithms(wire.algorithms, &place.member("algorithms"))?;
    let help = "add `keys` with the source of its keys";
    let keys = check::required(wire.keys, place, "keys", help)?;
    let keys = keys::keys(keys, &issuer, algorithms.as_deref(), &place.member("keys"))?;
    let leeway = check::duration(
        wire.leeway,
        &place.member("leeway"),
        Duration::from_secs(30),
        (Duration::ZERO, Duration::from_secs(300)),
        "at most 5m",
    )?;
    let max_lifetime = check::duration(
        wire.max_lifetime,
        &place.member("max_lifetime"),
        Duration::from_secs(86_400),
        (Duration::from_secs(1), Duration::MAX),
        "at least 1s",
    )?;
    let claims = claims(wire.claims, kind, &place.member("claims"))?;
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
    })
}

fn kind(wire: Option<String>, place: &Place) -> Result<Kind, PolicyError> {
    let help = "write kubernetes or oidc";
    let kind = check::required(wire, place, "kind", help)?;
    match kind.as_str() {
        "kubernetes" => Ok(Kind::Kubernetes),
        "oidc" => Ok(Kind::Oidc),
        _ => Err(place
            .member("kind")
            .error_about(&kind, "is not a kind", help)),
    }
}

/// D02: `https`, no query, no fragment, no user information. Kept byte for byte, as J18 compares.
fn issuer(text: String, place: &Place) -> Result<String, PolicyError> {
    if Url::parse(&text).is_some() {
        return Ok(text);
    }
    Err(place.error_about(
        &text,
        "is not the URL of an issuer",
        "write `https://`, a host and an optional path, exactly as in `iss`",
    ))
}

fn algorithms(
    wire: Option<Vec<String>>,
    place: &Place,
) -> Result<Option<Vec<Algorithm>>, PolicyError> {
    let Some(names) = wire else {
        return Ok(None);
    };
    let names = check::filled(names, place, "remove it to use the algorithm of each key")?;
    check::each(names, place, algorithm).map(Some)
}

/// J04: nothing that needs no key, or a key that both sides know.
fn algorithm(name: String, place: &Place) -> Result<Algorithm, PolicyError> {
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
    Err(place.error_about(&name, problem, &help))
}

fn claims(
    wire: Option<document::Claims>,
    kind: Kind,
    place: &Place,
) -> Result<ClaimPaths, PolicyError> {
    if wire.is_some() && kind == Kind::Kubernetes {
        let problem = "a kubernetes trust gives no e-mail, groups or preferred username";
        return Err(place.error(problem, "leave `claims` out"));
    }
    let wire = wire.unwrap_or_default();
    let path = |value: Option<Json>, name: &str| claim_path(value, name, &place.member(name));
    Ok(ClaimPaths {
        groups: path(wire.groups, "groups")?,
        email: path(wire.email, "email")?,
        preferred_username: path(wire.preferred_username, "preferred_username")?,
    })
}

/// A name, or a list of names from the top of the token.
fn claim_path(value: Option<Json>, name: &str, place: &Place) -> Result<Vec<String>, PolicyError> {
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
            place.error("not the name of a claim", help)
        })
}
