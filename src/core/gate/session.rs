//! Authenticates people by the session tokens in their cookies.

use std::fmt;
use std::sync::Arc;

use super::authenticate::AuthnFailure;
use super::{Context, Gate, TokenCache};
use crate::caller::AuthenticatedCaller;
use crate::decision::{AuthnError, Decision, Evidence};
use crate::policy::{App, Sso};
use crate::reason::{Class, Reason};
use crate::request::Headers;
use crate::session::{CookieNames, Id, SessionHandles, candidates, pairs};
use crate::trust::KeySourceId;

/// What the session cookies of a request amount to.
#[derive(Clone, Debug)]
pub(super) enum SessionState {
    /// There is no session, or there are two different ones.
    Absent,
    /// It is valid.
    Valid(Arc<AuthenticatedCaller>),
    /// Its token is valid but for having expired: with the sealed session there may be a fresh one.
    Expired(Arc<AuthenticatedCaller>),
    /// It is not valid.
    Invalid(Box<Evidence>),
    /// The keys of these sources should be read first.
    AwaitKeys(Vec<KeySourceId>),
}

/// A request to the companion for a fresh session token. Its cookies are a secret.
#[derive(Clone)]
pub struct RefreshRequest<'g> {
    app: &'g App,
    sso: &'g Sso,
    sid: Id,
    cookies: String,
}

/// The outcome of a [`RefreshRequest`]. Its tokens are secrets.
#[derive(Clone)]
pub enum RefreshOutcome {
    /// The answer has set cookies: the session tokens that they may hold.
    Refreshed {
        /// The session that was to be refreshed.
        sid: Id,
        /// The tokens, none of them verified yet.
        tokens: Vec<String>,
    },
    /// The session has ended.
    Ended,
    /// The companion could not be reached, or could not refresh the session.
    Unavailable,
}

// === impl RefreshRequest ===

impl fmt::Debug for RefreshRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshRequest")
            .field("app", &self.app.name())
            .finish_non_exhaustive()
    }
}

impl<'g> RefreshRequest<'g> {
    /// The refresh of this caller's session; `None` where the request has no sealed session, which is
    /// the credential that the companion requires.
    pub(super) fn of(
        caller: &AuthenticatedCaller,
        sso: &'g Sso,
        app: &'g App,
        headers: &Headers<'_>,
    ) -> Option<Self> {
        let sid = caller.session()?.sid;
        sso.cookies().is_sealed_in(headers).then(|| Self {
            app,
            sso,
            sid,
            cookies: sso.cookies().of_session(headers),
        })
    }

    /// The app that the client requests.
    pub const fn app(&self) -> &'g App {
        self.app
    }

    /// The companion: `POST /oauth2/refresh` under its authority, through its cluster.
    pub const fn sso(&self) -> &'g Sso {
        self.sso
    }

    /// The session that the fresh token has to be of.
    pub const fn sid(&self) -> Id {
        self.sid
    }

    /// The value of the Cookie header to send: the session's cookies alone. It is a credential.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }

    /// The decision where the companion can't be reached.
    pub fn give_up(&self) -> Decision<'g> {
        Decision {
            app: Some(self.app),
            sso: Some(self.sso),
            by_session: true,
            ..Decision::refused(Evidence::new(AuthnError::RefreshUnavailable))
        }
    }
}

// === impl RefreshOutcome ===

impl fmt::Debug for RefreshOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refreshed { .. } => "Refreshed",
            Self::Ended => "Ended",
            Self::Unavailable => "Unavailable",
        })
    }
}

impl RefreshOutcome {
    /// Reads the companion's answer: its status and the values of its Set-Cookie headers. Without an
    /// answer the status is 0.
    pub fn read<'a>(
        sid: Id,
        names: &CookieNames,
        status: u16,
        set_cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        match status {
            200 => {
                let cookies = set_cookies.filter_map(|line| pairs(line).next());
                let tokens = candidates(cookies, names.token()).into_iter();
                let tokens = tokens.map(|token| token.into_owned()).collect();
                Self::Refreshed { sid, tokens }
            }
            401 => Self::Ended,
            _ => Self::Unavailable,
        }
    }

    /// Whether the cookies of that answer may be set in the answer to a request that was judged by it,
    /// for this reason. They may not where the token is of another session: they could be another
    /// person's.
    pub const fn allows_cookies(&self, reason: Reason) -> bool {
        match self {
            Self::Refreshed { .. } => {
                !matches!(reason, Reason::SessionUnavailable | Reason::SessionExpired)
            }
            Self::Ended | Self::Unavailable => !matches!(reason, Reason::SessionUnavailable),
        }
    }
}

// === impl Gate ===

/// The results of several session tokens.
#[derive(Default)]
struct TokenOutcomes {
    valid: Vec<Arc<AuthenticatedCaller>>,
    expired: Vec<Arc<AuthenticatedCaller>>,
    unread: Vec<KeySourceId>,
    failure: Option<Box<Evidence>>,
}

impl Gate {
    /// What the session cookies of a request amount to: nothing where the policy has no sessions.
    pub(super) fn session(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> SessionState {
        let Some(sso) = self.policy.sso() else {
            return SessionState::Absent;
        };
        let cookies = headers.all("cookie").flat_map(pairs);
        let tokens = candidates(cookies, sso.cookies().token());
        let tokens = tokens.iter().map(|token| &**token);
        self.authenticate_all(sso, tokens, context, cache).state()
    }

    /// What a refresh amounts to: the fresh token is verified like any other, and has to be of the
    /// same session.
    pub(super) fn refreshed(
        &self,
        refreshed: &RefreshOutcome,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> SessionState {
        let invalid = |error| SessionState::Invalid(Box::new(Evidence::new(error)));
        let (sid, tokens) = match refreshed {
            RefreshOutcome::Refreshed { sid, tokens } => (*sid, tokens),
            RefreshOutcome::Ended => return invalid(AuthnError::RefreshEnded),
            RefreshOutcome::Unavailable => return invalid(AuthnError::RefreshUnavailable),
        };
        let Some(sso) = self.policy.sso() else {
            return SessionState::Absent;
        };
        let tokens = tokens.iter().map(String::as_str);
        let state = self.authenticate_all(sso, tokens, context, cache).state();
        match state {
            SessionState::Valid(caller) if caller.session().is_some_and(|own| own.sid == sid) => {
                SessionState::Valid(caller)
            }
            SessionState::AwaitKeys(_) => state,
            SessionState::Invalid(evidence) if evidence.reason() == Reason::Revoked => {
                SessionState::Invalid(evidence)
            }
            // The browser has the token of one session and the sealed cookie of another, as after an
            // answer that came late: another attempt would change nothing, a sign-in does.
            SessionState::Valid(_) => invalid(AuthnError::RefreshMismatch),
            // A companion that gives out no valid token is at fault, not the person.
            SessionState::Absent | SessionState::Expired(_) | SessionState::Invalid(_) => {
                invalid(AuthnError::RefreshInvalid)
            }
        }
    }

    fn authenticate_all<'a>(
        &self,
        sso: &Sso,
        tokens: impl Iterator<Item = &'a str>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> TokenOutcomes {
        let Context {
            revocations, now, ..
        } = context;
        let mut outcomes = TokenOutcomes::default();
        for token in tokens {
            match self.authenticate_session(sso, token, context, cache) {
                Ok(caller)
                    if caller
                        .session()
                        .is_none_or(|own| revocations.revokes(own, now)) =>
                {
                    let evidence = Evidence::of_caller(AuthnError::SessionRevoked, &caller);
                    outcomes.fail(Box::new(evidence));
                }
                Ok(caller) if now < caller.expires_at() => outcomes.valid.push(caller),
                Ok(caller) => outcomes.expired.push(caller),
                Err(AuthnFailure::Refused(evidence)) => outcomes.fail(evidence),
                Err(AuthnFailure::AwaitKeys(sources)) => outcomes.unread = sources,
            }
        }
        outcomes
    }
}

// === impl TokenOutcomes ===

impl TokenOutcomes {
    /// Notes why a token is not valid. Of several reasons, one that keeps the question open counts
    /// before one that a session was ended, and that before the first of the others.
    fn fail(&mut self, evidence: Box<Evidence>) {
        let weight = |evidence: &Evidence| match evidence.reason().class() {
            Class::Unavailable => 2,
            Class::Unauthenticated => 1,
            _ => 0,
        };
        if self
            .failure
            .as_ref()
            .is_none_or(|other| weight(&evidence) > weight(other))
        {
            self.failure = Some(evidence);
        }
    }

    /// What the tokens amount to. Invalid ones are ignored beside a valid one, because another host
    /// of the same domain may have set them, and expired ones beside one that has not expired.
    fn state(self) -> SessionState {
        if !self.valid.is_empty() {
            return of_one_session(self.valid).map_or(SessionState::Absent, SessionState::Valid);
        }
        if !self.expired.is_empty() {
            return of_one_session(self.expired)
                .map_or(SessionState::Absent, SessionState::Expired);
        }
        if !self.unread.is_empty() {
            return SessionState::AwaitKeys(self.unread);
        }
        self.failure
            .map_or(SessionState::Absent, SessionState::Invalid)
    }
}

/// The latest of several tokens of one session. Tokens of two sessions count as none: an
/// attacker may have set the second one to have a person act in another's name.
fn of_one_session(tokens: Vec<Arc<AuthenticatedCaller>>) -> Option<Arc<AuthenticatedCaller>> {
    let sid =
        |caller: &Arc<AuthenticatedCaller>| caller.session().map(|own: &SessionHandles| own.sid);
    let first = tokens.first().map(sid);
    if tokens.iter().any(|caller| Some(sid(caller)) != first) {
        return None;
    }
    tokens.into_iter().max_by_key(|caller| caller.expires_at())
}
