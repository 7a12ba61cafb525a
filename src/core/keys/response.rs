//! Reads the responses to key fetches: discovery documents, key sets, and the companion's mirror.

use crate::json::Json;
use crate::jwk::{KeySet, KeySetError};
use crate::timestamp::Timestamp;
use crate::trust::{Trust, Url};

/// An HTTP response.
#[derive(Clone, Copy, Debug)]
pub struct HttpResponse<'a> {
    /// The status code; 0 if it is missing or not a number.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: Option<&'a [u8]>,
    /// The value of Content-Encoding. The request accepts only `identity`.
    pub content_encoding: Option<&'a [u8]>,
    /// The body.
    pub body: &'a [u8],
}

/// The content of a valid response.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched {
    /// The URL of the key set, from a discovery document.
    KeySetUrl(Url),
    /// The key set.
    Keys {
        /// The set.
        set: KeySet,
        /// When a mirror fetched it; `None` if it comes from the issuer.
        fetched_at: Option<Timestamp>,
    },
}

/// Why a fetch failed. For the proxy's log; the last good keys stay in use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// No response before the timeout. Envoy's log and the cluster's statistics have more details.
    #[error("no response: the cluster is unknown or unreachable, or the connection or TLS failed")]
    NoResponse,
    /// The status is not 200. Redirects are not followed.
    #[error("the response has status {0}, expected 200")]
    Status(u16),
    /// The body is over the limit.
    #[error("the response is longer than {} bytes", KeySet::MAX_BYTES)]
    TooLong,
    /// The Content-Type is not JSON, for example an HTML error page.
    #[error("the response's Content-Type is not JSON")]
    ContentType,
    /// A compressed body, although none was requested.
    #[error("the response is compressed, although no compression was requested")]
    ContentEncoding,
    /// The body is not a JSON object of the expected form.
    #[error("the response is not valid JSON, or a required member is missing")]
    Malformed,
    /// OpenID Connect Discovery section 4.3: another issuer than the requested one.
    #[error("`issuer` of the discovery document is not an issuer of the trust entry")]
    IssuerMismatch,
    /// `jwks_uri` is not an unambiguous https URL.
    #[error("`jwks_uri` of the discovery document is not a plain https URL")]
    KeySetUrl,
    /// The version of the format is one that this release does not know.
    #[error(
        "the response has an unknown version; help: filter and companion must be at most one minor version apart"
    )]
    UnknownVersion,
    /// The response is for another trust entry.
    #[error("the mirror's response is for another trust entry")]
    OtherTrust,
    /// A mirror states a time of its fetch that is ahead of the clock by more than clocks differ.
    #[error(
        "the mirror says that it will fetch these keys in the future; help: set the clocks of the \
         companion and of this proxy"
    )]
    FetchedInFuture,
    /// A mirror has much older keys than an earlier response had.
    #[error(
        "the mirror's keys are older than those that it had before; help: see why the companion \
         can't fetch the issuer's keys"
    )]
    OlderThanCached,
    /// The set has no usable key.
    #[error(transparent)]
    KeySet(KeySetError),
    /// None of the set's keys is pinned.
    #[error("the key set has none of the keys in `keys.pins`")]
    NothingPinned,
}

impl ResponseError {
    /// Whether the key set may have moved, so that discovery must be repeated.
    pub(super) const fn asks_for_discovery(&self) -> bool {
        matches!(self, Self::Status(404))
    }
}

/// The version of the companion's mirror.
pub const MIRROR_VERSION: u64 = 1;

/// Reads `issuer` and `jwks_uri` of a discovery document.
pub(super) fn document(
    trust: &Trust,
    response: &HttpResponse<'_>,
) -> Result<Fetched, ResponseError> {
    let document = object(response)?;
    let text = |name| {
        document
            .member(name)
            .and_then(Json::as_str)
            .ok_or(ResponseError::Malformed)
    };
    if !trust.accepts_issuer(text("issuer")?) {
        return Err(ResponseError::IssuerMismatch);
    }
    Url::parse_document(text("jwks_uri")?)
        .map(Fetched::KeySetUrl)
        .ok_or(ResponseError::KeySetUrl)
}

/// Reads a key set.
pub(super) fn set(trust: &Trust, response: &HttpResponse<'_>) -> Result<Fetched, ResponseError> {
    Ok(Fetched::Keys {
        set: keys(trust, &object(response)?)?,
        fetched_at: None,
    })
}

/// Reads a response of the companion's mirror: `{version, trust, issuer, source, fetched_at, keys}`.
/// `fetched_at` is in seconds since the epoch, and `keys` is as in a JWKS.
pub(super) fn mirrored(
    trust: &Trust,
    response: &HttpResponse<'_>,
) -> Result<Fetched, ResponseError> {
    let mirror = object(response)?;
    // The first companions sent none.
    if mirror.member("version").is_some() {
        expect_version(&mirror, MIRROR_VERSION)?;
    }
    let text = |name| {
        mirror
            .member(name)
            .and_then(Json::as_str)
            .ok_or(ResponseError::Malformed)
    };
    if text("trust")? != trust.name || text("issuer")? != trust.issuer {
        return Err(ResponseError::OtherTrust);
    }
    let Some(Json::Number(fetched_at)) = mirror.member("fetched_at") else {
        return Err(ResponseError::Malformed);
    };
    let fetched_at = fetched_at
        .as_u64()
        .map(Timestamp::from_secs)
        .ok_or(ResponseError::Malformed)?;
    Ok(Fetched::Keys {
        set: keys(trust, &mirror)?,
        fetched_at: Some(fetched_at),
    })
}

fn keys(trust: &Trust, json: &Json) -> Result<KeySet, ResponseError> {
    let set =
        KeySet::from_json(json, trust.algorithms.as_deref()).map_err(ResponseError::KeySet)?;
    let pinned = set.keys().iter().any(|key| trust.keys.is_pinned(key));
    if pinned {
        Ok(set)
    } else {
        Err(ResponseError::NothingPinned)
    }
}

/// Refuses a document of the companion whose format has another version: it may mean something else.
pub(crate) fn expect_version(document: &Json, version: u64) -> Result<(), ResponseError> {
    match document.member("version") {
        Some(Json::Number(number)) if number.as_u64() == Some(version) => Ok(()),
        Some(Json::Number(_)) => Err(ResponseError::UnknownVersion),
        _ => Err(ResponseError::Malformed),
    }
}

/// The JSON object in a successful response.
pub(crate) fn object(response: &HttpResponse<'_>) -> Result<Json, ResponseError> {
    if response.status != 200 {
        return Err(ResponseError::Status(response.status));
    }
    if response.body.len() > KeySet::MAX_BYTES {
        return Err(ResponseError::TooLong);
    }
    if response
        .content_encoding
        .is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"))
    {
        return Err(ResponseError::ContentEncoding);
    }
    if !response.content_type.is_none_or(may_be_json) {
        return Err(ResponseError::ContentType);
    }
    let json = Json::parse(response.body).map_err(|_| ResponseError::Malformed)?;
    json.as_object()
        .is_some()
        .then_some(json)
        .ok_or(ResponseError::Malformed)
}

/// Whether a media type is JSON or has the suffix `+json`, as `application/jwk-set+json`, or says nothing:
/// file stores serve documents without an extension as `binary/octet-stream` or `text/plain`.
fn may_be_json(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    let suffixes: [&[u8]; 4] = [b"/json", b"+json", b"/octet-stream", b"text/plain"];
    suffixes.iter().any(|suffix| essence.ends_with(suffix))
}

#[cfg(test)]
mod tests;
