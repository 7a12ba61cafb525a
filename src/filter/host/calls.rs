//! HTTP calls to issuers and to the companion.

use std::time::Duration;

use super::abi::{self, Buffer, Map};
use super::error::Error;
use super::pairs::Pairs;

/// Sends a request without a body to a cluster of Envoy's and gives back the token by which
/// `on_http_call_response` will name the reply.
///
/// `headers` must hold `:method`, `:path` and `:authority`. A timeout under a millisecond counts as
/// one, because the host takes 0 for "never".
///
/// # Why no reply can end the VM
/// This is the only place that uses the SDK's own function. Its dispatcher owns the export
/// `proxy_on_http_call_response` and panics on a token that it did not register itself (`invalid
/// token_id`) or that it registered twice (`duplicate token_id`); only this function can register
/// one. Neither can happen:
/// * Every reply finds its token. The function registers it as soon as the host returns, and Envoy
///   delivers nothing before that: what completes within the call is put off until the VM is left,
///   and a call that failed at once returns `InternalFailure`, has no token and gets no reply.
/// * No token comes twice. Envoy numbers the calls of a VM by fours from a counter that lives and
///   dies with it, and makes one reply of each, which takes the token out again. Calls belong to the
///   root context, whichever context sends them, so that only a new configuration can end one without a reply;
///   the number left behind would come back after a thousand million calls.
/// * If the stream of a reply has ended, the dispatcher finds the token but no context, and ignores
///   the reply. Otherwise it sets the effective context and unwraps the result; the host knows
///   every context until it has told the dispatcher to delete it.
///
/// The dispatcher hands a reply to the context whose callback made the call, whatever the effective
/// context was: to the root context that of a read, to a request's own that of the refresh that it
/// began. So a call that is made in a request's callback and that other requests wait for must be
/// repeated if that request ends first: its reply is not delivered.
///
/// The function itself panics on every status but `Ok`, `BadArgument` and `InternalFailure`. Envoy
/// gives no other: it adds only `InvalidMemoryAccess`, for memory outside the VM, which slices can't
/// be, and answers a withheld capability with `InternalFailure`.
///
/// # Errors
/// [`Error::BadArgument`] if this worker does not know the cluster (yet) or a header is missing,
/// [`Error::InternalFailure`] if the request could not be sent.
pub(crate) fn dispatch_http_call(
    cluster: &str,
    headers: &[(&str, String)],
    timeout: Duration,
) -> Result<u32, Error> {
    #[cfg(target_arch = "wasm32")]
    {
        let timeout = Duration::from_millis(super::milliseconds(timeout).into());
        proxy_wasm::hostcalls::dispatch_http_call(
            cluster,
            headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect(),
            None,
            Vec::new(),
            timeout,
        )
        .map_err(|status| match Error::check(status as u32) {
            Ok(()) => Error::InternalFailure,
            Err(error) => error,
        })
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _no_host = (cluster, headers, timeout);
        Err(Error::Unavailable)
    }
}

/// The headers of the reply that `on_http_call_response` reports, or `None` if there is none because
/// the call broke off.
///
/// `num_headers` is the callback's argument. Without it there is no header map to ask for. A
/// connection refused or a timeout is *not* that case: Envoy reports these as a reply of its own,
/// 503 or 504, which looks like one of the server.
///
/// # Errors
/// What the host said, [`Error::Malformed`] if it does not keep to the ABI.
pub(crate) fn http_call_headers(num_headers: usize) -> Result<Option<Pairs>, Error> {
    if num_headers == 0 {
        return Ok(None);
    }
    Pairs::decode(abi::header_pairs(Map::HttpCallResponse)?).map(Some)
}

/// The body of the reply that `on_http_call_response` reports.
///
/// `body_size` is the callback's argument; nothing is copied for 0 or for more than `max` bytes.
///
/// # Errors
/// [`Error::TooLarge`] above `max`, else what the host said.
pub(crate) fn http_call_body(body_size: usize, max: usize) -> Result<Vec<u8>, Error> {
    abi::buffer(Buffer::HttpCallResponseBody, body_size, max)
}
