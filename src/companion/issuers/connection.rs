//! How the companion connects to an issuer.

use std::path::PathBuf;

use portcullis_core::trust::{KeyEndpoint, Remote, Trust, Url};

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
    /// The only trusted CAs, as a PEM file. Read again for each read of the keys.
    pub(crate) ca_file: Option<PathBuf>,
    /// A file with a bearer token, for an API server that requires one. Read again for each request.
    /// The token is sent to this issuer only: with the request for its discovery document, and for
    /// the `jwks_uri` that it names.
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
