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
mod pairs;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use portcullis_core::local_reply::LocalReply;

pub(crate) use self::abi::{
    Map, MetricKind, add_header, call_foreign_function, define_metric, increment_metric,
    record_metric, remove_header, replace_header, resume_request, set_effective_context,
    set_property, set_shared_data, shared_data,
};
pub(crate) use self::calls::{dispatch_http_call, http_call_body, http_call_headers};
pub(crate) use self::error::Error;
pub(crate) use self::pairs::Pairs;

/// The maximum size of a plugin configuration in bytes.
pub(crate) const MAX_CONFIGURATION: usize = 1 << 20;

/// The plugin configuration of the root context that is being configured.
///
/// `size` is the argument of `on_configure`; nothing is read for 0.
///
/// # Errors
/// [`Error::TooLarge`] above [`MAX_CONFIGURATION`], else what the host said.
pub(crate) fn plugin_configuration(size: usize) -> Result<Vec<u8>, Error> {
    abi::buffer(abi::Buffer::PluginConfiguration, size, MAX_CONFIGURATION)
}

/// The time of the host's clock in milliseconds since the Unix epoch.
pub(crate) fn now() -> Result<u64, Error> {
    const NANOSECONDS_A_MILLISECOND: u64 = 1_000_000;
    Ok(abi::current_time()? / NANOSECONDS_A_MILLISECOND)
}

/// The time of the host's clock in microseconds since the Unix epoch, for measuring.
pub(crate) fn now_microseconds() -> Result<u64, Error> {
    const NANOSECONDS_A_MICROSECOND: u64 = 1_000;
    Ok(abi::current_time()? / NANOSECONDS_A_MICROSECOND)
}

/// Whether the proxy's log level includes this level, so that other messages need not be formatted.
pub(crate) fn logs(level: log::Level) -> bool {
    abi::log_level().is_ok_and(|threshold| severity(level) >= threshold)
}

/// Writes a line to the proxy's log.
///
/// The caller must escape control characters: Envoy writes the message unchanged. A failure to log
/// is ignored, because it can't be reported.
pub(crate) fn log(level: log::Level, message: &str) {
    let _unreportable = abi::log(severity(level), message.as_bytes());
}

/// A log level as the number in the ABI.
const fn severity(level: log::Level) -> u32 {
    match level {
        log::Level::Trace => 0,
        log::Level::Debug => 1,
        log::Level::Info => 2,
        log::Level::Warn => 3,
        log::Level::Error => 4,
    }
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

/// All request headers, duplicates as separate fields.
///
/// There is intentionally no function for a single header: the host returns only the first of
/// several.
///
/// # Errors
/// [`Error::Empty`] or what the host said where there is no request (any more): Envoy then gives an
/// empty map, which must not pass for a request that shows nothing. [`Error::Malformed`] if the host
/// does not keep to the ABI.
pub(crate) fn request_headers() -> Result<Pairs, Error> {
    let headers = Pairs::decode(abi::header_pairs(Map::Request)?)?;
    if headers.is_empty() {
        Err(Error::Empty)
    } else {
        Ok(headers)
    }
}

/// All request trailers, while `on_http_request_trailers` runs.
///
/// # Errors
/// What the host said, [`Error::Malformed`] if it does not keep to the ABI.
pub(crate) fn request_trailers() -> Result<Pairs, Error> {
    Pairs::decode(abi::header_pairs(Map::RequestTrailers)?)
}

/// Sends a local reply; nothing of the request is forwarded. The details become
/// `%RESPONSE_CODE_DETAILS%` in Envoy's access log. gRPC requests get the gRPC status with HTTP
/// status 200.
///
/// # Errors
/// [`Error::TooLarge`] if the headers are more than Envoy takes, else what the host said.
pub(crate) fn send_local_response(reply: &LocalReply) -> Result<(), Error> {
    abi::send_local_response(
        reply.status.into(),
        reply.details.as_bytes(),
        &pairs::encode(&reply.headers)?,
        reply.body.as_bytes(),
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
