//! The verdict on a request that a proxy asks about.

use std::future::Future;
use std::sync::Arc;

use portcullis_core::decision::{Decision, Outcome};
use portcullis_core::gate::{Context, Gate, Judgement, RefreshOutcome, RefreshRequest};
use portcullis_core::keys::PureRust;
use portcullis_core::policy::{Level, Policy, Sso};
use portcullis_core::request::Headers;
use portcullis_core::session::Revocations;
use tokio::time::Instant;

use super::memories::Memories;
use crate::issuers::{Issuers, PATIENCE};

/// A policy, ready to judge: with the keys that it needs, and what is remembered of tokens.
#[derive(Debug)]
pub(crate) struct Judge {
    gate: Gate,
    issuers: Issuers,
    memories: Memories,
}

/// Those who keep people's sessions, as far as forward auth asks them.
pub(crate) trait People: Sync {
    /// The sessions that have ended before their time, as far as it is known now.
    fn revocations(&self) -> impl Future<Output = Arc<Revocations>> + Send;

    /// A fresh session token for the sealed session in `cookies`, the value of a Cookie header. The
    /// answer can set one cookie, and that is the token.
    fn renew(&self, cookies: &str) -> impl Future<Output = Renewal> + Send;
}

/// What came of asking for a fresh session token.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum Renewal {
    /// The value of the one Set-Cookie header, which has the token.
    Renewed(String),
    /// The session is over, or goes on only where more cookies can be set: the browser has to pass
    /// through `/oauth2/start`.
    Ended,
    /// Nobody can tell just now.
    Unavailable,
}

/// Where nobody signs in.
impl People for () {
    async fn revocations(&self) -> Arc<Revocations> {
        Arc::default()
    }

    async fn renew(&self, _: &str) -> Renewal {
        Renewal::Ended
    }
}

impl Judge {
    /// A judge by this policy, whose keys these issuers are.
    pub(crate) fn new(policy: Policy, issuers: Issuers) -> Self {
        Self {
            gate: Gate::new(policy),
            issuers,
            memories: Memories::default(),
        }
    }

    /// A judge by an edited policy, with the keys that are there.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn succeed(&self, policy: Policy) -> Self {
        let issuers = self.issuers.succeed(&policy);
        Self::new(policy, issuers)
    }

    /// The policy that it judges by.
    pub(crate) const fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    /// The keys that it judges by.
    pub(crate) const fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Judges a request, and gives the cookie that the answer sets, whatever the verdict is. It waits
    /// for keys that are being read, and for a fresh session token, but not for long.
    pub(super) async fn judge<P: People>(
        &self,
        headers: &Headers<'_>,
        people: &P,
    ) -> (Decision<'_>, Option<String>) {
        let (arrived, until) = (self.issuers.now(), Instant::now() + PATIENCE);
        // Nobody else has a session that could have ended, and to ask may take a call to Redis.
        let shown = |sso: &Sso| sso.cookies().is_shown(headers);
        let revocations = if self.policy().sso().is_some_and(shown) {
            people.revocations().await
        } else {
            Arc::default()
        };
        let mut refreshed: Option<(RefreshOutcome, Option<String>)> = None;
        loop {
            let known = self.issuers.snapshot();
            let judgement = self.memories.with(|memory| {
                let context = Context {
                    keyring: known.keyring(),
                    signatures: &PureRust,
                    revocations: &revocations,
                    arrived,
                    now: self.issuers.now(),
                };
                match &refreshed {
                    None => self.gate.judge(headers, context, memory),
                    Some((refreshed, _)) => self
                        .gate
                        .judge_refreshed(headers, context, memory, refreshed),
                }
            });
            let decision = match judgement {
                Judgement::Decided(decision) => decision,
                Judgement::AwaitKeys { app, sources } => {
                    if self.issuers.more(&known, &sources, until).await {
                        continue;
                    }
                    self.gate.give_up(app)
                }
                Judgement::Refresh(refresh) if refreshed.is_none() => {
                    refreshed = Some(renew(&refresh, people).await);
                    continue;
                }
                Judgement::Refresh(refresh) => refresh.give_up(),
            };
            let set_cookie = refreshed.and_then(|(refreshed, set_cookie)| {
                set_cookie.filter(|_| refreshed.allows_cookies(decision.reason()))
            });
            return (decision, set_cookie);
        }
    }

    /// What becomes of the request with these headers. Leaves the audit record in the log, at the
    /// policy's level.
    pub(super) fn outcome<'a>(
        &self,
        decision: Decision<'a>,
        headers: &'a Headers<'a>,
    ) -> Outcome<'a> {
        let outcome = decision.outcome(headers, self.policy().audit());
        let verdict = outcome.verdict();
        // The macros want the level written out.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(target: "portcullis::audit", "{}", verdict.audit_record())
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

/// What came of asking, and the cookie to set.
async fn renew<P: People>(
    refresh: &RefreshRequest<'_>,
    people: &P,
) -> (RefreshOutcome, Option<String>) {
    let (status, set_cookie) = match people.renew(refresh.cookies()).await {
        Renewal::Renewed(set_cookie) => (200, Some(set_cookie)),
        Renewal::Ended => (401, None),
        Renewal::Unavailable => (503, None),
    };
    let lines = set_cookie.iter().map(String::as_bytes);
    let family = refresh.sso().cookies();
    let refreshed = RefreshOutcome::read(refresh.sid(), family, status, lines);
    (refreshed, set_cookie)
}
