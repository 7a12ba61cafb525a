//! The state of forward auth and the mirror: an evaluator that follows reloads of the policy and of the
//! session keys, and the sessions that it reads.

use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_core::keys::KeySet;
use portcullis_core::session::Revocations;
use portcullis_core::token::Algorithm;
use tokio::sync::watch;
use tracing::info;

use crate::clock::now;
use crate::config::Config;
use crate::document::Report;
use crate::forward_auth::{Evaluator, SessionRefresh, SessionSource};
use crate::issuers::{Issuers, SessionKeys};
use crate::session::{Cookies, Keys, NoSession, Sessions};
use crate::watch::Watched;

use super::identity::Providers;
use super::loaded_policy::LoadedPolicy;

/// The evaluator with the current policy.
#[derive(Debug)]
pub(crate) struct ForwardAuthState(Arc<ArcSwap<Evaluator>>);

/// The sessions of this companion, which forward auth reads and refreshes.
#[derive(Debug)]
pub(crate) struct LocalSessions {
    sessions: Arc<Sessions>,
    providers: Arc<Providers>,
    /// The revocation list that was last read. It is used while the list is unavailable.
    revocations: ArcSwap<Revocations>,
}

impl ForwardAuthState {
    /// Starts to read the issuers' keys, and follows reloads of policy and session keys from now on.
    /// `keys` is `None` if sign-in is not configured.
    pub(super) fn follow(
        config: &Config,
        policy: Watched<LoadedPolicy>,
        keys: Option<Watched<Keys>>,
    ) -> Result<Self, Report> {
        let loaded = policy.load();
        let session_keys = keys.map_or_else(|| watch::channel(None).1, follow_keys);
        let issuers = issuers(config, &loaded, session_keys)?;
        let evaluator = Evaluator::new(loaded.policy.clone(), issuers);
        let current = Arc::new(ArcSwap::from_pointee(evaluator));
        tokio::spawn(follow_policy(Arc::clone(&current), policy, loaded));
        Ok(Self(current))
    }

    /// The evaluator. A request should load it once.
    pub(crate) fn load(&self) -> Arc<Evaluator> {
        self.0.load_full()
    }
}

/// Replaces the evaluator after each reload of the policy.
async fn follow_policy(
    evaluator: Arc<ArcSwap<Evaluator>>,
    mut policy: Watched<LoadedPolicy>,
    mut followed: Arc<LoadedPolicy>,
) {
    loop {
        let loaded = policy.load();
        // The policy may have been reloaded before this task started.
        if !Arc::ptr_eq(&loaded, &followed) {
            let next = evaluator.load().with_policy(loaded.policy.clone());
            evaluator.store(Arc::new(next));
            let (digest, revision) = (loaded.policy.digest(), loaded.policy.revision());
            info!(policy = %digest, revision, "policy replaced");
            followed = loaded;
        }
        policy.changed().await;
    }
}

/// The public half of the session keys, updated after each reload.
fn follow_keys(mut keys: Watched<Keys>) -> SessionKeys {
    let (sender, receiver) = watch::channel(key_set(&keys.load()));
    tokio::spawn(async move {
        loop {
            keys.changed().await;
            sender.send_replace(key_set(&keys.load()));
        }
    });
    receiver
}

fn issuers(
    config: &Config,
    loaded: &LoadedPolicy,
    session_keys: SessionKeys,
) -> Result<Issuers, Report> {
    let policy = &loaded.policy;
    for (name, connection) in &config.trust {
        let path = format!("trust.{name}");
        let Some(trust) = policy.trust(name) else {
            let help = "write the name of one of the policy's trust entries";
            let problem = "unknown trust entry";
            return Err(Report::of(&path, problem, help));
        };
        if let Some(help) = connection.problem(trust) {
            let problem = "can't be used with this trust entry";
            return Err(Report::of(&path, problem, help));
        }
    }
    Ok(Issuers::start(
        policy,
        config.trust.clone(),
        session_keys,
        Arc::new(now),
    ))
}

/// The public half of the keys, with which session tokens are verified.
fn key_set(keys: &Keys) -> Option<KeySet> {
    KeySet::parse(keys.jwks_json().as_bytes(), Some(&[Algorithm::Es256])).ok()
}

// === impl LocalSessions ===

impl LocalSessions {
    /// The sessions of these providers.
    pub(super) fn new(sessions: Arc<Sessions>, providers: Arc<Providers>) -> Self {
        Self {
            sessions,
            providers,
            revocations: ArcSwap::default(),
        }
    }
}

impl SessionSource for LocalSessions {
    async fn revocations(&self) -> Arc<Revocations> {
        if let Ok(revocations) = self.sessions.revocations(now()).await {
            self.revocations.store(Arc::new(revocations));
        }
        self.revocations.load_full()
    }

    async fn refresh(&self, cookies: &str) -> SessionRefresh {
        let cookies = Cookies::read([cookies.as_bytes()]);
        let (sessions, providers) = (&self.sessions, &self.providers);
        let active = sessions
            .refresh_token_cookie(&cookies, now(), providers)
            .await;
        providers.count_refresh(active.as_ref());
        match active {
            Ok(active) => match active.set_cookies.first() {
                Some(line) => SessionRefresh::Refreshed(line.header().to_owned()),
                // A token in chunks needs more than one cookie.
                None => SessionRefresh::Ended,
            },
            Err(NoSession::Ended { .. }) => SessionRefresh::Ended,
            Err(NoSession::Unavailable(_)) => SessionRefresh::Unavailable,
        }
    }
}
