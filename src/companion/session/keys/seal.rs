//! Sealing: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with the key id in front. There is no
//! other format, and no older one to fall back to.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use portcullis_core::timestamp::Timestamp;
use zeroize::Zeroizing;

use super::Keys;
use crate::session::bytes;
use crate::session::secret::SecretKey;

#[cfg(test)]
mod tests;

/// The first byte of a sealed value.
const VERSION: u8 = 1;

/// The length of a nonce, long enough for random nonces.
const NONCE: usize = 24;

/// What a sealed value is for. It does not open for another purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// The record of a completed sign-in, for loop detection.
    CompletedSignIn,
    /// A sign-in attempt.
    Attempt,
    /// The redirect target in the `state` of a sign-in.
    ReturnTo,
    /// A session in its cookie.
    Session,
    /// The ticket of a session in a store.
    Ticket,
}

/// What a value is bound to besides its key: it opens only with the same binding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    /// The purpose.
    pub(crate) purpose: Purpose,
    /// The name of its cookie, without the number of a chunk; for a `state`, its random value.
    pub(crate) name: &'a str,
    /// The policy's `sso.url`.
    pub(crate) url: &'a str,
}

impl Keys {
    /// Seals a value with the current key.
    pub(crate) fn seal(&self, binding: Binding<'_>, content: &[u8], now: Timestamp) -> String {
        let key = self.current(now);
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&key.sealing_id);
        sealed.extend_from_slice(&seal_with(&key.sealing, &binding.bytes(), content));
        bytes::encode(sealed)
    }

    /// Opens a sealed value. `None` does not say why it is invalid, and an unknown key takes as long as a
    /// known one.
    pub(crate) fn open(&self, binding: Binding<'_>, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = bytes::decode(text)?;
        let (version, sealed) = sealed.split_first()?;
        let (id, sealed) = sealed.split_first_chunk::<8>()?;
        let known = self.all().find(|key| key.sealing_id == *id);
        let key = known.unwrap_or(&self.newest);
        let content = open_with(&key.sealing, &binding.bytes(), sealed);
        content.filter(|_| known.is_some() && *version == VERSION)
    }
}

/// Seals without a key id: a random nonce, then the ciphertext.
pub(in crate::session) fn seal_with(key: &SecretKey, binding: &[u8], content: &[u8]) -> Vec<u8> {
    let nonce = bytes::random::<NONCE>();
    let payload = Payload {
        msg: content,
        aad: binding,
    };
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let mut sealed = nonce.to_vec();
    // It fails above 256 GiB only; the result would not open then.
    if let Ok(ciphertext) = cipher.encrypt((&nonce).into(), payload) {
        sealed.extend_from_slice(&ciphertext);
    }
    sealed
}

/// Opens what [`seal_with`] sealed with this key and binding.
pub(in crate::session) fn open_with(
    key: &SecretKey,
    binding: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload {
        msg: ciphertext,
        aad: binding,
    };
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let content = cipher.decrypt(nonce.into(), payload).ok()?;
    Some(Zeroizing::new(content))
}

// === impl Binding ===

impl Binding<'_> {
    fn bytes(self) -> Vec<u8> {
        let purpose = match self.purpose {
            Purpose::CompletedSignIn => "done",
            Purpose::Attempt => "login",
            Purpose::ReturnTo => "return",
            Purpose::Session => "session",
            Purpose::Ticket => "ticket",
        };
        bytes::fields(&[purpose, self.name, self.url].map(str::as_bytes))
    }
}
