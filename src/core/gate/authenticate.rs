//! Authenticates tokens: a trust entry vouches for a bearer token, the companion for a session token.

use std::sync::Arc;

use super::token_cache::CachedToken;
use super::{Context, Gate, TokenCache};
use crate::caller::AuthenticatedCaller;
use crate::decision::{AuthnError, Evidence};
use crate::keys::{Condition, Key, KeyLookup, TrustKeys};
use crate::policy::Sso;
use crate::session;
use crate::timestamp::Timestamp;
use crate::token::{
    Algorithm, Header, Token, TokenError, is_bearer_type, verify, verify_but_for_time,
};
use crate::trust::{KeySourceId, Trust, TrustId};

/// How many trust entries are tried on one token: its cost is bounded, however many of them share an
/// issuer.
const MAX_CANDIDATES: usize = 4;

/// How many keys of one entry are tried: an issuer that gives many keys the same `kid` takes nothing
/// away from the next entry.
const MAX_KEYS: usize = 2;

/// Why a token authenticates no caller.
pub(super) enum AuthnFailure {
    /// It is refused.
    Refused(Box<Evidence>),
    /// The keys of these sources should be read first.
    AwaitKeys(Vec<KeySourceId>),
}

/// What a token is presented as.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    Bearer,
    Session(&'a Sso),
}

/// A token as it was presented, and what is cached of it.
struct PresentedToken<'a> {
    text: &'a str,
    purpose: Purpose<'a>,
    token: Arc<Token>,
    cached: Option<Arc<CachedToken>>,
}

/// What was found on the way through the trust entries that have the token's issuer.
#[derive(Default)]
struct Search<'k> {
    /// Trust entries whose keys were tried on the signature.
    candidates: usize,
    /// The first key that was tried and did not make the signature.
    tried: Option<(&'k Trust, &'k Key)>,
    /// A key that verified the signature, but the audience is another one's.
    other_audience: Option<(&'k Trust, &'k Key)>,
    /// The entry has the token's key, but it is for another algorithm.
    other_algorithm: Option<&'k Trust>,
    /// The token names no key, and the entry has several for its algorithm.
    several_keys: Option<&'k Trust>,
    /// The entry has the token's key, but it was fetched too long ago.
    stale: Option<&'k Trust>,
    /// Sources that have no key for the token.
    missing: Vec<(KeySourceId, &'k Trust)>,
    /// An entry that has no keys which may be used.
    unusable: Option<(AuthnError, &'k Trust)>,
}

/// The keys of one trust entry that a token may mean.
enum KeyMatch<'a> {
    Keys(Vec<&'a Key>),
    None,
    OtherAlgorithm,
    Several,
}

impl From<Evidence> for AuthnFailure {
    fn from(evidence: Evidence) -> Self {
        Self::Refused(Box::new(evidence))
    }
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
        let presented = PresentedToken::read(text, Purpose::Bearer, cache)?;
        let trusts = TrustId::enumerate(self.policy.trusts());
        let issuer = presented.token.claims().issuer();
        let mut candidates = trusts
            .filter(|(_, trust)| trust.vouches_as(issuer))
            .map(|(id, trust)| (KeySourceId::Trust(id), trust))
            .peekable();
        if candidates.peek().is_none() {
            let evidence = Evidence::new(AuthnError::UnknownIssuer);
            return Err(evidence.with_token(&presented.token).into());
        }
        presented.search(candidates, context, cache)
    }

    /// Finds whose session a session token is of, the companion vouching for it. All of the token is
    /// valid then but for its expiry, which the calling code judges: an expired one can be refreshed.
    pub(super) fn authenticate_session(
        &self,
        sso: &Sso,
        text: &str,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let presented = PresentedToken::read(text, Purpose::Session(sso), cache)?;
        let companion = (KeySourceId::Companion, sso.keys());
        presented.search(std::iter::once(companion), context, cache)
    }
}

impl<'a> Purpose<'a> {
    /// Which `typ` a token must have. Cached tokens must have it too, so that none that was verified for
    /// one purpose is accepted for another.
    fn accepts(self) -> fn(Option<&str>) -> bool {
        match self {
            Self::Bearer => is_bearer_type,
            Self::Session(_) => session::is_token_type,
        }
    }

    /// Whether a session token's header is one that the companion writes.
    fn check_header(self, header: &Header) -> Result<(), TokenError> {
        match self {
            Self::Session(_) if header.algorithm() != Algorithm::Es256 => {
                Err(TokenError::AlgorithmMismatch)
            }
            Self::Session(_) if header.kid().is_none() => Err(TokenError::HeaderParameter("kid")),
            Self::Bearer | Self::Session(_) => Ok(()),
        }
    }

    /// The caller of a token, if this key signed it.
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
                let caller = AuthenticatedCaller::of_session(
                    verify_but_for_time(token, trust, key, signatures)?,
                    sso,
                )?;
                self.check_times(&caller, trust, now)?;
                Ok(caller)
            }
        }
    }

    /// Whether the token is valid now, which is checked on each request.
    fn check_times(
        self,
        caller: &AuthenticatedCaller,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let verified = caller.verified();
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
        let cached = cache
            .get(text)
            .filter(|cached| accepts(cached.token.header().typ()));
        let token = match &cached {
            Some(cached) => Arc::clone(&cached.token),
            None => {
                let token = Token::parse_as(text, accepts);
                Arc::new(token.map_err(|error| Evidence::new(error.into()))?)
            }
        };
        purpose
            .check_header(token.header())
            .map_err(|error| Evidence::new(error.into()).with_token(&token))?;
        Ok(Self {
            text,
            purpose,
            token,
            cached,
        })
    }

    /// Finds who vouches: the first of the candidates, each with its id, whose key verifies the
    /// token and whose audience fits.
    fn search<'k>(
        &self,
        candidates: impl Iterator<Item = (KeySourceId, &'k Trust)>,
        context: Context<'k>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let mut search = Search::default();
        for (source, trust) in candidates {
            let Some(trust_keys) = context.keyring.trust_keys(source) else {
                continue;
            };
            let keys = search.keys((source, trust), trust_keys, self.token.header(), context);
            for key in keys {
                match self.try_key((source, trust), key, context, cache) {
                    Ok(caller) => return Ok(caller),
                    Err(TokenError::AudienceMismatch) => {
                        search.other_audience.get_or_insert((trust, key));
                    }
                    Err(TokenError::AlgorithmMismatch | TokenError::SignatureInvalid) => {
                        search.tried.get_or_insert((trust, key));
                    }
                    // The key signed it, so no other entry could vouch for it either.
                    Err(error) => {
                        let evidence = Evidence::new(error.into()).with_token(&self.token);
                        return Err(evidence.with_trust(trust, Some(key)).verified().into());
                    }
                }
            }
        }
        match search.conclude(self.token.header().kid(), context) {
            Ok(evidence) => Err(evidence.with_token(&self.token).into()),
            Err(sources) => Err(AuthnFailure::AwaitKeys(sources)),
        }
    }

    /// Tries one key of one trust entry, unless the cache has what came of it.
    fn try_key(
        &self,
        (source, trust): (KeySourceId, &Trust),
        key: &Key,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, TokenError> {
        let id = (source, key.thumbprint());
        let caller = self
            .cached
            .as_ref()
            .and_then(|cached| cached.verified_by(id));
        if let Some(caller) = caller {
            self.purpose
                .check_times(caller, trust, context.now)
                .inspect_err(|_| cache.remove(self.text))?;
            return Ok(Arc::clone(caller));
        }
        let caller = self.purpose.vouch(&self.token, trust, key, context)?;
        let caller = Arc::new(caller);
        cache.insert(&self.token, self.cached.as_deref(), id, &caller);
        Ok(caller)
    }
}

impl<'k> Search<'k> {
    /// The keys of one trust entry that should be tried; notes why there is none.
    fn keys(
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
        match matching_keys(trust_keys, header, context) {
            KeyMatch::Keys(_) | KeyMatch::Several if condition == Condition::Stale => {
                self.stale = self.stale.or(Some(trust));
            }
            KeyMatch::Keys(_) if self.candidates >= MAX_CANDIDATES => {}
            KeyMatch::Keys(mut keys) => {
                keys.truncate(MAX_KEYS);
                self.candidates = self.candidates.saturating_add(1);
                return keys;
            }
            KeyMatch::OtherAlgorithm => self.other_algorithm = Some(trust),
            KeyMatch::Several => self.several_keys = Some(trust),
            KeyMatch::None => self.missing.push((source, trust)),
        }
        Vec::new()
    }

    /// Why no key vouched for the token, or which keys should be read before that can be said.
    fn conclude(
        self,
        kid: Option<&str>,
        context: Context<'_>,
    ) -> Result<Evidence, Vec<KeySourceId>> {
        let with = |error, trust| Evidence::new(error).with_trust(trust, None);
        if let Some((trust, key)) = self.other_audience {
            let evidence = Evidence::new(TokenError::AudienceMismatch.into());
            return Ok(evidence.with_trust(trust, Some(key)).verified());
        }
        if self.candidates > 0 {
            // Without a key id, a key that could not be read may be the one.
            if let Some((error, trust)) = self.unusable.filter(|_| kid.is_none()) {
                return Ok(with(error, trust));
            }
            let evidence = Evidence::new(TokenError::SignatureInvalid.into());
            return Ok(match self.tried {
                Some((trust, key)) => evidence.with_trust(trust, Some(key)),
                None => evidence,
            });
        }
        if let Some(trust) = self.stale {
            return Ok(with(AuthnError::StaleKeys, trust));
        }
        if let Some(trust) = self.several_keys {
            return Ok(with(AuthnError::SeveralKeys, trust));
        }
        let Missing {
            unread,
            is_unavailable,
        } = Missing::look_up(&self.missing, kid, context);
        if !unread.is_empty() {
            return Err(unread);
        }
        if is_unavailable {
            return Ok(match self.unusable {
                Some((error, trust)) => with(error, trust),
                None => Evidence::new(AuthnError::KeysUnavailable),
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

/// What is known of a key that several sources lack.
struct Missing {
    /// The sources whose next read shows whether they have it.
    unread: Vec<KeySourceId>,
    /// Whether a source could not be read, so that it may have it.
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
            unread: Vec::new(),
            is_unavailable: false,
        };
        for (source, _) in sources {
            match keyring
                .trust_keys(*source)
                .map(|trust_keys| trust_keys.look_up_missing(kid, arrived, now))
            {
                Some(KeyLookup::Pending) => missing.unread.push(*source),
                Some(KeyLookup::Unavailable) => missing.is_unavailable = true,
                Some(KeyLookup::Absent) | None => {}
            }
        }
        missing
    }
}

/// The keys that a token may mean: those of its key id or, where it names none, the only one in the
/// issuer's set that is for its algorithm, and what that one has replaced. A key is for exactly one
/// algorithm (RFC 8725, section 3.1).
fn matching_keys<'a>(
    trust_keys: &'a TrustKeys,
    header: &Header,
    context: Context<'_>,
) -> KeyMatch<'a> {
    let named = |key: &&Key| header.kid().is_none_or(|kid| key.kid() == Some(kid));
    let usable = |key: &&Key| {
        key.algorithm() == header.algorithm() && context.signatures.supports(key.algorithm())
    };
    let current: Vec<&Key> = trust_keys.current().filter(named).collect();
    let retiring: Vec<&Key> = trust_keys.retiring(context.now).filter(named).collect();
    let none_is_named = current.is_empty() && retiring.is_empty();
    let mut keys: Vec<&Key> = current.into_iter().filter(usable).collect();
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
