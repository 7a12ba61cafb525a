//! The keys that a token may be signed with, and the reason if none of them verifies it.

use crate::decision::{AuthnError, Evidence};
use crate::gate::Context;
use crate::keys::{Condition, Key, KeyLookup, KeyStatus, TrustKeys};
use crate::token::{Header, TokenError};
use crate::trust::{KeySourceId, Trust};

/// How many trust entries are tried for one token. It bounds the cost where many entries have the
/// same issuer.
const MAX_CANDIDATES: usize = 4;

/// How many keys of one entry are tried, so that an issuer with many keys of the same `kid` does
/// not use up the tries of the next entry.
const MAX_KEYS: usize = 2;

/// The result of the search through the trust entries with the token's issuer.
#[derive(Default)]
pub(super) struct KeySearch<'k> {
    /// The issuer, which entries may share; `None` for session tokens.
    issuer: Option<&'k str>,
    /// Trust entries whose keys were tried on the signature.
    candidates: usize,
    /// The first key with which the signature did not verify.
    pub(super) tried: Option<(&'k Trust, &'k Key)>,
    /// A key that verified the signature, while the audience did not match.
    pub(super) other_audience: Option<(&'k Trust, &'k Key)>,
    /// The entry has the token's key, but it is for another algorithm.
    other_algorithm: Option<&'k Trust>,
    /// The token names no key, and the entry has several for its algorithm.
    several_keys: Option<&'k Trust>,
    /// The sources that must be fetched first to know which entry a key belongs to.
    pending: Vec<KeySourceId>,
    /// The entry has the token's key, but it is unknown to which entry it belongs.
    ambiguous: Option<(&'k Trust, &'k Key)>,
    /// The entry has the token's key, but it was fetched too long ago.
    stale: Option<&'k Trust>,
    /// Sources that have no key for the token.
    missing: Vec<(KeySourceId, &'k Trust)>,
    /// An entry without usable keys.
    unusable: Option<(AuthnError, &'k Trust)>,
}

/// The keys of one trust entry that match a token's header.
enum KeyMatch<'a> {
    /// Each with what the trust entry may do with it.
    Keys(Vec<(&'a Key, KeyStatus)>),
    None,
    OtherAlgorithm,
    Several,
}

impl<'k> KeySearch<'k> {
    /// A search among the entries of an issuer or, without one, among the companion's keys.
    pub(super) fn new(issuer: Option<&'k str>) -> Self {
        Self {
            issuer,
            ..Self::default()
        }
    }

    /// The keys of one trust entry to try. If there are none, records why.
    pub(super) fn keys(
        &mut self,
        (source, trust): (KeySourceId, &'k Trust),
        trust_keys: &'k TrustKeys,
        header: &Header,
        context: Context<'k>,
    ) -> Vec<&'k Key> {
        let condition = trust_keys.condition(context.now);
        match condition {
            Condition::Usable => {}
            Condition::Empty => {
                let unusable = (AuthnError::KeysUnavailable, trust);
                self.unusable = self.unusable.or(Some(unusable));
            }
            Condition::Stale => self.unusable = Some((AuthnError::StaleKeys, trust)),
        }
        let keyring = context.keyring;
        let status = |key: &Key| match self.issuer {
            Some(issuer) => keyring.status(source, issuer, key),
            None => KeyStatus::Usable,
        };
        match matching_keys(trust_keys, header, status, context) {
            KeyMatch::Keys(_) | KeyMatch::Several if condition == Condition::Stale => {
                self.stale = self.stale.or(Some(trust));
            }
            KeyMatch::Keys(keys) => {
                let mut usable = Vec::new();
                for (key, status) in keys {
                    match status {
                        KeyStatus::Usable => usable.push(key),
                        KeyStatus::Pending(sources) => self.pending.extend(sources),
                        KeyStatus::Ambiguous => {
                            self.ambiguous.get_or_insert((trust, key));
                        }
                        KeyStatus::NotOwned => {}
                    }
                }
                if !usable.is_empty() && self.candidates < MAX_CANDIDATES {
                    usable.truncate(MAX_KEYS);
                    self.candidates = self.candidates.saturating_add(1);
                    return usable;
                }
            }
            KeyMatch::OtherAlgorithm => self.other_algorithm = Some(trust),
            KeyMatch::Several => self.several_keys = Some(trust),
            KeyMatch::None => self.missing.push((source, trust)),
        }
        Vec::new()
    }

    /// Why no key verified the token, or the sources whose keys must be fetched first.
    pub(super) fn conclude(
        self,
        kid: Option<&str>,
        context: Context<'_>,
    ) -> Result<Evidence, Vec<KeySourceId>> {
        let with = |error, trust| Evidence::new(error).with_trust(trust, None);
        if let Some((trust, key)) = self.other_audience {
            let evidence = Evidence::new(TokenError::AudienceMismatch.into());
            return Ok(evidence.with_trust(trust, Some(key)).verified());
        }
        if !self.pending.is_empty() {
            let mut sources: Vec<KeySourceId> = Vec::new();
            for source in self.pending {
                if !sources.contains(&source) {
                    sources.push(source);
                }
            }
            return Err(sources);
        }
        if let Some((trust, key)) = self.ambiguous {
            let evidence = Evidence::new(AuthnError::AmbiguousKey);
            return Ok(evidence.with_trust(trust, Some(key)));
        }
        // Without a key ID, the token may be signed by a key that could not be fetched.
        let is_tried = self.candidates > 0;
        if let Some((error, trust)) = self.unusable.filter(|_| is_tried && kid.is_none()) {
            return Ok(with(error, trust));
        }
        // With one, it may be signed by the key of another entry, also if the first one that was tried has a
        // key with this ID: an entry could name its key like the new one of another.
        if let Some(trust) = self.stale {
            return Ok(with(AuthnError::StaleKeys, trust));
        }
        if let Some(trust) = self.several_keys.filter(|_| !is_tried) {
            return Ok(with(AuthnError::SeveralKeys, trust));
        }
        let Missing {
            unfetched,
            is_unavailable,
        } = Missing::look_up(&self.missing, kid, context);
        if !unfetched.is_empty() {
            return Err(unfetched);
        }
        if is_unavailable {
            return Ok(match self.unusable {
                Some((error, trust)) => with(error, trust),
                None => Evidence::new(AuthnError::KeysUnavailable),
            });
        }
        if is_tried {
            let evidence = Evidence::new(TokenError::SignatureInvalid.into());
            return Ok(match self.tried {
                Some((trust, key)) => evidence.with_trust(trust, Some(key)),
                None => evidence,
            });
        }
        if let Some(trust) = self.other_algorithm {
            return Ok(with(AuthnError::OtherAlgorithm, trust));
        }
        Ok(match self.missing.first() {
            Some((_, trust)) => with(AuthnError::UnknownKey, trust),
            None => Evidence::new(AuthnError::UnknownKey),
        })
    }
}

/// The lookup of a missing key in several sources.
struct Missing {
    /// The sources whose next fetch shows whether they have it.
    unfetched: Vec<KeySourceId>,
    /// Whether a source could not be fetched, so that it may have the key.
    is_unavailable: bool,
}

impl Missing {
    fn look_up(sources: &[(KeySourceId, &Trust)], kid: Option<&str>, context: Context<'_>) -> Self {
        let Context {
            keyring,
            arrived,
            now,
            ..
        } = context;
        let mut missing = Self {
            unfetched: Vec::new(),
            is_unavailable: false,
        };
        for (source, _) in sources {
            match keyring
                .trust_keys(*source)
                .map(|trust_keys| trust_keys.look_up_missing(kid, arrived, now))
            {
                Some(KeyLookup::Pending) => missing.unfetched.push(*source),
                Some(KeyLookup::Unavailable) => missing.is_unavailable = true,
                Some(KeyLookup::Absent) | None => {}
            }
        }
        missing
    }
}

/// The keys that match a token's header, without those that belong to another entry: those with its
/// key ID or, without one, the only key in the issuer's set for its algorithm, and the retiring keys
/// for that algorithm. A key is for exactly one algorithm (RFC 8725, section 3.1).
fn matching_keys<'a>(
    trust_keys: &'a TrustKeys,
    header: &Header,
    status: impl Fn(&Key) -> KeyStatus,
    context: Context<'_>,
) -> KeyMatch<'a> {
    let named = |key: &'a Key| {
        let is_named = header.kid().is_none_or(|kid| key.kid() == Some(kid));
        let status = is_named.then(|| status(key));
        let status = status.filter(|status| *status != KeyStatus::NotOwned)?;
        Some((key, status))
    };
    let usable = |(key, _): &(&Key, KeyStatus)| {
        key.algorithm() == header.algorithm() && context.signatures.supports(key.algorithm())
    };
    let current: Vec<_> = trust_keys.current().filter_map(named).collect();
    let retiring: Vec<_> = trust_keys.retiring(context.now).filter_map(named).collect();
    let none_is_named = current.is_empty() && retiring.is_empty();
    let mut keys: Vec<_> = current.into_iter().filter(usable).collect();
    if header.kid().is_none() && keys.len() > 1 {
        return KeyMatch::Several;
    }
    keys.extend(retiring.into_iter().filter(usable));
    match (header.kid(), keys.is_empty()) {
        (_, false) => KeyMatch::Keys(keys),
        (Some(_), true) if !none_is_named => KeyMatch::OtherAlgorithm,
        (_, true) => KeyMatch::None,
    }
}
