//! The error statuses of host calls.

use std::fmt;

/// Why a host call failed.
///
/// The numbers are those of proxy-wasm ABI 0.2.1 as Envoy uses them; one that this list lacks is kept
/// as [`Error::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The argument is invalid, or what it names does not exist in this phase: a header map after a
    /// failed call, a cluster that this worker does not know, a stream that has ended.
    BadArgument,
    /// Shared data changed since it was read.
    CasMismatch,
    /// The result is empty.
    Empty,
    /// The host failed, or the proxy's configuration restricts this capability.
    InternalFailure,
    /// The data from the host does not have the form of the ABI.
    Malformed,
    /// No such key, property, metric or function.
    NotFound,
    /// A status that this list lacks.
    Other(u32),
    /// The host could not parse the argument.
    ParseFailure,
    /// The host could not serialize the result.
    SerializationFailure,
    /// More than the host accepts, or than the caller's limit.
    TooLarge,
    /// The host has no such call, or there is no host (outside WebAssembly).
    Unavailable,
}

impl Error {
    /// The status of a call that the host does not implement.
    pub(super) const UNIMPLEMENTED: u32 = 12;

    /// Converts a status; `Ok(())` for 0.
    pub(super) fn check(status: u32) -> Result<(), Self> {
        Err(match status {
            0 => return Ok(()),
            1 => Self::NotFound,
            2 => Self::BadArgument,
            3 => Self::SerializationFailure,
            4 => Self::ParseFailure,
            7 => Self::Empty,
            8 => Self::CasMismatch,
            10 => Self::InternalFailure,
            Self::UNIMPLEMENTED => Self::Unavailable,
            other => Self::Other(other),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BadArgument => "the host refused the argument",
            Self::CasMismatch => "the shared data was changed concurrently",
            Self::Empty => "the host returned an empty result",
            Self::InternalFailure => "the host failed",
            Self::Malformed => "the data from the host is malformed",
            Self::NotFound => "not found in the host",
            Self::Other(status) => return write!(formatter, "the host returned status {status}"),
            Self::ParseFailure => "the host could not parse the argument",
            Self::SerializationFailure => "the host could not serialize the result",
            Self::TooLarge => "more bytes than the limit",
            Self::Unavailable => "the host does not offer this call",
        })
    }
}

impl std::error::Error for Error {}
