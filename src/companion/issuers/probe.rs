//! One fetch of a trust entry's keys, for commands.

use portcullis_core::keys::{HttpResponse, KeyRecord, KeyRequest, ResponseError};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{Trust, Url};

use super::connection::{self, IssuerConnection};
use super::fetch::{FetchResponse, KeyFetcher, error_chain};
use crate::clock::{self, from_http_date};

/// The holder of the fetch lease, of which nobody else knows.
const LEASE_HOLDER: u64 = 0;

/// The requests of one fetch, in their order, and what is known of the keys then: also that a fetch has failed.
#[derive(Debug)]
pub(crate) struct KeyProbe {
    pub(crate) requests: Vec<ProbedRequest>,
    pub(crate) record: KeyRecord,
}

/// A request, and what is wrong with its response.
#[derive(Debug)]
pub(crate) struct ProbedRequest {
    pub(crate) url: Url,
    /// Whether it is for the discovery document, and not for the key set.
    pub(crate) is_discovery: bool,
    /// Whether there is a token that was not sent: see [`IssuerConnection::token_file`].
    pub(crate) is_token_withheld: bool,
    /// The `Date` of the response, and when it was received.
    pub(crate) date: Option<(Timestamp, Timestamp)>,
    pub(crate) error: Option<ProbeError>,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// There is no response.
    #[error("{0}")]
    NoResponse(String),
    /// It can't be used.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

/// The first URL that is fetched for a trust entry; `None` where nothing is fetched.
pub(crate) fn first_url(trust: &Trust) -> Option<Url> {
    connection::first(&connection::remote(trust)?.endpoint).cloned()
}

/// Fetches the keys of a trust entry once, as the companion does. `record` is what is known of them before. Without a key
/// source that is fetched, there are no requests.
pub(crate) async fn probe(
    trust: &Trust,
    connection: &IssuerConnection,
    record: KeyRecord,
    now: Timestamp,
) -> KeyProbe {
    let mut probe = KeyProbe {
        requests: Vec::new(),
        record,
    };
    let (Some(remote), Some(first)) = (connection::remote(trust), first_url(trust)) else {
        return probe;
    };
    let mut fetcher = KeyFetcher::new(connection.clone(), &trust.issuer, &first);
    let mut next = Some(probe.record.begin(trust, &remote, LEASE_HOLDER, now));
    while let Some(request) = next.take() {
        let (url, is_discovery) = match &request {
            KeyRequest::Discovery(url) => (url.clone(), true),
            KeyRequest::KeySet(url) => (url.clone(), false),
            // The companion reads no mirror: `connection::remote` returns none.
            KeyRequest::Mirror(_) => break,
        };
        let fetched = fetcher.fetch(&url).await;
        let received_at = clock::now();
        let response = fetched.as_ref().ok().map(FetchResponse::as_http_response);
        let applied = apply(&mut probe.record, trust, &request, response.as_ref(), now);
        let date = fetched.as_ref().ok().and_then(FetchResponse::date);
        let mut probed = ProbedRequest {
            is_token_withheld: fetcher.withholds_token_from(&url),
            url,
            is_discovery,
            date: date
                .and_then(from_http_date)
                .map(|date| (date, received_at)),
            error: None,
        };
        match (applied, fetched) {
            (Ok(more), _) => next = more,
            (Err(_), Err(error)) => {
                probed.error = Some(ProbeError::NoResponse(error_chain(&error)));
            }
            (Err(error), Ok(_)) => probed.error = Some(error.into()),
        }
        probe.requests.push(probed);
    }
    probe
}

fn apply(
    record: &mut KeyRecord,
    trust: &Trust,
    request: &KeyRequest,
    response: Option<&HttpResponse<'_>>,
    now: Timestamp,
) -> Result<Option<KeyRequest>, ResponseError> {
    let Some(remote) = connection::remote(trust) else {
        return Ok(None);
    };
    // Nothing is planned, so the jitter does not matter.
    record.apply_response(trust, &remote, request, response, now, 0)
}

// === impl KeyProbe ===

impl KeyProbe {
    /// Why the keys were not fetched, with the URL.
    pub(crate) fn error(&self) -> Option<String> {
        let Some(last) = self.requests.last() else {
            return Some("nothing is fetched for it".to_owned());
        };
        let error = last.error.as_ref()?;
        Some(format!("{}: {error}", last.url))
    }
}
