//! What session cookies come to.

use std::fmt;
use std::sync::Arc;

use super::authenticate::AuthnFailure;
use super::{Context, Gate, TokenCache};
use crate::caller::AuthenticatedCaller;
use crate::decision::Decision;
use crate::policy::{App, Sso};
use crate::reason::{Class, Reason};
use crate::request::Headers;
use crate::session::{CookieNames, Id, SessionHandles, candidates, pairs};
use crate::trust::KeySourceId;

/// What session cookies come to.
#[derive(Clone, Debug)]
pub enum Session {
    /// There is none, or there are two that do not agree.
    Absent,
    /// It is good.
    Good(Arc<AuthenticatedCaller>),
    /// All of it is good, but its token is over: with the sealed session there may be a fresh one.
    Over(Arc<AuthenticatedCaller>),
    /// It is no good.
    Failed(Reason),
    /// The keys of these sources should be read first.
    AwaitKeys(Vec<KeySourceId>),
}

/// A fresh token to ask the companion for. Its cookies are a secret.
#[derive(Clone)]
pub struct RefreshRequest<'g> {
    app: &'g App,
    sso: &'g Sso,
    sid: Id,
    cookies: String,
}

/// What came of asking the companion for a fresh token. Its tokens are secrets.
#[derive(Clone)]
pub enum RefreshOutcome {
    /// The answer has set cookies: the session tokens that they may hold.
    Renewed {
        /// The session that was asked for.
        sid: Id,
        /// The tokens, none of them believed yet.
        tokens: Vec<String>,
    },
    /// The session is over.
    Ended,
    /// Nobody can tell just now.
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
    /// What to ask for the session of this caller; `None` where the request shows no sealed session,
    /// which is the credential that the companion goes by.
    pub(super) fn of(
        known: &AuthenticatedCaller,
        sso: &'g Sso,
        app: &'g App,
        headers: &Headers<'_>,
    ) -> Option<Self> {
        let sid = known.session()?.sid;
        sso.cookies().is_sealed_in(headers).then(|| Self {
            app,
            sso,
            sid,
            cookies: sso.cookies().of_session(headers),
        })
    }

    /// The app that is asked for.
    pub const fn app(&self) -> &'g App {
        self.app
    }

    /// Where to ask: `POST /oauth2/refresh` under its authority, through its cluster.
    pub const fn sso(&self) -> &'g Sso {
        self.sso
    }

    /// The session, which the fresh token has to be of.
    pub const fn sid(&self) -> Id {
        self.sid
    }

    /// The value of the Cookie header to ask with: the session's cookies alone. It is a credential.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }

    /// The verdict where the companion can't be asked.
    pub fn give_up(&self) -> Decision<'g> {
        Decision {
            app: Some(self.app),
            sso: Some(self.sso),
            by_session: true,
            ..Decision::new(Reason::SessionUnavailable)
        }
    }
}

// === impl RefreshOutcome ===

impl fmt::Debug for RefreshOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Renewed { .. } => "Renewed",
            Self::Ended => "Ended",
            Self::Unavailable => "Unavailable",
        })
    }
}

impl RefreshOutcome {
    /// What an answer of the companion says of a session: its status and the values of its
    /// Set-Cookie headers. No answer has the status 0.
    pub fn read<'a>(
        sid: Id,
        family: &CookieNames,
        status: u16,
        set_cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        match status {
            200 => {
                let cookies = set_cookies.filter_map(|line| pairs(line).next());
                let tokens = candidates(cookies, family.token()).into_iter();
                let tokens = tokens.map(|token| token.into_owned()).collect();
                Self::Renewed { sid, tokens }
            }
            401 => Self::Ended,
            _ => Self::Unavailable,
        }
    }

    /// Whether the cookies of that answer may ride on what a request is answered that was judged by it,
    /// for this reason. Not where the token proved to be none of this session: they could be somebody
    /// else's.
    pub const fn lets_cookies_ride(&self, reason: Reason) -> bool {
        match self {
            Self::Renewed { .. } => {
                !matches!(reason, Reason::SessionUnavailable | Reason::SessionExpired)
            }
            Self::Ended | Self::Unavailable => !matches!(reason, Reason::SessionUnavailable),
        }
    }
}

// === impl Gate ===

/// What several tokens come to.
#[derive(Default)]
struct TokenOutcomes {
    good: Vec<Arc<AuthenticatedCaller>>,
    over: Vec<Arc<AuthenticatedCaller>>,
    unread: Vec<KeySourceId>,
    failure: Option<Reason>,
}

impl Gate {
    /// What the session cookies of a request come to, wherever it leads. Nothing where the policy
    /// knows of no sessions.
    pub fn session(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Session {
        let Some(sso) = self.policy.sso() else {
            return Session::Absent;
        };
        let cookies = headers.all("cookie").flat_map(pairs);
        let tokens = candidates(cookies, sso.cookies().token());
        let tokens = tokens.iter().map(|token| &**token);
        self.weigh(sso, tokens, context, cache).settle()
    }

    /// What the outcome of a refresh comes to: the fresh token is verified like any other, and is of
    /// the same session.
    pub(super) fn refreshed(
        &self,
        refreshed: &RefreshOutcome,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Session {
        let (sid, tokens) = match refreshed {
            RefreshOutcome::Renewed { sid, tokens } => (*sid, tokens),
            RefreshOutcome::Ended => return Session::Failed(Reason::SessionExpired),
            RefreshOutcome::Unavailable => return Session::Failed(Reason::SessionUnavailable),
        };
        let Some(sso) = self.policy.sso() else {
            return Session::Absent;
        };
        let tokens = tokens.iter().map(String::as_str);
        let session = self.weigh(sso, tokens, context, cache).settle();
        match session {
            Session::Good(known) if known.session().is_some_and(|own| own.sid == sid) => {
                Session::Good(known)
            }
            Session::AwaitKeys(_) | Session::Failed(Reason::Revoked) => session,
            // The browser shows the token of one session beside the sealed cookie of another, as after
            // an answer that came late: to try again would change nothing, a sign-in does.
            Session::Good(_) => Session::Failed(Reason::SessionExpired),
            // A companion that gives out no good token is at fault, not the person.
            Session::Absent | Session::Over(_) | Session::Failed(_) => {
                Session::Failed(Reason::SessionUnavailable)
            }
        }
    }

    fn weigh<'a>(
        &self,
        sso: &Sso,
        tokens: impl Iterator<Item = &'a str>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> TokenOutcomes {
        let Context {
            revocations, now, ..
        } = context;
        let mut weighed = TokenOutcomes::default();
        for token in tokens {
            match self.authenticate_session(sso, token, context, cache) {
                Ok(known)
                    if known
                        .session()
                        .is_none_or(|own| revocations.revokes(own, now)) =>
                {
                    weighed.fail(Reason::Revoked);
                }
                Ok(known) if now < known.expires_at() => weighed.good.push(known),
                Ok(known) => weighed.over.push(known),
                Err(AuthnFailure::Refused(reason)) => weighed.fail(reason),
                Err(AuthnFailure::AwaitKeys(sources)) => weighed.unread = sources,
            }
        }
        weighed
    }
}

// === impl TokenOutcomes ===

impl TokenOutcomes {
    /// Notes why a token is no good: of several reasons, that nobody can tell, then that a session
    /// was ended, then the first.
    fn fail(&mut self, reason: Reason) {
        let weight = |reason: Reason| match reason.class() {
            Class::Unavailable => 2,
            Class::Unauthenticated => 1,
            _ => 0,
        };
        if self
            .failure
            .is_none_or(|known| weight(reason) > weight(known))
        {
            self.failure = Some(reason);
        }
    }

    /// What it comes to. Tokens that prove nothing are ignored beside one that does, because a
    /// neighbour may have put them there, and one whose time is over beside one whose time is now.
    fn settle(self) -> Session {
        if !self.good.is_empty() {
            return agreed(self.good).map_or(Session::Absent, Session::Good);
        }
        if !self.over.is_empty() {
            return agreed(self.over).map_or(Session::Absent, Session::Over);
        }
        if !self.unread.is_empty() {
            return Session::AwaitKeys(self.unread);
        }
        self.failure.map_or(Session::Absent, Session::Failed)
    }
}

/// The latest of several tokens of one session. Tokens of two are as good as none: who put the
/// second there may want somebody to act in another's name.
fn agreed(tokens: Vec<Arc<AuthenticatedCaller>>) -> Option<Arc<AuthenticatedCaller>> {
    let sid =
        |known: &Arc<AuthenticatedCaller>| known.session().map(|own: &SessionHandles| own.sid);
    let first = tokens.first().map(sid);
    if tokens.iter().any(|known| Some(sid(known)) != first) {
        return None;
    }
    tokens.into_iter().max_by_key(|known| known.expires_at())
}
