//! What checks signatures in the filter: the host where it can, Rust where it can't.

use std::cell::Cell;
use std::fmt;

use jwt_compact::Algorithm as _;
use portcullis_core::keys::{Key, PureRust, Signatures};
use portcullis_core::token::Algorithm;

use super::{HostAlgorithm, PublicKey, Signature};
use crate::host;

/// Checks signatures, and takes the time that it takes.
pub struct Checker {
    host: bool,
    durations: Cell<Vec<u64>>,
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
            durations: Cell::default(),
        }
    }

    /// Whether the host checks signatures.
    pub const fn uses_host(&self) -> bool {
        self.host
    }

    /// How long each check since the last call took, in microseconds.
    pub fn take_durations(&self) -> Vec<u64> {
        self.durations.take()
    }
}

impl Signatures for Checker {
    fn supports(&self, algorithm: Algorithm) -> bool {
        (self.host && on_host(algorithm).is_some()) || PureRust.supports(algorithm)
    }

    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let began = host::now_microseconds().unwrap_or_default();
        let verified = match on_host(key.algorithm()).filter(|_| self.host) {
            Some(algorithm) => algorithm.verify_signature(
                &Signature(signature.to_vec()),
                &PublicKey(key.spki_der().to_vec()),
                message,
            ),
            None => PureRust.verifies(key, message, signature),
        };
        let ended = host::now_microseconds().unwrap_or_default();
        let mut durations = self.durations.take();
        durations.push(ended.saturating_sub(began));
        self.durations.set(durations);
        verified
    }
}

/// The algorithms that Envoy can check.
const fn on_host(algorithm: Algorithm) -> Option<HostAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Some(HostAlgorithm::Es256),
        Algorithm::Es384 => Some(HostAlgorithm::Es384),
        Algorithm::Rs256 => Some(HostAlgorithm::Rs256),
        Algorithm::Rs384 => Some(HostAlgorithm::Rs384),
        Algorithm::Rs512 => Some(HostAlgorithm::Rs512),
        Algorithm::EdDsa | Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => None,
    }
}
