//! The calls by which keys and revocations are read.

use portcullis_core::endpoints;
use portcullis_core::keys::{READ_TIMEOUT, Read};
use portcullis_core::policy::Sso;
use portcullis_core::trust::Remote;

use crate::host;

/// The `:authority` under which the companion is asked for a mirror.
const MIRROR_AUTHORITY: &str = "portcullis";

/// Asks for one thing at the issuer's cluster and returns the token by which the reply is known.
pub(super) fn ask(remote: &Remote, read: &Read) -> Result<u32, host::Error> {
    let mirror;
    let (authority, path) = match read {
        Read::Discovery(url) | Read::KeySet(url) => (url.authority(), url.path()),
        Read::Mirror(trust) => {
            mirror = endpoints::MIRROR.named(trust);
            (MIRROR_AUTHORITY, mirror.as_str())
        }
    };
    get(&remote.envoy_cluster, authority, path)
}

/// Asks the companion for its revocations and returns the token by which the reply is known.
pub(super) fn ask_for_revocations(sso: &Sso) -> Result<u32, host::Error> {
    get(
        sso.envoy_cluster(),
        sso.authority(),
        endpoints::REVOCATIONS.path,
    )
}

/// Asks without any credential.
fn get(cluster: &str, authority: &str, path: &str) -> Result<u32, host::Error> {
    let headers = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
        ("accept", "application/json, application/jwk-set+json"),
        ("accept-encoding", "identity"),
        ("user-agent", "portcullis"),
    ];
    host::dispatch_http_call(cluster, &headers, READ_TIMEOUT)
}
