//! The host calls of the proxy-wasm ABI.
//!
//! All host calls of the filter are here, and every function returns the host's status as a
//! [`Result`], so no status can end the VM. The SDK's own wrappers panic on a status that they do
//! not list, and a panic ends every request of the worker. So this module declares the imports
//! itself, and the rest of the filter never calls `proxy_wasm::hostcalls`.
//!
//! Outside WebAssembly there is no host, and every function returns [`Error::Unavailable`].
//!
//! A function that reads or changes a request acts on the *effective context*: the stream whose
//! callback runs, or the one last named to [`set_effective_context`].

#[allow(
    unsafe_code,
    reason = "the imports are C functions, and what they return is raw memory"
)]
mod abi;
mod calls;
mod error;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use portcullis_core::escape;
use portcullis_core::local_reply::LocalReply;
use portcullis_core::request::Headers;
use portcullis_engine::{configuration, header_map, log_severity};

pub(crate) use self::abi::{
    Map, MetricKind, Stream, add_header, continue_stream, define_metric, increment_metric,
    record_metric, remove_header, replace_header, set_effective_context, set_property,
    set_shared_data, shared_data,
};
pub(crate) use self::calls::{dispatch_http_call, http_call_body, http_call_header_bytes};
pub(crate) use self::error::Error;

/// The plugin configuration of the root context that is being configured.
///
/// `size` is the argument of `on_configure`; nothing is read for 0.
///
/// # Errors
/// [`Error::TooLarge`] above [`configuration::MAX_BYTES`], else the host's error.
pub(crate) fn plugin_configuration(size: usize) -> Result<Vec<u8>, Error> {
    buffer(
        abi::Buffer::PluginConfiguration,
        size,
        configuration::MAX_BYTES,
    )
}

/// Reads a buffer of `size` bytes, if that is not more than `max`.
fn buffer(buffer: abi::Buffer, size: usize, max: usize) -> Result<Vec<u8>, Error> {
    match size {
        0 => Ok(Vec::new()),
        _ if size > max => Err(Error::TooLarge),
        _ => abi::buffer(buffer, 0, size).map(|(bytes,)| bytes),
    }
}

/// The time of the host's clock in milliseconds since the Unix epoch.
pub(crate) fn now() -> Result<u64, Error> {
    const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
    Ok(abi::current_time()? / NANOSECONDS_PER_MILLISECOND)
}

/// The time of the host's clock in microseconds since the Unix epoch, for measuring; 0 without a
/// clock.
pub(crate) fn now_microseconds() -> u64 {
    const NANOSECONDS_PER_MICROSECOND: u64 = 1_000;
    abi::current_time().unwrap_or_default() / NANOSECONDS_PER_MICROSECOND
}

/// Calls the host's function `verify_signature`; `None` if it failed.
pub(crate) fn verify_signature(arguments: &[u8]) -> Option<Vec<u8>> {
    let (result,) = abi::call_foreign_function(b"verify_signature", arguments).ok()?;
    Some(result)
}

/// Whether the proxy's log level includes this level, so that other messages need not be formatted.
pub(crate) fn is_logged(level: log::Level) -> bool {
    abi::log_level().is_ok_and(|threshold| log_severity(level) >= threshold)
}

/// Writes a line to the proxy's log, escaped, because Envoy writes it unchanged. A failure to log is
/// ignored, because it can't be reported.
pub(crate) fn log(level: log::Level, line: &str) {
    let _unreportable = abi::log(log_severity(level), escape::json(line).as_bytes());
}

/// Sets the period of `on_tick` for this root context on this worker; zero stops the ticks.
///
/// The host counts in whole milliseconds: a shorter period becomes one.
pub(crate) fn set_tick_period(period: Duration) -> Result<(), Error> {
    abi::set_tick_period(if period.is_zero() {
        0
    } else {
        milliseconds(period)
    })
}

/// The bytes of a header map, for [`headers`].
///
/// There is intentionally no function for a single header: the host returns only the first of
/// several.
///
/// # Errors
/// The host's error.
pub(crate) fn header_bytes(map: Map) -> Result<Vec<u8>, Error> {
    abi::header_map(map).map(|(bytes,)| bytes)
}

/// The fields of a header map, duplicates as separate fields.
///
/// # Errors
/// [`Error::Malformed`] if the host does not keep to the ABI.
pub(crate) fn headers(bytes: &[u8]) -> Result<Headers<'_>, Error> {
    header_map::decode(bytes).ok_or(Error::Malformed)
}

/// Envoy's attribute `source.address` of the request.
///
/// # Errors
/// The host's error.
pub(crate) fn source_address() -> Result<Vec<u8>, Error> {
    abi::property(b"source\0address").map(|(value,)| value)
}

/// Sends a local reply; nothing of the request is forwarded. The details become
/// `%RESPONSE_CODE_DETAILS%` in Envoy's access log. gRPC requests get the gRPC status with HTTP
/// status 200.
///
/// # Errors
/// [`Error::TooLarge`] if the headers are more than Envoy takes, else the host's error.
pub(crate) fn send_local_response(reply: &LocalReply) -> Result<(), Error> {
    abi::send_local_response(
        reply.status.into(),
        reply.details.as_bytes(),
        reply.body.as_bytes(),
        &header_map::encode(&reply.headers).ok_or(Error::TooLarge)?,
        reply.grpc_status.try_into().unwrap_or(i32::MAX),
    )
}

/// An unpredictable random number, for jitter and worker ids.
///
/// It is derived from the standard library's hash seed, which comes from the host (WASI's
/// `random_get`). Do not use it as key material.
#[must_use]
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// A duration for the ABI: whole milliseconds, at least one, at most `i32::MAX`, because Envoy
/// reads some of them as signed and treats 0 as "never".
fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis())
        .unwrap_or(u32::MAX)
        .clamp(1, i32::MAX.unsigned_abs())
}

#[cfg(test)]
mod tests;
