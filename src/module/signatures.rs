//! Signature verification by ring, in native code.

use std::cell::Cell;
use std::time::Instant;

use portcullis_core::keys::{Key, Signatures};
use portcullis_core::token::Algorithm;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::SubjectPublicKeyInfoRef;

/// One in this many verifications is timed, as in the WebAssembly filter.
const TIMED: u32 = 16;

/// Verifies the signatures of all algorithms with ring. Some verifications are timed.
#[derive(Debug, Default)]
pub(crate) struct NativeSignatures {
    count: Cell<u32>,
    duration: Cell<Option<u64>>,
}

impl NativeSignatures {
    /// The duration of a verification since the last call in microseconds, if one was timed: the first,
    /// and then one in 16.
    pub(crate) fn take_duration(&self) -> Option<u64> {
        self.duration.take()
    }
}

impl Signatures for NativeSignatures {
    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let count = self.count.get();
        self.count.set(count.wrapping_add(1));
        if count.checked_rem(TIMED) != Some(0) {
            return verifies(key, message, signature);
        }
        let began = Instant::now();
        let is_valid = verifies(key, message, signature);
        let duration = began.elapsed().as_micros();
        self.duration
            .set(Some(u64::try_from(duration).unwrap_or(u64::MAX)));
        is_valid
    }
}

fn verifies(key: &Key, message: &[u8], signature: &[u8]) -> bool {
    // ring takes the key without its algorithm: an RSAPublicKey (RFC 8017), a point (SEC 1) or an Ed25519 key.
    let Ok(info) = SubjectPublicKeyInfoRef::try_from(&key.spki_der()[..]) else {
        return false;
    };
    let public_key = info.subject_public_key.raw_bytes();
    UnparsedPublicKey::new(scheme(key.algorithm()), public_key)
        .verify(message, signature)
        .is_ok()
}

/// Core accepts RSA keys of 2,048 to 4,096 bits, within the limits of these.
fn scheme(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::EdDsa => &signature::ED25519,
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
    }
}
