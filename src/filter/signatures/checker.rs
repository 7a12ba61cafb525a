//! What checks signatures in the filter: the host where it can, Rust where it can't.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use jwt_compact::Algorithm as _;
use portcullis_core::keys::{Key, PureRust, Signatures};
use portcullis_core::token::Algorithm;
use portcullis_engine::signatures::HostAlgorithm;

use super::{ByHost, PublicKey, Signature};
use crate::host;

/// Of how many checks one is timed: to look at the clock twice and to record the duration are three
/// calls to the host beside the one that checks.
const SAMPLED: u32 = 16;

/// Checks signatures, and times some of the checks.
pub struct Checker {
    host: bool,
    checks: Cell<u32>,
    duration: Cell<Option<u64>>,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Checker {
    /// Finds out what this host can do.
    pub fn detect() -> Self {
        Self {
            host: super::detect(),
            checks: Cell::default(),
            duration: Cell::default(),
        }
    }

    /// Whether the host checks signatures.
    pub const fn uses_host(&self) -> bool {
        self.host
    }

    /// How long a check since the last call took, in microseconds, where one was timed: the first,
    /// and one in `SAMPLED` from then on.
    pub fn take_duration(&self) -> Option<u64> {
        self.duration.take()
    }

    fn check(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match HostAlgorithm::of(key.algorithm()).filter(|_| self.host) {
            Some(algorithm) => ByHost(algorithm).verify_signature(
                &Signature(signature.to_vec()),
                &PublicKey(Arc::clone(key.spki_der())),
                message,
            ),
            None => PureRust.verifies(key, message, signature),
        }
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
