//! The request of the effective context: its headers, its properties, its end.

use super::abi::{self, Map};
use super::error::Error;
use super::pairs::{self, Pairs};

/// All request headers, each duplicate by itself.
///
/// There is no way to read a single one, on purpose: the host gives only the first of several.
///
/// # Errors
/// [`Error::Empty`] or what the host said where there is no request (any more): Envoy then gives an
/// empty map, which must not pass for a request that shows nothing. [`Error::Malformed`] if the host
/// does not keep to the ABI.
pub fn request_headers() -> Result<Pairs, Error> {
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
pub fn request_trailers() -> Result<Pairs, Error> {
    Pairs::decode(abi::header_pairs(Map::RequestTrailers)?)
}

/// Removes every request trailer of that name; one that is not there is no error.
///
/// # Errors
/// What the host said.
pub fn remove_request_trailer(name: impl AsRef<[u8]>) -> Result<(), Error> {
    abi::remove_header(Map::RequestTrailers, name.as_ref())
}

/// Sets a request header to this one value, whatever it was before.
///
/// # Errors
/// What the host said.
pub fn replace_request_header(
    name: impl AsRef<[u8]>,
    value: impl AsRef<[u8]>,
) -> Result<(), Error> {
    abi::replace_header(Map::Request, name.as_ref(), value.as_ref())
}

/// Removes every request header of that name; one that is not there is no error.
///
/// # Errors
/// What the host said.
pub fn remove_request_header(name: impl AsRef<[u8]>) -> Result<(), Error> {
    abi::remove_header(Map::Request, name.as_ref())
}

/// Lets a paused request go on.
///
/// # Errors
/// What the host said. The request then stays where it is, which is not past the gate.
pub fn resume_request() -> Result<(), Error> {
    abi::continue_request()
}

/// Answers the request here and now; nothing of it is forwarded.
///
/// `details` becomes `%RESPONSE_CODE_DETAILS%` in Envoy's access log, with blanks replaced by `_`.
/// `grpc_status` is for gRPC requests, where it goes with HTTP status 200.
///
/// # Errors
/// [`Error::TooLarge`] if the headers are more than Envoy takes, else what the host said.
pub fn send_local_response(
    status: u32,
    details: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    grpc_status: Option<u32>,
) -> Result<(), Error> {
    const NOT_GRPC: i32 = -1;
    let grpc_status = grpc_status
        .and_then(|status| i32::try_from(status).ok())
        .unwrap_or(NOT_GRPC);
    let headers = pairs::encode(headers)?;
    abi::send_local_response(status, details.as_bytes(), &headers, body, grpc_status)
}

/// Makes `context` the one that further calls act on, until the running callback ends.
///
/// # Errors
/// [`Error::BadArgument`] if that context is gone, as after a client that went away.
pub fn set_effective_context(context: u32) -> Result<(), Error> {
    abi::set_effective_context(context)
}

/// Keeps a value in the request's filter state: `x` is `wasm.x` to Envoy's access log and to later
/// filters.
///
/// # Errors
/// What the host said.
pub fn set_property(name: &str, value: &[u8]) -> Result<(), Error> {
    abi::set_property(name.as_bytes(), value)
}
