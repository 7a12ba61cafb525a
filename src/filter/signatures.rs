//! Signature verification by Envoy's foreign function `verify_signature`: BoringSSL outside the VM
//! is ten times as fast as Rust in the VM.

use std::cell::Cell;
use std::fmt;

use portcullis_core::keys::{Key, PureRust, Signatures};
use portcullis_core::token::Algorithm;
use portcullis_engine::signatures::{HostAlgorithm, is_reliable, is_verified};

use crate::host;

/// One in this many verifications is timed, because timing costs three more host calls.
const SAMPLED: u32 = 16;

/// Verifies signatures, by the host for the algorithms that it supports and otherwise in Rust, and
/// times some of the verifications.
pub(crate) struct Checker {
    host: bool,
    checks: Cell<u32>,
    duration: Cell<Option<u64>>,
}

/// Whether the host verifies a JWS signature of `message`. `public_key` is a SubjectPublicKeyInfo
/// (RFC 5280, DER).
///
/// The key must have the type and curve of the algorithm. Any failure returns `false`.
fn verify(algorithm: HostAlgorithm, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(arguments) = algorithm.arguments(public_key, message, signature) else {
        return false;
    };
    match host::call_foreign_function(b"verify_signature", &arguments) {
        Ok(Some(result)) => is_verified(&result),
        Ok(None) | Err(_) => false,
    }
}

impl Checker {
    /// Detects whether this host verifies signatures.
    #[must_use]
    pub(crate) fn detect() -> Self {
        Self {
            host: is_reliable(verify),
            checks: Cell::default(),
            duration: Cell::default(),
        }
    }

    /// Whether the host verifies signatures.
    pub(crate) const fn uses_host(&self) -> bool {
        self.host
    }

    /// The duration of a verification since the last call in microseconds, if one was timed: the
    /// first, and then one in `SAMPLED`.
    pub(crate) fn take_duration(&self) -> Option<u64> {
        self.duration.take()
    }

    fn check(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match HostAlgorithm::of(key.algorithm()).filter(|_| self.host) {
            Some(algorithm) => verify(algorithm, key.spki_der(), message, signature),
            None => PureRust.verifies(key, message, signature),
        }
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Signatures for Checker {
    fn supports(&self, algorithm: Algorithm) -> bool {
        (self.host && HostAlgorithm::of(algorithm).is_some()) || PureRust.supports(algorithm)
    }

    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let count = self.checks.get();
        self.checks.set(count.wrapping_add(1));
        if !count.is_multiple_of(SAMPLED) {
            return self.check(key, message, signature);
        }
        let began = host::now_microseconds().unwrap_or_default();
        let verified = self.check(key, message, signature);
        let ended = host::now_microseconds().unwrap_or_default();
        self.duration.set(Some(ended.saturating_sub(began)));
        verified
    }
}

#[cfg(test)]
mod tests;
