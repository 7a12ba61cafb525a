//! The trust entries of a policy: the issuers whose tokens are accepted. Valid by construction.

mod id;
mod url;

#[cfg(test)]
mod tests;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::jwk::{Algorithm, Key, KeySet, Thumbprint};

pub use id::{KeySourceId, PerKeySource, TrustId};
pub use url::Url;

/// A trust entry: one issuer, or one of several clusters that share an issuer.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The name, which is the first part of its callers' names.
    pub name: String,
    /// The kind of its tokens.
    pub kind: Kind,
    /// The value of `iss`, compared byte for byte.
    pub issuer: String,
    /// Further accepted values of `iss`, for the time of a migration.
    pub former_issuers: Vec<String>,
    /// A token needs at least one of them in `aud`. Never empty.
    pub audiences: Vec<String>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// The accepted algorithms; `None` accepts what each key specifies.
    pub algorithms: Option<Vec<Algorithm>>,
    /// The tolerated clock skew, at most five minutes.
    pub leeway: Duration,
    /// The longest time from `iat` to `exp` that is accepted.
    pub max_lifetime: Duration,
    /// The paths of the claims of an OIDC token that rules match on.
    pub claims: ClaimPaths,
    /// Whether an e-mail address counts that the issuer has not verified.
    pub trust_unverified_email: bool,
}

/// The kind of an issuer's tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Service-account tokens of a Kubernetes cluster.
    Kubernetes,
    /// Tokens of any other OpenID Connect issuer.
    Oidc,
}

/// Where the keys of a trust entry come from, and how long they are valid.
#[derive(Clone, Debug)]
pub struct KeySource {
    /// How they are fetched; `None` if there are only inline keys.
    pub remote: Option<Remote>,
    /// An initial key set. It never becomes stale if nothing is fetched.
    pub inline: Option<KeySet>,
    /// Keys to refuse, by `kid`.
    pub refuse_kids: Vec<String>,
    /// The only accepted keys, by thumbprint; empty for all.
    pub pins: Vec<Thumbprint>,
}

/// How a key set is fetched.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The Envoy cluster of the issuer.
    pub envoy_cluster: String,
    /// What is requested there.
    pub endpoint: KeyEndpoint,
    /// The interval of fetches.
    pub refresh: Duration,
    /// The maximum age of the cached set.
    pub max_stale: Duration,
}

/// What is requested at the issuer's cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyEndpoint {
    /// A discovery document, which names the key set.
    Discovery(Url),
    /// The key set itself.
    Jwks(Url),
    /// The companion's mirror of this trust entry.
    Mirror,
}

/// The paths of the claims of an OIDC token that rules match on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPaths {
    /// The groups: a list of strings or one string.
    pub groups: Vec<String>,
    /// The e-mail address; `email_verified` is the claim beside it.
    pub email: Vec<String>,
    /// The user name that users prefer.
    pub preferred_username: Vec<String>,
}

// === impl Trust ===

impl Trust {
    /// The accepted values of `iss`: the issuer, then the former ones.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        let former = self.former_issuers.iter();
        std::iter::once(&self.issuer)
            .chain(former)
            .map(String::as_str)
    }

    /// Whether this value of `iss` is accepted.
    pub fn accepts_issuer(&self, iss: &str) -> bool {
        self.issuers().any(|issuer| issuer == iss)
    }

    /// The id of this entry's keys in shared data: a SHA-256, in hexadecimal, of the settings that
    /// decide which keys are fetched. A policy change that keeps these settings starts with the
    /// cached keys. `refuse_kids` and `pins` are not part of it, because they are applied when a
    /// key is used: a key can be refused while its issuer is unreachable.
    pub fn keys_id(&self) -> String {
        let mut parts: Vec<String> = self.issuers().map(str::to_owned).collect();
        if let Some(remote) = &self.keys.remote {
            parts.push(remote.envoy_cluster.clone());
            parts.push(match &remote.endpoint {
                KeyEndpoint::Discovery(url) => format!("discovery {url}"),
                KeyEndpoint::Jwks(url) => format!("jwks {url}"),
                KeyEndpoint::Mirror => format!("mirror {}", self.name),
            });
        }
        parts.extend(self.keys.inline.as_ref().map(KeySet::to_json));
        parts.extend(self.algorithms.iter().flatten().map(ToString::to_string));
        hex_digest(parts.iter().map(String::as_str))
    }
}

// === impl KeySource ===

impl KeySource {
    /// Whether a key of the issuer's set may be used: its `kid` is not refused, and it is pinned if
    /// there are pins.
    pub fn accepts(&self, key: &Key) -> bool {
        self.is_pinned(key) && !key.kid().is_some_and(|kid| self.refuses(kid))
    }

    /// Whether keys with this `kid` are refused.
    pub fn refuses(&self, kid: &str) -> bool {
        self.refuse_kids.iter().any(|refused| refused == kid)
    }

    /// Whether a key is among the pins, or there are none.
    pub fn is_pinned(&self, key: &Key) -> bool {
        self.pins.is_empty() || self.pins.contains(&key.thumbprint())
    }

    /// Whether the policy assigns a key to this entry, as a pin or in its inline set.
    pub(crate) fn assigns(&self, key: Thumbprint) -> bool {
        let mut inline = self.inline.iter().flat_map(|set| set.keys());
        self.pins.contains(&key) || inline.any(|inline| inline.thumbprint() == key)
    }

    /// The id of the endpoint that the keys are fetched from: equal for entries with the same one.
    /// `None` if nothing is fetched, and for a mirror, which has a separate key set for each entry.
    pub(crate) fn source_id(&self) -> Option<String> {
        let remote = self.remote.as_ref()?;
        let (kind, url) = match &remote.endpoint {
            KeyEndpoint::Discovery(url) => ("discovery", url),
            KeyEndpoint::Jwks(url) => ("jwks", url),
            KeyEndpoint::Mirror => return None,
        };
        let url = url.to_string();
        Some(hex_digest([&*remote.envoy_cluster, kind, &url]))
    }

    /// Whether both are fetched from the same endpoint, and their pins have a key in common.
    pub(crate) fn may_share_keys_with(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (&self.remote, &other.remote) else {
            return false;
        };
        let one_place =
            own.envoy_cluster == others.envoy_cluster && own.endpoint == others.endpoint;
        let apart = !self.pins.is_empty()
            && !other.pins.is_empty()
            && !self.pins.iter().any(|pin| other.pins.contains(pin));
        // A mirror has a separate key set for each trust entry.
        one_place && own.endpoint != KeyEndpoint::Mirror && !apart
    }
}

/// A SHA-256 of these parts, in hexadecimal.
pub(crate) fn hex_digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With the lengths, different parts never give the same input.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
