//! What is remembered of verified tokens.

use std::collections::HashMap;
use std::sync::Arc;

use super::Known;
use crate::keys::Thumbprint;
use crate::token::Token;

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
/// nothing has to be sorted.
#[derive(Debug, Default)]
pub struct Memory {
    young: HashMap<Box<str>, Arc<Remembered>>,
    old: HashMap<Box<str>, Arc<Remembered>>,
    bytes: usize,
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
    trust: usize,
    key: Thumbprint,
    known: Arc<Known>,
}

impl Memory {
    /// What is remembered of this token.
    pub(super) fn recall(&mut self, text: &str) -> Option<Arc<Remembered>> {
        if let Some(remembered) = self.young.get(text) {
            return Some(Arc::clone(remembered));
        }
        let (text, remembered) = self.old.remove_entry(text)?;
        self.keep(text, Arc::clone(&remembered));
        Some(remembered)
    }

    /// Remembers that a key of a trust entry signed this token.
    pub(super) fn learn(
        &mut self,
        text: &str,
        token: &Arc<Token>,
        (trust, key): (usize, Thumbprint),
        known: &Arc<Known>,
    ) {
        let proof = Proof {
            trust,
            key,
            known: Arc::clone(known),
        };
        let mut proofs = self
            .recall(text)
            .map_or_else(Vec::new, |known| known.proofs.clone());
        proofs.push(proof);
        let token = Arc::clone(token);
        self.keep(text.into(), Arc::new(Remembered { token, proofs }));
    }

    /// Forgets a token whose time is over.
    pub(super) fn forget(&mut self, text: &str) {
        self.young.remove(text);
        self.old.remove(text);
    }

    fn keep(&mut self, text: Box<str>, remembered: Arc<Remembered>) {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.young.len() >= MAX_TOKENS || self.bytes > MAX_BYTES {
            self.bytes = text.len();
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, remembered);
    }
}

impl Remembered {
    /// The caller, if this key of this trust entry is proven to have signed the token.
    pub(super) fn proven(&self, (trust, key): (usize, Thumbprint)) -> Option<&Arc<Known>> {
        let mut proofs = self.proofs.iter();
        proofs
            .find(|proof| proof.trust == trust && proof.key == key)
            .map(|proof| &proof.known)
    }
}

#[cfg(test)]
mod tests;
