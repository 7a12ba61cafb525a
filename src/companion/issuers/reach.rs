//! How the companion itself reaches an issuer.

use std::path::PathBuf;

use portcullis_core::trust::{Endpoint, Remote, Trust, Url};

use crate::http_client::Connect;

/// How the companion itself reaches one issuer; the default is the issuer's own URL, over the
/// system's CAs, without a token.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Reach {
    /// Where every connection goes in place of the issuer's host.
    ///
    /// What is there must prove to be the host that is asked first, by default the issuer's own,
    /// whatever host its `jwks_uri` has: an API server names itself there by an address that may
    /// lead nowhere from here.
    pub(crate) connect: Option<Connect>,
    /// The CAs that may certify the issuer, and no others: PEM, read anew for each read of the keys.
    pub(crate) ca_file: Option<PathBuf>,
    /// A bearer token for an API server that shows its keys to nobody else, read anew for each
    /// request. It is shown to this issuer alone: to its discovery document, and to the `jwks_uri`
    /// that this names.
    pub(crate) token_file: Option<PathBuf>,
}

impl Reach {
    /// What is wrong with this way to a trust entry's issuer, and how to fix it; `None` where nothing is.
    pub(crate) fn objection(&self, trust: &Trust) -> Option<&'static str> {
        let Some(remote) = remote(trust) else {
            return Some("nothing is fetched for this trust entry: leave this out");
        };
        // The HTTP library asks nobody where an address is.
        (self.connect.is_some() && host(first(&remote.endpoint)?).is_none()).then_some(
            "`connect` leads to a host by its name, and the issuer's URL has an address: name the \
             issuer's `keys.discovery` or `keys.jwks` by a DNS name, or leave `connect` out",
        )
    }
}

/// How the companion fetches the keys of a trust entry: as the policy says, but from the issuer
/// itself where the filter has them from the companion. `None` where nothing is fetched.
pub(super) fn remote(trust: &Trust) -> Option<Remote> {
    let mut remote = trust.keys.remote.clone()?;
    if remote.endpoint == Endpoint::Mirror {
        remote.endpoint = Endpoint::Discovery(Url::discovery(&trust.issuer)?);
    }
    Some(remote)
}

/// What is asked for first.
pub(super) const fn first(endpoint: &Endpoint) -> Option<&Url> {
    match endpoint {
        Endpoint::Discovery(url) | Endpoint::Jwks(url) => Some(url),
        Endpoint::Mirror => None,
    }
}

/// The DNS name in a URL; `None` where its host is an address.
pub(super) fn host(url: &Url) -> Option<String> {
    match url::Url::parse(&url.to_string()).ok()?.host()? {
        url::Host::Domain(name) => Some(name.to_owned()),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    }
}
