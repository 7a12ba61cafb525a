//! Who may vouch for a caller: the trust entries of a policy, valid by construction.

mod id;
mod url;

#[cfg(test)]
mod tests;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::keys::{Key, KeySet, Thumbprint};
use crate::token::Algorithm;

pub use id::{KeySourceId, PerKeySource, TrustId};
pub use url::Url;

/// A trust entry: one issuer, or one of several clusters that share an issuer.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The first word of every caller from here.
    pub name: String,
    /// What its tokens look like.
    pub kind: Kind,
    /// What `iss` must be, byte for byte.
    pub issuer: String,
    /// What `iss` may also be, while a migration lasts.
    pub former_issuers: Vec<String>,
    /// A token needs at least one of them in `aud`. Never empty.
    pub audiences: Vec<String>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// The algorithms that its keys may be used with; `None` means what each key itself names.
    pub algorithms: Option<Vec<Algorithm>>,
    /// How far the issuer's clock may be off. At most five minutes.
    pub leeway: Duration,
    /// The longest time from `iat` to `exp` that is accepted.
    pub max_lifetime: Duration,
    /// Where an OIDC token says what the rules ask about.
    pub claims: ClaimPaths,
}

/// What the tokens of a trust entry look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Service-account tokens of a Kubernetes cluster.
    Kubernetes,
    /// Tokens of any other OpenID Connect issuer.
    Oidc,
}

/// Where the keys of a trust entry come from, and for how long they count.
#[derive(Clone, Debug)]
pub struct KeySource {
    /// How they are fetched; `None` where the inline set is the only one.
    pub remote: Option<Remote>,
    /// A first key set, which never grows stale where nothing is fetched.
    pub inline: Option<KeySet>,
    /// Keys that are refused at once, by `kid`.
    pub refuse_kids: Vec<String>,
    /// If not empty, only keys with these thumbprints are accepted.
    pub pins: Vec<Thumbprint>,
}

/// How a key set is fetched.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The proxy's cluster that leads to the issuer.
    pub envoy_cluster: String,
    /// What is requested there.
    pub endpoint: Endpoint,
    /// How often the set is read again.
    pub refresh: Duration,
    /// How old the last good set may grow.
    pub max_stale: Duration,
}

/// What is requested at the issuer's cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// A discovery document, which names the key set.
    Discovery(Url),
    /// The key set itself.
    Jwks(Url),
    /// The companion's mirror of this trust entry.
    Mirror,
}

/// Where an OIDC token says what the rules ask about: each a path of member names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPaths {
    /// The groups: a list of strings or one string.
    pub groups: Vec<String>,
    /// The e-mail address; `email_verified` is the claim beside it.
    pub email: Vec<String>,
    /// The user name that people prefer.
    pub preferred_username: Vec<String>,
}

// === impl Trust ===

impl Trust {
    /// What `iss` may be: the issuer, then the former ones.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        let former = self.former_issuers.iter();
        std::iter::once(&self.issuer)
            .chain(former)
            .map(String::as_str)
    }

    /// Whether a token that claims `iss` may come from here.
    pub fn vouches_as(&self, iss: &str) -> bool {
        self.issuers().any(|issuer| issuer == iss)
    }

    /// What names this entry's keys where workers share them: a SHA-256, in hexadecimal, of what
    /// decides which keys are read. A policy edit that leaves that alone starts with the keys that
    /// are there; refused and pinned keys are judged when a key is used, so they are left out too,
    /// and a key can be refused while its issuer is down.
    pub fn keys_id(&self) -> String {
        let mut parts: Vec<String> = self.issuers().map(str::to_owned).collect();
        if let Some(remote) = &self.keys.remote {
            parts.push(remote.envoy_cluster.clone());
            parts.push(match &remote.endpoint {
                Endpoint::Discovery(url) => format!("discovery {url}"),
                Endpoint::Jwks(url) => format!("jwks {url}"),
                Endpoint::Mirror => format!("mirror {}", self.name),
            });
        }
        parts.extend(self.keys.inline.as_ref().map(KeySet::to_json));
        parts.extend(self.algorithms.iter().flatten().map(ToString::to_string));
        let mut hash = Sha256::new();
        for part in &parts {
            // Lengths keep bytes from moving from one part to the next.
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hash.finalize()
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}

// === impl KeySource ===

impl KeySource {
    /// Whether a key of the issuer's set may be used: it is not refused by its `kid`, and it is
    /// pinned where anything is.
    pub fn accepts(&self, key: &Key) -> bool {
        self.is_pinned(key) && !key.kid().is_some_and(|kid| self.refuses(kid))
    }

    /// Whether keys of this `kid` are refused.
    pub fn refuses(&self, kid: &str) -> bool {
        self.refuse_kids.iter().any(|refused| refused == kid)
    }

    /// Whether a key is among the pins, or there are none.
    pub fn is_pinned(&self, key: &Key) -> bool {
        self.pins.is_empty() || self.pins.contains(&key.thumbprint())
    }

    /// Whether both are fetched from one place, and no pins keep their keys apart.
    pub(crate) fn may_hold_a_key_of(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (&self.remote, &other.remote) else {
            return false;
        };
        let one_place =
            own.envoy_cluster == others.envoy_cluster && own.endpoint == others.endpoint;
        let apart = !self.pins.is_empty()
            && !other.pins.is_empty()
            && !self.pins.iter().any(|pin| other.pins.contains(pin));
        // A mirror serves each trust entry its own keys.
        one_place && own.endpoint != Endpoint::Mirror && !apart
    }
}
