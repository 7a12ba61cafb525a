//! Authenticates users by the session tokens in their cookies.

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

/// The state of the session in a request's cookies.
#[derive(Clone, Debug)]
pub(super) enum SessionState {
    /// There is no session, or there are several.
    Absent,
    /// The session is valid.
    Valid(Arc<AuthenticatedCaller>),
    /// The session token has expired and is otherwise valid; a sealed session may refresh it.
    Expired(Arc<AuthenticatedCaller>),
    /// The session is not valid.
    Invalid(Box<Evidence>),
    /// The keys of these sources must be fetched first.
    AwaitKeys(Vec<KeySourceId>),
}

/// A refresh request to the companion. Its cookies are a credential.
#[derive(Clone)]
pub struct RefreshRequest<'g> {
    app: &'g App,
    sso: &'g Sso,
    session: SessionHandles,
    cookies: String,
}

/// The outcome of a [`RefreshRequest`]. Its tokens are credentials.
#[derive(Clone)]
pub enum RefreshOutcome {
    /// The companion has refreshed the session.
    Refreshed {
        /// The session to refresh.
        sid: Id,
        /// The candidates for the session token from the response's cookies, not verified yet.
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
    /// The refresh of this caller's session; `None` if the request has no sealed session, which is
    /// the credential for the refresh.
    pub(super) fn of(
        caller: &AuthenticatedCaller,
        sso: &'g Sso,
        app: &'g App,
        headers: &Headers<'_>,
    ) -> Option<Self> {
        let session = *caller.session()?;
        sso.cookie_names().is_sealed_in(headers).then(|| Self {
            app,
            sso,
            session,
            cookies: sso.cookie_names().of_session(headers),
        })
    }

    /// The app that the client requests.
    pub const fn app(&self) -> &'g App {
        self.app
    }

    /// The companion to call: `POST /oauth2/refresh` with its authority, through its cluster.
    pub const fn sso(&self) -> &'g Sso {
        self.sso
    }

    /// The session to refresh.
    pub const fn sid(&self) -> Id {
        self.session.sid
    }

    /// The handle of its user.
    pub const fn user(&self) -> Id {
        self.session.handle
    }

    /// The value of the Cookie header to send: the session cookies only. It is a credential.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }

    /// The decision if the companion can't be reached.
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
    /// Reads the companion's response: its status and the values of its Set-Cookie headers. The
    /// status is 0 without a response.
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

    /// Whether the response's cookies may be forwarded to a client whose request was decided by it,
    /// for this reason. They may not if the token is of another session: they could be another
    /// user's.
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

/// The results for several session tokens.
#[derive(Default)]
struct TokenOutcomes {
    valid: Vec<Arc<AuthenticatedCaller>>,
    expired: Vec<Arc<AuthenticatedCaller>>,
    unfetched: Vec<KeySourceId>,
    failure: Option<Box<Evidence>>,
}

impl Gate {
    /// The state of the session in the request's cookies. It is absent if the policy has no `sso`.
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
        let tokens = candidates(cookies, sso.cookie_names().token());
        let tokens = tokens.iter().map(|token| &**token);
        self.authenticate_all(sso, tokens, context, cache).state()
    }

    /// The state of the session after a refresh. The fresh token is verified like any other and
    /// must be of the same session.
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
            // The browser has the token of one session and the sealed session of another, for
            // example after a late response. A retry does not help, a new sign-in does.
            SessionState::Valid(_) => invalid(AuthnError::RefreshMismatch),
            // The companion issued no valid token, so signing in again does not help.
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
                Err(AuthnFailure::AwaitKeys(sources)) => outcomes.unfetched = sources,
            }
        }
        outcomes
    }
}

// === impl TokenOutcomes ===

impl TokenOutcomes {
    /// Records why a token is not valid. Of several reasons, a temporary failure takes precedence
    /// over an ended session, and that over the first of the others.
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

    /// The state that follows. Invalid tokens are ignored beside a valid one, because another host
    /// of the same domain may have set them, and expired tokens beside one that has not expired.
    fn state(self) -> SessionState {
        if !self.valid.is_empty() {
            return of_one_session(self.valid).map_or(SessionState::Absent, SessionState::Valid);
        }
        if !self.expired.is_empty() {
            return of_one_session(self.expired)
                .map_or(SessionState::Absent, SessionState::Expired);
        }
        if !self.unfetched.is_empty() {
            return SessionState::AwaitKeys(self.unfetched);
        }
        self.failure
            .map_or(SessionState::Absent, SessionState::Invalid)
    }
}

/// The latest of several tokens of one session. Tokens of two sessions count as none: an
/// attacker may have set the second one so that a user acts in the attacker's account.
fn of_one_session(tokens: Vec<Arc<AuthenticatedCaller>>) -> Option<Arc<AuthenticatedCaller>> {
    let sid =
        |caller: &Arc<AuthenticatedCaller>| caller.session().map(|own: &SessionHandles| own.sid);
    let first = tokens.first().map(sid);
    if tokens.iter().any(|caller| Some(sid(caller)) != first) {
        return None;
    }
    tokens.into_iter().max_by_key(|caller| caller.expires_at())
}
