//! HTTP calls to issuers and to the companion.

use std::time::Duration;

use super::abi::{Buffer, Map};
use super::error::Error;

/// Sends a request without a body to an Envoy cluster, and returns the token by which
/// `on_http_call_response` identifies the response.
///
/// `headers` must hold `:method`, `:path` and `:authority`. A timeout under a millisecond counts as
/// one, because the host takes 0 for "never".
///
/// # Why no response can end the VM
/// This is the only place that uses the SDK's own function. Its dispatcher owns the export
/// `proxy_on_http_call_response` and panics on a token that it did not register itself (`invalid
/// token_id`) or that it registered twice (`duplicate token_id`); only this function can register
/// one. Neither can happen:
/// * Every response has a registered token. The function registers it as soon as the host returns, and
///   Envoy delivers no response before that: a response within the call is deferred until the VM returns,
///   and a call that failed at once returns `InternalFailure`, has no token and gets no response.
/// * No token is registered twice. Envoy numbers the calls of a VM in steps of four from a counter
///   of that VM, and delivers one response for each, which removes the token. Calls belong to the root
///   context, whichever context sends them, so only a new configuration can end one without a response;
///   its token would be used again after a thousand million calls.
/// * If the stream of a response has ended, the dispatcher finds the token but no context, and ignores
///   the response. Otherwise it sets the effective context and unwraps the result; the host knows
///   every context until it has told the dispatcher to delete it.
///
/// The dispatcher passes a response to the context whose callback made the call, whatever the effective
/// context was: for a fetch to the root context, for a refresh to the context of the request that
/// started it. If that request ends before the response, the response is not delivered; so the call must be
/// repeated if other requests wait for it.
///
/// The function itself panics on every status but `Ok`, `BadArgument` and `InternalFailure`. Envoy
/// returns no other: it adds only `InvalidMemoryAccess`, for memory outside the VM, which slices
/// can't be, and returns `InternalFailure` for a restricted capability.
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

/// The bytes of the header map of the response that `on_http_call_response` reports; none if there is
/// no response because the call failed.
///
/// `num_headers` is the callback's argument. For 0 there is no header map in the host. A refused
/// connection or a timeout is *not* that case: Envoy reports these as a response with status 503 or
/// 504, like one of the server.
///
/// # Errors
/// The host's error.
pub(crate) fn http_call_header_bytes(num_headers: usize) -> Result<Vec<u8>, Error> {
    match num_headers {
        0 => Ok(Vec::new()),
        _ => super::header_bytes(Map::HttpCallResponse),
    }
}

/// The body of the response that `on_http_call_response` reports.
///
/// `body_size` is the callback's argument; nothing is copied for 0 or for more than `max` bytes.
///
/// # Errors
/// [`Error::TooLarge`] above `max`, else the host's error.
pub(crate) fn http_call_body(body_size: usize, max: usize) -> Result<Vec<u8>, Error> {
    super::buffer(Buffer::HttpCallResponseBody, body_size, max)
}
