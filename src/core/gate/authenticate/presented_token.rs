//! A token as the client presents it, and the search for the key that verifies it.

use std::sync::Arc;

use super::AuthnFailure;
use super::key_search::KeySearch;
use crate::caller::AuthenticatedCaller;
use crate::decision::Evidence;
use crate::gate::token_cache::CachedToken;
use crate::gate::{Context, TokenCache};
use crate::keys::Key;
use crate::policy::Sso;
use crate::session;
use crate::timestamp::Timestamp;
use crate::token::{
    Algorithm, Header, Token, TokenError, is_bearer_type, verify, verify_but_for_time,
};
use crate::trust::{KeySourceId, Trust};

/// What a token is presented as.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    Bearer,
    Session(&'a Sso),
}

/// A token as the client presents it, and its cache entry.
pub(super) struct PresentedToken<'a> {
    text: &'a str,
    purpose: Purpose<'a>,
    pub(super) token: Arc<Token>,
    cached: Option<Arc<CachedToken>>,
}

// === impl Purpose ===

impl<'a> Purpose<'a> {
    /// The check of `typ`. It applies to cached tokens too, so that a token verified for one
    /// purpose is never accepted for another.
    fn accepts(self) -> fn(Option<&str>) -> bool {
        match self {
            Self::Bearer => is_bearer_type,
            Self::Session(_) => session::is_token_type,
        }
    }

    /// Checks that a session token's header is one that the companion writes.
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
    fn authenticate(
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
                    sso.providers(),
                )?;
                self.check_times(&caller, trust, now)?;
                Ok(caller)
            }
        }
    }

    /// Checks the time claims, on each request.
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

// === impl PresentedToken ===

impl<'a> PresentedToken<'a> {
    pub(super) fn read(
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

    /// Finds the caller by the first candidate whose key verifies the token and whose audience
    /// matches.
    pub(super) fn search<'k>(
        &'k self,
        candidates: impl Iterator<Item = (KeySourceId, &'k Trust)>,
        context: Context<'k>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let issuer = match self.purpose {
            Purpose::Bearer => Some(self.token.claims().issuer()),
            Purpose::Session(_) => None,
        };
        let mut search = KeySearch::new(issuer);
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
                    // The key signed it, so no other entry could verify it either.
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

    /// Tries one key of one trust entry, or takes the result from the cache.
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
        let caller = self
            .purpose
            .authenticate(&self.token, trust, key, context)?;
        let caller = Arc::new(caller);
        cache.insert(&self.token, self.cached.as_deref(), id, &caller);
        Ok(caller)
    }
}
