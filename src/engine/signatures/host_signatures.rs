//! Signature verification by the proxy, with Rust as the fallback.

use std::cell::Cell;

use portcullis_core::keys::{Key, PureRust, Signatures};
use portcullis_core::token::Algorithm;

use super::HostAlgorithm;
use super::message::is_verified;
use super::sample::{MESSAGE, SAMPLES};

/// One in this many verifications is timed, because reading the clock costs host calls.
const TIMED: u32 = 16;

/// Verifies signatures: by the proxy's `verify_signature` for the algorithms that it supports, and
/// otherwise in Rust. In a VM the proxy's is ten times as fast. Some verifications are timed.
#[derive(Debug)]
pub struct HostSignatures {
    /// Calls `verify_signature` with these arguments, and returns its result; `None` if it failed.
    call: fn(&[u8]) -> Option<Vec<u8>>,
    /// The time in microseconds.
    clock: fn() -> u64,
    uses_host: bool,
    count: Cell<u32>,
    duration: Cell<Option<u64>>,
}

impl HostSignatures {
    /// Detects whether the proxy verifies signatures. `call` passes these arguments to
    /// `verify_signature` and returns its result, or `None` if it failed. `clock` returns the time
    /// in microseconds.
    #[must_use]
    pub fn detect(call: fn(&[u8]) -> Option<Vec<u8>>, clock: fn() -> u64) -> Self {
        let uses_host = is_reliable(|algorithm, key, message, signature| {
            verify(call, algorithm, key, message, signature)
        });
        Self {
            call,
            clock,
            uses_host,
            count: Cell::default(),
            duration: Cell::default(),
        }
    }

    /// Whether the proxy verifies signatures.
    #[must_use]
    pub const fn uses_host(&self) -> bool {
        self.uses_host
    }

    /// The duration of a verification since the last call in microseconds, if one was timed: the
    /// first, and then one in 16.
    pub fn take_duration(&self) -> Option<u64> {
        self.duration.take()
    }

    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match HostAlgorithm::of(key.algorithm()).filter(|_| self.uses_host) {
            Some(algorithm) => verify(self.call, algorithm, key.spki_der(), message, signature),
            None => PureRust.verifies(key, message, signature),
        }
    }
}

impl Signatures for HostSignatures {
    fn supports(&self, algorithm: Algorithm) -> bool {
        (self.uses_host && HostAlgorithm::of(algorithm).is_some()) || PureRust.supports(algorithm)
    }

    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let count = self.count.get();
        self.count.set(count.wrapping_add(1));
        if !count.is_multiple_of(TIMED) {
            return self.verify(key, message, signature);
        }
        let began = (self.clock)();
        let verified = self.verify(key, message, signature);
        self.duration
            .set(Some((self.clock)().saturating_sub(began)));
        verified
    }
}

/// Whether `verify_signature` accepts a JWS signature of `message`. `public_key` is a
/// SubjectPublicKeyInfo (RFC 5280, DER) of the algorithm's type and curve.
pub(super) fn verify(
    call: fn(&[u8]) -> Option<Vec<u8>>,
    algorithm: HostAlgorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let arguments = algorithm.arguments(public_key, message, signature);
    let result = arguments.and_then(|arguments| call(&arguments));
    result.is_some_and(|result| is_verified(&result))
}

/// Whether a host's signature verification works: it accepts a valid signature and refuses an
/// altered one, for ECDSA and for RSA. `verify` gets the algorithm, the public key, the message and
/// the signature.
pub(super) fn is_reliable(verify: impl Fn(HostAlgorithm, &[u8], &[u8], &[u8]) -> bool) -> bool {
    SAMPLES.iter().all(|sample| {
        let mut altered = sample.signature.to_vec();
        if let Some(byte) = altered.last_mut() {
            *byte ^= 1;
        }
        let accepts = |signature| verify(sample.algorithm, sample.public_key, MESSAGE, signature);
        accepts(sample.signature) && !accepts(&altered)
    })
}
