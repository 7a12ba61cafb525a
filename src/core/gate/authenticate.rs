//! Who vouches for a token: a trust entry for a bearer token, the companion for a session token.

use std::sync::Arc;

use super::token_cache::Remembered;
use super::{Context, Gate, TokenCache};
use crate::caller::AuthenticatedCaller;
use crate::keys::{Condition, Key, KeyLookup, TrustKeys};
use crate::policy::Sso;
use crate::reason::Reason;
use crate::session;
use crate::timestamp::Timestamp;
use crate::token::{
    Algorithm, Header, Token, TokenError, is_bearer_type, verify, verify_but_for_time,
};
use crate::trust::{KeySourceId, Trust, TrustId};

/// How many trust entries are tried on one token: what a token costs is bounded, however many of
/// them share an issuer.
const MAX_CANDIDATES: usize = 4;

/// How many keys of one entry are tried: an issuer that gives many keys one name takes nothing away
/// from the next.
const MAX_KEYS: usize = 2;

/// Why a token proves nobody.
pub(super) enum AuthnFailure {
    /// It is refused.
    Refused(Reason),
    /// The keys of these sources should be read first.
    AwaitKeys(Vec<KeySourceId>),
}

/// What a token is shown as.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    Bearer,
    Session(&'a Sso),
}

/// A token as it was shown, and what is remembered of it.
struct PresentedToken<'a> {
    text: &'a str,
    purpose: Purpose<'a>,
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
    /// Sources that have no key for the token.
    without: Vec<KeySourceId>,
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
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let shown = PresentedToken::read(text, Purpose::Bearer, cache)?;
        let trusts = TrustId::enumerate(self.policy.trusts());
        let issuer = shown.token.claims().issuer();
        let mut candidates = trusts
            .filter(|(_, trust)| trust.vouches_as(issuer))
            .map(|(id, trust)| (KeySourceId::Trust(id), trust))
            .peekable();
        if candidates.peek().is_none() {
            return Err(AuthnFailure::Refused(Reason::IssuerUnknown));
        }
        shown.search(candidates, context, cache)
    }

    /// Finds whose session a session token is of, the companion vouching for it. All of the token
    /// holds then but its end, which is the caller's to judge: a session goes on with a fresh token.
    pub(super) fn authenticate_session(
        &self,
        sso: &Sso,
        text: &str,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let shown = PresentedToken::read(text, Purpose::Session(sso), cache)?;
        let companion = (KeySourceId::Companion, sso.keys());
        shown.search(std::iter::once(companion), context, cache)
    }
}

impl<'a> Purpose<'a> {
    /// Which `typ` a token must have. AppRequest of remembered tokens too, so that none that was good for
    /// one purpose is good for another.
    fn accepts(self) -> fn(Option<&str>) -> bool {
        match self {
            Self::Bearer => is_bearer_type,
            Self::Session(_) => session::is_token_type,
        }
    }

    /// Whether the header is one that the companion writes.
    fn check_header(self, header: &Header) -> Result<(), TokenError> {
        match self {
            Self::Session(_) if header.algorithm() != Algorithm::Es256 => {
                Err(TokenError::AlgorithmMismatch)
            }
            Self::Session(_) if header.kid().is_none() => Err(TokenError::HeaderParameter("kid")),
            Self::Bearer | Self::Session(_) => Ok(()),
        }
    }

    /// Whom a token speaks of that this key signed.
    fn vouch(
        self,
        token: &Arc<Token>,
        trust: &Trust,
        key: &Key,
        context: Context<'_>,
    ) -> Result<AuthenticatedCaller, TokenError> {
        let Context {
            signatures, now, ..
        } = context;
        match self {
            Self::Bearer => {
                AuthenticatedCaller::new(verify(token, trust, key, signatures, now)?, trust)
            }
            Self::Session(sso) => {
                let known = AuthenticatedCaller::of_session(
                    verify_but_for_time(token, trust, key, signatures)?,
                    sso,
                )?;
                self.check_times(&known, trust, now)?;
                Ok(known)
            }
        }
    }

    /// Whether the token's time is now, which has to be asked each time.
    fn check_times(
        self,
        known: &AuthenticatedCaller,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let verified = known.verified();
        match self {
            Self::Bearer => verified.check_times(trust, now),
            Self::Session(_) => {
                verified
                    .claims()
                    .check_start_and_lifetime(now, trust.leeway, trust.max_lifetime)
            }
        }
    }
}

impl<'a> PresentedToken<'a> {
    fn read(
        text: &'a str,
        purpose: Purpose<'a>,
        cache: &mut TokenCache,
    ) -> Result<Self, AuthnFailure> {
        let accepts = purpose.accepts();
        let remembered = cache
            .recall(text)
            .filter(|remembered| accepts(remembered.token.header().typ()));
        let refused = |error: TokenError| AuthnFailure::Refused(error.reason());
        let token = match &remembered {
            Some(remembered) => Arc::clone(&remembered.token),
            None => Arc::new(Token::parse_as(text, accepts).map_err(refused)?),
        };
        purpose.check_header(token.header()).map_err(refused)?;
        Ok(Self {
            text,
            purpose,
            token,
            remembered,
        })
    }

    /// Finds who vouches: the first of the candidates, each with its id, whose key verifies the
    /// token and whose audience fits.
    fn search<'t>(
        &self,
        candidates: impl Iterator<Item = (KeySourceId, &'t Trust)>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let mut search = Search::default();
        for (source, trust) in candidates {
            let Some(trust_keys) = context.keyring.trust_keys(source) else {
                continue;
            };
            let keys = search.keys(source, trust_keys, self.token.header(), context);
            for key in keys {
                match self.try_key((source, trust), key, context, cache) {
                    Ok(known) => return Ok(known),
                    Err(TokenError::AudienceMismatch) => search.meant_for_others = true,
                    Err(TokenError::AlgorithmMismatch | TokenError::SignatureInvalid) => {}
                    // The key signed it, so no other entry can vouch for it any better.
                    Err(error) => return Err(AuthnFailure::Refused(error.reason())),
                }
            }
        }
        Err(search.verdict(self.token.header().kid(), context))
    }

    /// Tries one key of one trust entry, or remembers what came of it.
    fn try_key(
        &self,
        (source, trust): (KeySourceId, &Trust),
        key: &Key,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, TokenError> {
        let id = (source, key.thumbprint());
        let known = self
            .remembered
            .as_ref()
            .and_then(|remembered| remembered.proven(id));
        if let Some(known) = known {
            self.purpose
                .check_times(known, trust, context.now)
                .inspect_err(|_| cache.forget(self.text))?;
            return Ok(Arc::clone(known));
        }
        let known = self.purpose.vouch(&self.token, trust, key, context)?;
        let known = Arc::new(known);
        cache.learn(&self.token, self.remembered.as_deref(), id, &known);
        Ok(known)
    }
}

impl Search {
    /// The keys of one trust entry that should be tried; notes why there is none.
    fn keys<'a>(
        &mut self,
        source: KeySourceId,
        trust_keys: &'a TrustKeys,
        header: &Header,
        context: Context<'_>,
    ) -> Vec<&'a Key> {
        let condition = trust_keys.condition(context.now);
        match condition {
            Condition::Usable => {}
            Condition::Empty => self.unusable = self.unusable.or(Some(Reason::KeysUnavailable)),
            Condition::Stale => self.unusable = Some(Reason::KeysStale),
        }
        match fitting(trust_keys, header, context) {
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
            Fitting::None => self.without.push(source),
        }
        Vec::new()
    }

    /// What it comes to when no key vouched for the token.
    fn verdict(self, kid: Option<&str>, context: Context<'_>) -> AuthnFailure {
        if self.meant_for_others {
            return AuthnFailure::Refused(Reason::AudienceMismatch);
        }
        if self.candidates > 0 {
            // Without a key id, a key that could not be read may be the one.
            let reason = self.unusable.filter(|_| kid.is_none());
            return AuthnFailure::Refused(reason.unwrap_or(Reason::SignatureInvalid));
        }
        if self.stale {
            return AuthnFailure::Refused(Reason::KeysStale);
        }
        if self.several_fit {
            return AuthnFailure::Refused(Reason::KeyUnknown);
        }
        let Context {
            keyring,
            arrived,
            now,
            ..
        } = context;
        let mut unread = Vec::new();
        let mut unknowable = false;
        for source in self.without {
            match keyring
                .trust_keys(source)
                .map(|trust_keys| trust_keys.absence(kid, arrived, now))
            {
                Some(KeyLookup::Unread) => unread.push(source),
                Some(KeyLookup::Unknowable) => unknowable = true,
                Some(KeyLookup::Certain) | None => {}
            }
        }
        if !unread.is_empty() {
            AuthnFailure::AwaitKeys(unread)
        } else if unknowable {
            AuthnFailure::Refused(self.unusable.unwrap_or(Reason::KeysUnavailable))
        } else if self.other_algorithm {
            AuthnFailure::Refused(Reason::AlgorithmRefused)
        } else {
            AuthnFailure::Refused(Reason::KeyUnknown)
        }
    }
}

/// The keys that a token may mean: those of its key id or, where it names none, the only one in the
/// issuer's set that is for its algorithm, and what that one has replaced. A key is for exactly one
/// algorithm (RFC 8725, section 3.1).
fn fitting<'a>(trust_keys: &'a TrustKeys, header: &Header, context: Context<'_>) -> Fitting<'a> {
    let named = |key: &&Key| header.kid().is_none_or(|kid| key.kid() == Some(kid));
    let usable = |key: &&Key| {
        key.algorithm() == header.algorithm() && context.signatures.supports(key.algorithm())
    };
    let current: Vec<&Key> = trust_keys.current().filter(named).collect();
    let retiring: Vec<&Key> = trust_keys.retiring(context.now).filter(named).collect();
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
