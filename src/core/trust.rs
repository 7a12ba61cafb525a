//! Who may vouch for a caller: the trust entries of a policy, valid by construction.

use std::time::Duration;

use crate::keys::{KeySet, Thumbprint};
use crate::token::Algorithm;

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
    /// What is asked for there.
    pub endpoint: Endpoint,
    /// How often the set is read again.
    pub refresh: Duration,
    /// How old the last good set may grow.
    pub max_stale: Duration,
}

/// What is asked for at the issuer's cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// A discovery document, which names the key set.
    Discovery(Url),
    /// The key set itself.
    Jwks(Url),
    /// The companion's mirror of this trust entry.
    Mirror,
}

/// An absolute `https` URL without user information, query or fragment, cut into what a request
/// needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    authority: String,
    path: String,
}

/// Where an OIDC token says what the rules ask about: each a path of member names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPaths {
    /// The groups: a list of strings or one string.
    pub groups: Vec<String>,
    /// The e-mail address; `email_verified` stands beside it.
    pub email: Vec<String>,
    /// The name that people chose.
    pub preferred_username: Vec<String>,
}

impl Trust {
    /// Whether a token that claims `iss` may come from here.
    pub fn vouches_as(&self, iss: &str) -> bool {
        self.issuer == iss || self.former_issuers.iter().any(|former| former == iss)
    }
}

impl Url {
    /// Reads an absolute URL: `https`, a host, perhaps a port, perhaps a path, and nothing else.
    /// `None` for anything that one could read in two ways.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://")?;
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\@?#\"<>{}|^`".contains(&byte);
        if !rest.bytes().all(plain) {
            return None;
        }
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, "/".to_owned()),
        };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => {
                port.parse::<u16>().ok().filter(|port| *port != 0)?;
                host
            }
            _ => authority,
        };
        if host.is_empty()
            || path
                .split('/')
                .any(|segment| segment == "." || segment == "..")
        {
            return None;
        }
        Some(Self {
            authority: authority.to_ascii_lowercase(),
            path,
        })
    }

    /// Host and port as they go into `:authority`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path, which begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }
}
