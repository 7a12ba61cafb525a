//! How the companion connects to an issuer.

use std::path::PathBuf;

use portcullis_core::trust::{KeyEndpoint, Remote, Trust, Url};
use url::Origin;

use crate::http_client::Connect;

/// How the companion connects to one issuer. The default is the issuer's own URL, over the
/// system's CAs, without a token.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct IssuerConnection {
    /// The address of every connection, instead of the issuer's host.
    ///
    /// The server there must have a certificate for the host of the first URL (by default the
    /// issuer's own), whatever host its `jwks_uri` has: an API server names itself there by an
    /// address that may be unreachable from here.
    pub(crate) connect: Option<Connect>,
    /// The only trusted CAs, as a PEM file. Read again for each fetch of the keys.
    pub(crate) ca_file: Option<PathBuf>,
    /// A file with a bearer token, for an API server that requires one. Read again for each request,
    /// and sent to this issuer only: see [`TokenScope`].
    pub(crate) token_file: Option<PathBuf>,
}

impl IssuerConnection {
    /// Why a trust entry's keys can't be fetched over this connection, and how to fix it.
    pub(crate) fn problem(&self, trust: &Trust) -> Option<&'static str> {
        let Some(remote) = remote(trust) else {
            return Some("the keys of this trust entry are inline and never fetched: remove this");
        };
        // The HTTP library does not resolve IP addresses, so `connect` would have no effect.
        (self.connect.is_some() && host(first(&remote.endpoint)?).is_none()).then_some(
            "`connect` needs a URL with a DNS name, and the issuer's URL has an IP address: write \
             `keys.discovery` or `keys.jwks` with a DNS name, or remove `connect`",
        )
    }
}

/// Which requests have the token of [`IssuerConnection::token_file`]: those to the address of `connect` or,
/// without it, to the origin of the issuer and of the first URL, which the policy names. A `jwks_uri`
/// comes from the issuer's response, which may name any host.
#[derive(Debug)]
pub(super) enum TokenScope {
    /// All of them go to the address of `connect`.
    Connect,
    /// Those to these origins: scheme, host and port.
    Origins(Vec<Origin>),
}

impl TokenScope {
    /// The scope for this issuer, whose first URL is `first`.
    pub(super) fn new(connection: &IssuerConnection, issuer: &str, first: &Url) -> Self {
        if connection.connect.is_some() {
            return Self::Connect;
        }
        let origins = [issuer, &first.to_string()].map(origin);
        Self::Origins(origins.into_iter().flatten().collect())
    }

    /// Whether a request for this URL has the token.
    pub(super) fn contains(&self, url: &Url) -> bool {
        match self {
            Self::Connect => true,
            Self::Origins(origins) => {
                origin(&url.to_string()).is_some_and(|origin| origins.contains(&origin))
            }
        }
    }
}

/// The origin of an `https` URL, with its host and port in one form.
fn origin(url: &str) -> Option<Origin> {
    let url = url::Url::parse(url).ok()?;
    (url.scheme() == "https").then(|| url.origin())
}

/// How the companion fetches the keys of a trust entry: as the policy says, but from the issuer
/// itself where the filter reads the companion's mirror. `None` where nothing is fetched.
pub(super) fn remote(trust: &Trust) -> Option<Remote> {
    let mut remote = trust.keys.remote.clone()?;
    if remote.endpoint == KeyEndpoint::Mirror {
        remote.endpoint = KeyEndpoint::Discovery(Url::discovery(&trust.issuer)?);
    }
    Some(remote)
}

/// The first URL that is fetched.
pub(super) const fn first(endpoint: &KeyEndpoint) -> Option<&Url> {
    match endpoint {
        KeyEndpoint::Discovery(url) | KeyEndpoint::Jwks(url) => Some(url),
        KeyEndpoint::Mirror => None,
    }
}

/// The DNS name in a URL; `None` where its host is an address.
pub(super) fn host(url: &Url) -> Option<String> {
    match url::Url::parse(&url.to_string()).ok()?.host()? {
        url::Host::Domain(name) => Some(name.to_owned()),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    }
}
