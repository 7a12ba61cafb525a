//! The HTTP calls that an adapter is asked to make.

use std::fmt;
use std::time::Duration;

use portcullis_core::endpoints;
use portcullis_core::keys::{FETCH_TIMEOUT, KeyRequest, KeySet};
use portcullis_core::policy::Sso;
use portcullis_core::session::Revocations;
use portcullis_core::trust::Remote;

use crate::request_id::RequestId;

/// The `:authority` of a request for a mirror.
const MIRROR_AUTHORITY: &str = "portcullis";

/// How long the companion may take to refresh a session: longer than the timeout of any provider.
pub(crate) const REFRESH_TIMEOUT: Duration = Duration::from_secs(20);

/// The id of a call, unique in its [`crate::Engine`] or [`crate::Reader`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CallId(pub u64);

/// An HTTP request without a body to an Envoy cluster. Its headers may have credentials.
#[derive(Clone, Eq, PartialEq)]
pub struct Call {
    /// The id to pass with the response.
    pub id: CallId,
    /// The request during whose event the call is made; `None` if there is none. Some hosts deliver
    /// no response after that request has ended.
    pub owner: Option<RequestId>,
    /// The cluster.
    pub cluster: String,
    /// The header fields, including `:method`, `:scheme`, `:authority` and `:path`.
    pub headers: Vec<(&'static str, String)>,
    /// The timeout of the call.
    pub timeout: Duration,
    /// The maximum size of the body in bytes. For a longer body, pass `max_body + 1` bytes.
    pub max_body: usize,
}

impl Call {
    /// A fetch of keys from an issuer, without credentials, or from a mirror, unless they still have this
    /// entity tag.
    pub(crate) fn fetch_keys(
        id: CallId,
        remote: &Remote,
        request: &KeyRequest,
        etag: Option<String>,
    ) -> Self {
        let (authority, path) = match request {
            KeyRequest::Discovery(url) | KeyRequest::KeySet(url) => {
                (url.authority(), url.path().to_owned())
            }
            KeyRequest::Mirror(trust) => (MIRROR_AUTHORITY, endpoints::MIRROR.subpath(trust)),
        };
        let max_body = KeySet::MAX_BYTES;
        Self::get(id, &remote.envoy_cluster, authority, path, max_body).unless_modified(etag)
    }

    /// A fetch of the companion's revocations, unless they still have this entity tag.
    pub(crate) fn revocations(id: CallId, sso: &Sso, etag: Option<String>) -> Self {
        let path = endpoints::REVOCATIONS.path.to_owned();
        let max_body = Revocations::MAX_BYTES;
        Self::get(id, sso.envoy_cluster(), sso.authority(), path, max_body).unless_modified(etag)
    }

    /// The same with the entity tag of the last response, if there is one.
    fn unless_modified(mut self, etag: Option<String>) -> Self {
        self.headers
            .extend(etag.map(|etag| ("if-none-match", etag)));
        self
    }

    /// A refresh request to the companion, with the session cookies only.
    pub(crate) fn refresh(id: CallId, owner: Option<RequestId>, sso: &Sso, cookies: &str) -> Self {
        Self {
            id,
            owner,
            cluster: sso.envoy_cluster().to_owned(),
            headers: vec![
                (":method", "POST".to_owned()),
                (":scheme", "https".to_owned()),
                (":authority", sso.authority().to_owned()),
                (":path", endpoints::REFRESH.path.to_owned()),
                ("accept", "application/json".to_owned()),
                ("content-length", "0".to_owned()),
                ("cookie", cookies.to_owned()),
                ("user-agent", "portcullis".to_owned()),
            ],
            timeout: REFRESH_TIMEOUT,
            max_body: 0,
        }
    }

    fn get(id: CallId, cluster: &str, authority: &str, path: String, max_body: usize) -> Self {
        Self {
            id,
            owner: None,
            cluster: cluster.to_owned(),
            headers: vec![
                (":method", "GET".to_owned()),
                (":scheme", "https".to_owned()),
                (":authority", authority.to_owned()),
                (":path", path),
                (
                    "accept",
                    "application/json, application/jwk-set+json".to_owned(),
                ),
                ("accept-encoding", "identity".to_owned()),
                ("user-agent", "portcullis".to_owned()),
            ],
            timeout: FETCH_TIMEOUT,
            max_body,
        }
    }
}

/// The cookies are a credential.
impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}
