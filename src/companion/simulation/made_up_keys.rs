//! A key for each source of a policy, made for this process.

use portcullis_core::keys::{KeySet, Keyring};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySource, KeySourceId, PerKeySource, Trust};

use crate::es256_key::Es256Key;

/// A key for each source of a policy.
pub(super) struct MadeUpKeys {
    keys: PerKeySource<MadeUpKey>,
    keyring: Keyring,
}

/// The key of one source, which has its own `kid`: entries that share an issuer are tried by it.
struct MadeUpKey {
    key: Es256Key,
    kid: String,
}

impl MadeUpKeys {
    /// New keys for the sources of a policy.
    pub(super) fn new(policy: &Policy) -> Self {
        let keys = policy.key_sources().map(|(id, _)| {
            let key = Es256Key::random();
            let kid = key.thumbprint();
            (id, MadeUpKey { key, kid })
        });
        let keys: PerKeySource<MadeUpKey> = keys.collect();
        let sources = policy.key_sources().map(|(id, trust)| {
            let set = keys.get(id).and_then(MadeUpKey::set);
            (id, with_only(trust, set))
        });
        let sources: Vec<(KeySourceId, Trust)> = sources.collect();
        let sources = sources.iter().map(|(id, trust)| (*id, trust));
        // Inline keys do not age.
        let keyring = Keyring::new(sources, Timestamp::default());
        Self { keys, keyring }
    }

    /// The keys as those of the policy's sources.
    pub(super) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// A token that the key of a source has signed; `None` for a source that the policy does not have.
    pub(super) fn sign(&self, source: KeySourceId, typ: &str, payload: &str) -> Option<String> {
        let MadeUpKey { key, kid } = self.keys.get(source)?;
        Some(key.sign(typ, kid, payload))
    }
}

impl MadeUpKey {
    fn set(&self) -> Option<KeySet> {
        let set = format!(r#"{{"keys":[{}]}}"#, self.key.jwk(&self.kid));
        KeySet::parse(set.as_bytes(), None).ok()
    }
}

/// The source with these keys in place of its own.
fn with_only(trust: &Trust, set: Option<KeySet>) -> Trust {
    Trust {
        keys: KeySource {
            remote: None,
            inline: set,
            refuse_kids: Vec::new(),
            pins: Vec::new(),
        },
        ..trust.clone()
    }
}
