//! The decision on a request that a proxy describes.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_core::caller::AuthenticatedCaller;
use portcullis_core::decision::Decision;
use portcullis_core::gate::{
    Context, Evaluation, Gate, Identification, RefreshOutcome, RefreshRequest,
};
use portcullis_core::keys::PureRust;
use portcullis_core::outcome::Outcome;
use portcullis_core::policy::{Level, Policy, Sso};
use portcullis_core::request::Headers;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;
use tokio::time::Instant;

use super::token_caches::TokenCaches;
use crate::issuers::{Issuers, Snapshot, WAIT_TIMEOUT};

/// A policy with the keys and token caches that its decisions need.
#[derive(Debug)]
pub(crate) struct Evaluator {
    gate: Gate,
    issuers: Issuers,
    token_caches: TokenCaches,
}

/// The sessions, as forward auth uses them.
pub(crate) trait SessionSource: Sync {
    /// The revoked sessions, as last read.
    fn revocations(&self) -> impl Future<Output = Arc<Revocations>> + Send;

    /// A new session token for the sealed session in `cookies`, the value of a `Cookie` header. The
    /// response can set one cookie only, which is the token.
    fn refresh(&self, cookies: &str) -> impl Future<Output = SessionRefresh> + Send;
}

/// The outcome of a session refresh for forward auth.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum SessionRefresh {
    /// The value of the one `Set-Cookie` header, with the new token.
    Refreshed(String),
    /// The session has ended, or needs more than one cookie: the browser must be redirected to
    /// `/oauth2/start`.
    Ended,
    /// Sessions are unavailable right now.
    Unavailable,
}

/// `None` if sign-in is not configured.
impl<S: SessionSource> SessionSource for Option<S> {
    async fn revocations(&self) -> Arc<Revocations> {
        match self {
            Some(sessions) => sessions.revocations().await,
            None => Arc::default(),
        }
    }

    async fn refresh(&self, cookies: &str) -> SessionRefresh {
        match self {
            Some(sessions) => sessions.refresh(cookies).await,
            None => SessionRefresh::Ended,
        }
    }
}

impl Evaluator {
    /// An evaluator with this policy and the keys of these issuers.
    pub(crate) fn new(policy: Policy, issuers: Issuers) -> Self {
        Self {
            gate: Gate::new(policy),
            issuers,
            token_caches: TokenCaches::default(),
        }
    }

    /// An evaluator with an edited policy and the same keys.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn with_policy(&self, policy: Policy) -> Self {
        let issuers = self.issuers.with_policy(&policy);
        Self::new(policy, issuers)
    }

    /// The policy.
    pub(crate) const fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    /// The issuers, with their keys.
    pub(crate) const fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Decides on a request. It waits for keys and for a new session token, each for a bounded time. The
    /// response sets the returned cookie, whatever the decision is.
    pub(super) async fn evaluate<P: SessionSource>(
        &self,
        headers: &Headers<'_>,
        sessions: &P,
    ) -> (Decision<'_>, Option<String>) {
        let (arrived, until) = (self.issuers.now(), Instant::now() + WAIT_TIMEOUT);
        // Only sessions can be revoked, and reading the list may need a command to Redis.
        let has_session = |sso: &Sso| sso.cookie_names().is_presented_in(headers);
        let revocations = if self.policy().sso().is_some_and(has_session) {
            sessions.revocations().await
        } else {
            Arc::default()
        };
        let mut refreshed: Option<(RefreshOutcome, Option<String>)> = None;
        loop {
            let snapshot = self.issuers.snapshot();
            let evaluation = self.token_caches.with(|cache| {
                let context = self.context(&snapshot, &revocations, arrived);
                match &refreshed {
                    None => self.gate.evaluate(headers, context, cache),
                    Some((refreshed, _)) => self
                        .gate
                        .evaluate_refreshed(headers, context, cache, refreshed),
                }
            });
            let decision = match evaluation {
                Evaluation::Decided(decision) => decision,
                Evaluation::AwaitKeys { app, sources } => {
                    if self
                        .issuers
                        .wait_for_newer(&snapshot, &sources, until)
                        .await
                    {
                        continue;
                    }
                    self.gate.give_up(app)
                }
                Evaluation::Refresh(refresh) if refreshed.is_none() => {
                    refreshed = Some(refresh_session(&refresh, sessions).await);
                    continue;
                }
                Evaluation::Refresh(refresh) => refresh.give_up(),
            };
            let set_cookie = refreshed.and_then(|(refreshed, set_cookie)| {
                set_cookie.filter(|_| refreshed.allows_cookies(decision.enforced_reason()))
            });
            return (decision, set_cookie);
        }
    }

    /// What a request that arrived at that time is evaluated with now.
    fn context<'a>(
        &self,
        snapshot: &'a Snapshot,
        revocations: &'a Revocations,
        arrived: Timestamp,
    ) -> Context<'a> {
        Context {
            keyring: snapshot.keyring(),
            signatures: &PureRust,
            revocations,
            arrived,
            now: self.issuers.now(),
        }
    }

    /// The caller of the request's bearer token, or the refusal of it. It waits for keys for a bounded time.
    /// `None` if there is no bearer token.
    pub(super) async fn identify(
        &self,
        headers: &Headers<'_>,
    ) -> Option<Result<Arc<AuthenticatedCaller>, Decision<'_>>> {
        let (arrived, until) = (self.issuers.now(), Instant::now() + WAIT_TIMEOUT);
        let revocations = Revocations::default();
        loop {
            let snapshot = self.issuers.snapshot();
            let identification = self.token_caches.with(|cache| {
                let context = self.context(&snapshot, &revocations, arrived);
                self.gate.identify(headers, context, cache)
            });
            return Some(match identification? {
                Identification::Caller(caller) => Ok(caller),
                Identification::Refused(decision) => Err(decision),
                Identification::AwaitKeys(sources) => {
                    let issuers = &self.issuers;
                    if issuers.wait_for_newer(&snapshot, &sources, until).await {
                        continue;
                    }
                    Err(self.gate.give_up_identifying())
                }
            });
        }
    }

    /// The outcome of a decision on the request of this client with these headers. Logs the audit record at
    /// the policy's level.
    pub(super) fn outcome<'a>(
        &'a self,
        decision: Decision<'a>,
        headers: &'a Headers<'a>,
        client: Option<IpAddr>,
    ) -> Outcome<'a> {
        let outcome = decision.outcome(headers, self.policy(), self.issuers.now());
        let verdict = outcome.verdict();
        let client = client.map(|address| address.to_canonical().to_string());
        // The macros need the level as a name.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "portcullis::audit", "{}", verdict.audit_record(client.as_deref())
                )
            };
        }
        match verdict.audit_level() {
            Some(Level::Debug) => line!(debug),
            Some(Level::Info) => line!(info),
            Some(Level::Warn) => line!(warn),
            Some(Level::Error) => line!(error),
            None => {}
        }
        outcome
    }
}

/// The outcome, and the cookie to set.
async fn refresh_session<P: SessionSource>(
    refresh: &RefreshRequest<'_>,
    sessions: &P,
) -> (RefreshOutcome, Option<String>) {
    let (status, set_cookie) = match sessions.refresh(refresh.cookies()).await {
        SessionRefresh::Refreshed(set_cookie) => (200, Some(set_cookie)),
        SessionRefresh::Ended => (401, None),
        SessionRefresh::Unavailable => (503, None),
    };
    let lines = set_cookie.iter().map(String::as_bytes);
    let names = refresh.sso().cookie_names();
    let refreshed = RefreshOutcome::read(refresh.sid(), names, status, lines);
    (refreshed, set_cookie)
}
