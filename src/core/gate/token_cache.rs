//! What is remembered of verified tokens.

mod doorkeeper;

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::caller::AuthenticatedCaller;
use crate::keys::Thumbprint;
use crate::token::Token;
use crate::trust::KeySourceId;

use doorkeeper::Doorkeeper;

/// How many tokens one generation holds.
const MAX_TOKENS: usize = 1024;

/// How many bytes of tokens one generation holds.
const MAX_BYTES: usize = 2 << 20;

/// What is remembered of verified tokens: what they say, and which keys are proven to have signed
/// them. Nothing that time or an issuer could change is remembered, so the verdict with a memory is
/// the verdict without.
///
/// Two generations, each bounded: when the young one is full it becomes the old one, and what is
/// asked for again comes back from there. So a token that is in use stays, one that is not goes, and
/// nothing has to be sorted. A token is remembered when it comes for the second time.
#[derive(Debug, Default)]
pub struct TokenCache {
    young: HashMap<Arc<str>, Arc<Remembered>, Ends>,
    old: HashMap<Arc<str>, Arc<Remembered>, Ends>,
    bytes: usize,
    doorkeeper: Doorkeeper,
}

/// Hashes the end of a token alone. The end is a part of the signature and differs from token to
/// token, and to hash a kilobyte would cost more than all else that a remembered token needs. Tokens
/// are compared as a whole all the same; and nobody can crowd one bucket, because what is kept was
/// verified first, and the hash has a key.
#[derive(Clone, Debug, Default)]
struct Ends(RandomState);

/// How much of a token is hashed, in bytes.
const END: usize = 32;

impl BuildHasher for Ends {
    type Hasher = EndHasher;

    fn build_hasher(&self) -> EndHasher {
        EndHasher(self.0.build_hasher())
    }
}

struct EndHasher(DefaultHasher);

impl Hasher for EndHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(
            bytes
                .last_chunk::<END>()
                .map_or(bytes, |end| end.as_slice()),
        );
    }
}

/// What is remembered of one token. Its key is the whole token.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) token: Arc<Token>,
    proofs: Vec<Proof>,
}

/// A signature that was checked and is good.
#[derive(Clone, Debug)]
struct Proof {
    trust: KeySourceId,
    key: Thumbprint,
    known: Arc<AuthenticatedCaller>,
}

impl TokenCache {
    /// What is remembered of this token.
    pub(super) fn recall(&mut self, text: &str) -> Option<Arc<Remembered>> {
        if let Some(remembered) = self.young.get(text) {
            return Some(Arc::clone(remembered));
        }
        let (text, remembered) = self.old.remove_entry(text)?;
        self.keep(text, Arc::clone(&remembered));
        Some(remembered)
    }

    /// Remembers that a key of a trust entry signed this token, besides what is remembered of it, if
    /// it has come before.
    pub(super) fn learn(
        &mut self,
        token: &Arc<Token>,
        before: Option<&Remembered>,
        (trust, key): (KeySourceId, Thumbprint),
        known: &Arc<AuthenticatedCaller>,
    ) {
        if before.is_none() && !self.doorkeeper.again(token.text()) {
            return;
        }
        let mut proofs = before.map_or_else(Vec::new, |remembered| remembered.proofs.clone());
        let known = Arc::clone(known);
        proofs.push(Proof { trust, key, known });
        let token = Arc::clone(token);
        let text = Arc::clone(token.text());
        self.keep(text, Arc::new(Remembered { token, proofs }));
    }

    /// Forgets a token whose time is over.
    pub(super) fn forget(&mut self, text: &str) {
        self.young.remove(text);
        self.old.remove(text);
    }

    fn keep(&mut self, text: Arc<str>, remembered: Arc<Remembered>) {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.young.len() >= MAX_TOKENS || self.bytes > MAX_BYTES {
            self.bytes = text.len();
            // Swapped and emptied, so that the next generation has the room of the last.
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        self.young.insert(text, remembered);
    }
}

impl Remembered {
    /// The caller, if this key of this trust entry is proven to have signed the token.
    pub(super) fn proven(
        &self,
        (trust, key): (KeySourceId, Thumbprint),
    ) -> Option<&Arc<AuthenticatedCaller>> {
        let mut proofs = self.proofs.iter();
        proofs
            .find(|proof| proof.trust == trust && proof.key == key)
            .map(|proof| &proof.known)
    }
}

#[cfg(test)]
mod tests;
