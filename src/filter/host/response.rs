//! The answer to the request of the effective context, be it an app's or our own, while
//! `on_http_response_headers` runs for it.

use super::abi::{self, Map};
use super::error::Error;

/// Adds a header to the answer, besides those of the same name that are there.
///
/// # Errors
/// What the host said.
pub fn add_response_header(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
    abi::add_header(Map::Response, name.as_ref(), value.as_ref())
}

/// Sets a header of the answer to this one value, whatever it was before.
///
/// # Errors
/// What the host said.
pub fn replace_response_header(
    name: impl AsRef<[u8]>,
    value: impl AsRef<[u8]>,
) -> Result<(), Error> {
    abi::replace_header(Map::Response, name.as_ref(), value.as_ref())
}

/// Takes every header of that name off the answer; one that is not there is no error.
///
/// # Errors
/// What the host said.
pub fn remove_response_header(name: impl AsRef<[u8]>) -> Result<(), Error> {
    abi::remove_header(Map::Response, name.as_ref())
}
