//! What to do about a request for keys that has failed.

use portcullis_core::keys::ResponseError;
use portcullis_core::trust::Trust;

use crate::issuers::{IssuerConnection, ProbeError, ProbedRequest};

/// The status of a response that says that credentials are missing or not sufficient.
pub(super) const fn is_refused(error: &ProbeError) -> Option<u16> {
    match error {
        ProbeError::Response(ResponseError::Status(status @ (401 | 403))) => Some(*status),
        ProbeError::NoResponse(_) | ProbeError::Response(_) => None,
    }
}

/// How to fix it.
pub(super) fn fix(
    error: &ProbeError,
    trust: &Trust,
    connection: &IssuerConnection,
    request: &ProbedRequest,
) -> String {
    let name = &trust.name;
    let error = match error {
        ProbeError::NoResponse(_) => {
            return format!(
                "see why the issuer does not respond; if this URL is not reachable from here, set \
                 `trust.{name}.connect` to the issuer's address, which then gets all requests"
            );
        }
        ProbeError::Response(error) => error,
    };
    match error {
        ResponseError::Status(401 | 403) if request.is_token_withheld => format!(
            "the token is not sent to another host than the issuer's: set `trust.{name}.connect` to the issuer's \
             address, which then gets all requests and the token"
        ),
        ResponseError::Status(401 | 403) if connection.token_file.is_some() => format!(
            "the API server does not accept the token of `trust.{name}.token_file`, or it may not read the keys: bind \
             its service account to the ClusterRole system:service-account-issuer-discovery"
        ),
        ResponseError::Status(401 | 403) => "see anonymous-access".to_owned(),
        ResponseError::Status(300..=399) => {
            "redirects are not followed: write the URL that it leads to as `keys.discovery` or `keys.jwks`".to_owned()
        }
        ResponseError::Status(404) => {
            "correct the issuer's URL, or write the URL of the document as `keys.discovery` or `keys.jwks`".to_owned()
        }
        ResponseError::Status(_) | ResponseError::NoResponse => {
            "see the issuer's log; cached keys stay in use until `keys.max_stale` is over".to_owned()
        }
        ResponseError::IssuerMismatch => format!(
            "set `issuer` of the trust entry `{name}` to the `issuer` of the document, byte for byte, or use the \
             URL of another issuer; during a migration, list the old one in `former_issuers`"
        ),
        ResponseError::ContentType | ResponseError::Malformed | ResponseError::TooLong => {
            "see what is at this URL: a login page or an error page of a proxy, or another document".to_owned()
        }
        ResponseError::ContentEncoding => {
            "configure the server not to compress this response".to_owned()
        }
        ResponseError::KeySet(_) => {
            "publish a key for an accepted algorithm at the issuer; if the trust entry has `algorithms`, see \
             whether they are those of the keys"
                .to_owned()
        }
        ResponseError::NothingPinned => {
            "set `keys.pins` to the thumbprints of the issuer's present keys, if the keys are the right ones".to_owned()
        }
        ResponseError::KeySetUrl
        | ResponseError::UnknownVersion
        | ResponseError::OtherTrust
        | ResponseError::FetchedInFuture
        | ResponseError::OlderThanCached => {
            "write the URL of the key set as `keys.jwks`".to_owned()
        }
    }
}
