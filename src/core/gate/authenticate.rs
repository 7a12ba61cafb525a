//! Which trust entry vouches for a token.

use std::sync::Arc;

use super::memory::Remembered;
use super::{Circumstances, Gate, Memory};
use crate::caller::Known;
use crate::keys::{Absence, Condition, Holding, Key};
use crate::reason::Reason;
use crate::token::{Header, Token, TokenError, verify};
use crate::trust::Trust;

/// How many trust entries are tried on one token: what a token costs is bounded, however many of
/// them share an issuer.
const MAX_CANDIDATES: usize = 4;

/// How many keys of one entry are tried: an issuer that gives many keys one name takes nothing away
/// from the next.
const MAX_KEYS: usize = 2;

/// Why a token proves nobody.
pub(super) enum Unproven {
    /// It is refused.
    Refused(Reason),
    /// The keys of the trust entries at these places should be read first.
    AwaitKeys(Vec<usize>),
}

/// A token as it was shown, and what is remembered of it.
struct Shown<'a> {
    text: &'a str,
    token: Arc<Token>,
    remembered: Option<Arc<Remembered>>,
}

/// What was found on the way through the trust entries that have the token's issuer.
#[derive(Default)]
struct Search {
    /// Trust entries whose keys were tried on the signature.
    candidates: usize,
    /// A key verified the signature, but the audience is somebody else's.
    meant_for_others: bool,
    /// The token's key is there, but it is for another algorithm.
    other_algorithm: bool,
    /// The token names no key, and several fit.
    several_fit: bool,
    /// The token's key is there, but fetched too long ago.
    stale: bool,
    /// Places of entries that have no key for the token.
    without: Vec<usize>,
    /// Some entry has no keys that may be used.
    unusable: Option<Reason>,
}

/// The keys of one trust entry that a token may mean.
enum Fitting<'a> {
    Keys(Vec<&'a Key>),
    None,
    OtherAlgorithm,
    Several,
}

impl Gate {
    /// Finds the trust entry that vouches for a token: the first, in policy order, whose key
    /// verifies it and whose audience fits.
    pub(super) fn authenticate(
        &self,
        text: &str,
        circumstances: Circumstances<'_>,
        memory: &mut Memory,
    ) -> Result<Arc<Known>, Unproven> {
        let shown = Shown::read(text, memory).map_err(|error| Unproven::Refused(error.reason()))?;
        let token = &shown.token;
        let trusts = self.policy.trusts().iter().enumerate();
        let issuer = token.claims().issuer();
        let mut candidates = trusts
            .filter(|(_, trust)| trust.vouches_as(issuer))
            .peekable();
        if candidates.peek().is_none() {
            return Err(Unproven::Refused(Reason::IssuerUnknown));
        }
        let mut search = Search::default();
        for (place, trust) in candidates {
            let Some(holding) = circumstances.keyring.holding(place) else {
                continue;
            };
            let keys = search.keys(place, holding, token.header(), circumstances);
            for key in keys {
                match shown.try_key((place, trust), key, circumstances, memory) {
                    Ok(known) => return Ok(known),
                    Err(TokenError::AudienceMismatch) => search.meant_for_others = true,
                    Err(TokenError::AlgorithmMismatch | TokenError::SignatureInvalid) => {}
                    // The key signed it, so no other entry can vouch for it any better.
                    Err(error) => return Err(Unproven::Refused(error.reason())),
                }
            }
        }
        Err(search.verdict(token.header().kid(), circumstances))
    }
}

impl<'a> Shown<'a> {
    fn read(text: &'a str, memory: &mut Memory) -> Result<Self, TokenError> {
        let remembered = memory.recall(text);
        let token = match &remembered {
            Some(remembered) => Arc::clone(&remembered.token),
            None => Arc::new(Token::parse(text)?),
        };
        Ok(Self {
            text,
            token,
            remembered,
        })
    }

    /// Tries one key of one trust entry, or remembers what came of it.
    fn try_key(
        &self,
        (place, trust): (usize, &Trust),
        key: &Key,
        circumstances: Circumstances<'_>,
        memory: &mut Memory,
    ) -> Result<Arc<Known>, TokenError> {
        let Circumstances {
            signatures, now, ..
        } = circumstances;
        let id = (place, key.thumbprint());
        let known = self
            .remembered
            .as_ref()
            .and_then(|remembered| remembered.proven(id));
        if let Some(known) = known {
            known
                .verified()
                .check_times(trust, now)
                .inspect_err(|_| memory.forget(self.text))?;
            return Ok(Arc::clone(known));
        }
        let verified = verify(&self.token, trust, key, signatures, now)?;
        let known = Arc::new(Known::new(verified, trust)?);
        memory.learn(&self.token, self.remembered.as_deref(), id, &known);
        Ok(known)
    }
}

impl Search {
    /// The keys of one trust entry that should be tried; notes why there is none.
    fn keys<'a>(
        &mut self,
        place: usize,
        holding: &'a Holding,
        header: &Header,
        circumstances: Circumstances<'_>,
    ) -> Vec<&'a Key> {
        let condition = holding.condition(circumstances.now);
        match condition {
            Condition::Usable => {}
            Condition::Empty => self.unusable = self.unusable.or(Some(Reason::KeysUnavailable)),
            Condition::Stale => self.unusable = Some(Reason::KeysStale),
        }
        match fitting(holding, header, circumstances) {
            Fitting::Keys(_) | Fitting::Several if condition == Condition::Stale => {
                self.stale = true;
            }
            Fitting::Keys(_) if self.candidates >= MAX_CANDIDATES => {}
            Fitting::Keys(mut keys) => {
                keys.truncate(MAX_KEYS);
                self.candidates = self.candidates.saturating_add(1);
                return keys;
            }
            Fitting::OtherAlgorithm => self.other_algorithm = true,
            Fitting::Several => self.several_fit = true,
            Fitting::None => self.without.push(place),
        }
        Vec::new()
    }

    /// What it comes to when no key vouched for the token.
    fn verdict(self, kid: Option<&str>, circumstances: Circumstances<'_>) -> Unproven {
        if self.meant_for_others {
            return Unproven::Refused(Reason::AudienceMismatch);
        }
        if self.candidates > 0 {
            // Without a key id, a key that could not be read may be the one.
            let reason = self.unusable.filter(|_| kid.is_none());
            return Unproven::Refused(reason.unwrap_or(Reason::SignatureInvalid));
        }
        if self.stale {
            return Unproven::Refused(Reason::KeysStale);
        }
        if self.several_fit {
            return Unproven::Refused(Reason::KeyUnknown);
        }
        let Circumstances {
            keyring,
            arrived,
            now,
            ..
        } = circumstances;
        let mut unread = Vec::new();
        let mut unknowable = false;
        for place in self.without {
            match keyring
                .holding(place)
                .map(|holding| holding.absence(kid, arrived, now))
            {
                Some(Absence::Unread) => unread.push(place),
                Some(Absence::Unknowable) => unknowable = true,
                Some(Absence::Certain) | None => {}
            }
        }
        if !unread.is_empty() {
            Unproven::AwaitKeys(unread)
        } else if unknowable {
            Unproven::Refused(self.unusable.unwrap_or(Reason::KeysUnavailable))
        } else if self.other_algorithm {
            Unproven::Refused(Reason::AlgorithmRefused)
        } else {
            Unproven::Refused(Reason::KeyUnknown)
        }
    }
}

/// The keys that a token may mean: those of its key id or, where it names none, the only one in the
/// issuer's set that is for its algorithm, and what that one has replaced. A key is for exactly one
/// algorithm (RFC 8725, section 3.1).
fn fitting<'a>(
    holding: &'a Holding,
    header: &Header,
    circumstances: Circumstances<'_>,
) -> Fitting<'a> {
    let named = |key: &&Key| header.kid().is_none_or(|kid| key.kid() == Some(kid));
    let usable = |key: &&Key| {
        key.algorithm() == header.algorithm() && circumstances.signatures.supports(key.algorithm())
    };
    let current: Vec<&Key> = holding.current().filter(named).collect();
    let retiring: Vec<&Key> = holding.retiring(circumstances.now).filter(named).collect();
    let none_is_named = current.is_empty() && retiring.is_empty();
    let mut keys: Vec<&Key> = current.into_iter().filter(usable).collect();
    if header.kid().is_none() && keys.len() > 1 {
        return Fitting::Several;
    }
    keys.extend(retiring.into_iter().filter(usable));
    match (header.kid(), keys.is_empty()) {
        (_, false) => Fitting::Keys(keys),
        (Some(_), true) if !none_is_named => Fitting::OtherAlgorithm,
        (_, true) => Fitting::None,
    }
}
