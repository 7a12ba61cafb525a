//! The judge by the policy in force, for forward auth and the mirror: it follows the policy's file
//! and the session keys, and knows people's sessions.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_core::keys::KeySet;
use portcullis_core::session::Revocations;
use portcullis_core::token::Algorithm;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::document::Report;
use crate::forward_auth::{Judge, Renewal};
use crate::issuers::{Issuers, OwnKeys};
use crate::session::{Cookies, Keys, NoSession, Sessions};

use super::clock::now;
use super::config::Config;
use super::judgement::Judgement;
use super::people::Providers;
use super::watch::Watched;

/// How often it is looked whether policy or keys are others.
const LOOK: Duration = Duration::from_millis(500);

/// The judge by the policy in force.
#[derive(Debug)]
pub(crate) struct InForce(Arc<ArcSwap<Judge>>);

/// People's sessions, as forward auth asks for them.
#[derive(Debug)]
pub(crate) struct SignedIn {
    sessions: Arc<Sessions>,
    providers: Arc<Providers>,
    /// What had ended when it could last be told: it does not come back where nobody can tell.
    ended: ArcSwap<Revocations>,
}

impl InForce {
    /// Begins to read the issuers' keys, and follows policy and session keys from now on.
    pub(super) fn follow(
        config: &Config,
        judgement: Watched<Judgement>,
        keys: Watched<Keys>,
    ) -> Result<Self, Report> {
        let mut followed = judgement.load();
        let mut own = keys.load();
        let (publish, published) = watch::channel(key_set(&own));
        let issuers = issuers(config, &followed, published)?;
        let judge = Judge::new(followed.policy.clone(), issuers);
        let current = Arc::new(ArcSwap::from_pointee(judge));
        let here = Arc::clone(&current);
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                let fresh = keys.load();
                if !Arc::ptr_eq(&fresh, &own) {
                    publish.send_replace(key_set(&fresh));
                    own = fresh;
                }
                let edited = judgement.load();
                if !Arc::ptr_eq(&edited, &followed) {
                    let judge = here.load().succeed(edited.policy.clone());
                    here.store(Arc::new(judge));
                    followed = edited;
                }
            }
        });
        Ok(Self(current))
    }

    /// The judge. A request should ask once.
    pub(crate) fn load(&self) -> Arc<Judge> {
        self.0.load_full()
    }
}

fn issuers(config: &Config, judgement: &Judgement, own: OwnKeys) -> Result<Issuers, Report> {
    let policy = &judgement.policy;
    for (name, reach) in &config.trust {
        let at = format!("trust.{name}");
        let Some(trust) = policy.trust(name) else {
            let help = "write the name of one of the policy's trust entries";
            return Err(Report::of(
                &at,
                "the policy has no trust entry of this name",
                help,
            ));
        };
        if let Some(objection) = reach.objection(trust) {
            return Err(Report::of(&at, "this way leads nowhere", objection));
        }
    }
    Ok(Issuers::start(
        policy,
        config.trust.clone(),
        own,
        Arc::new(now),
    ))
}

/// The public half of the keys, as whoever verifies session tokens has them.
fn key_set(keys: &Keys) -> Option<KeySet> {
    KeySet::parse(keys.jwks_json().as_bytes(), Some(&[Algorithm::Es256])).ok()
}

// === impl SignedIn ===

impl SignedIn {
    /// The sessions of these providers.
    pub(super) fn new(sessions: Arc<Sessions>, providers: Arc<Providers>) -> Self {
        Self {
            sessions,
            providers,
            ended: ArcSwap::default(),
        }
    }
}

impl crate::forward_auth::People for SignedIn {
    async fn revocations(&self) -> Arc<Revocations> {
        if let Ok(ended) = self.sessions.revocations(now()).await {
            self.ended.store(Arc::new(ended));
        }
        self.ended.load_full()
    }

    async fn renew(&self, cookies: &str) -> Renewal {
        let cookies = Cookies::read([cookies.as_bytes()]);
        let (sessions, providers) = (&self.sessions, &self.providers);
        let live = sessions.refresh_token_cookie(&cookies, now(), providers);
        match live.await {
            Ok(live) => match live.set_cookies.first() {
                Some(line) => Renewal::Renewed(line.header().to_owned()),
                // A token in pieces needs more cookies than one.
                None => Renewal::Ended,
            },
            Err(NoSession::Ended { .. }) => Renewal::Ended,
            Err(NoSession::Unavailable(_)) => Renewal::Unavailable,
        }
    }
}
