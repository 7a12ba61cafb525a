//! The identity providers, and the sessions of the users who sign in.

mod settings;

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use portcullis_core::policy::Policy;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};
use url::Url;

use crate::document::Report;
use crate::provider::{Authentication, Provider, callback_path, has_unnamed_callback};
use crate::session::{
    ActiveSession, Cookies, Keys, NoSession, PolicyClaims, Redeem, RefreshFailure, Session,
    Sessions, SetCookie,
};

use crate::clock::now;
use crate::config::SignInSettings;
use crate::metrics::{Metrics, seconds};
use crate::readiness::{Readiness, StatusFlag};
use crate::watch::{Watched, Watcher};

/// How often the session store is checked.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The identity providers and the sessions.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The sessions.
    pub(crate) sessions: Arc<Sessions>,
    /// The providers.
    pub(crate) providers: Arc<Providers>,
    /// The session keys.
    pub(crate) keys: Watched<Keys>,
    url: String,
}

/// All providers.
#[derive(Debug)]
pub(crate) struct Providers {
    all: Vec<Arc<Provider>>,
    metrics: Arc<Metrics>,
}

impl Identity {
    /// Opens the session store and creates the providers. No request is sent yet, so the providers may
    /// be down.
    pub(super) fn open(
        sign_in: &SignInSettings,
        (policy, policy_claims): (&Policy, PolicyClaims),
        watcher: &mut Watcher,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Report> {
        let keys = settings::keys(watcher, sign_in)?;
        let settings = settings::sessions(sign_in, policy)?;
        let store = sign_in.session.store.clone();
        let sessions = Sessions::open(settings, keys.shared(), store, now())?;
        let sessions = sessions.with_policy_claims(policy_claims);
        let all = settings::providers(sign_in)?;
        Ok(Self {
            sessions: Arc::new(sessions),
            providers: Arc::new(Providers { all, metrics }),
            keys,
            url: sign_in.public_url.as_str().to_owned(),
        })
    }

    /// Starts to refresh the providers' metadata and to check the session store, and adds both to what
    /// `/ready` requires.
    pub(super) fn watch(&self, metrics: &Arc<Metrics>, readiness: &mut Readiness) {
        for provider in self.providers.all() {
            let provider = Arc::clone(provider);
            tokio::spawn(async move { provider.keep_fresh(now).await });
        }
        let providers = Arc::clone(&self.providers);
        readiness.require("provider", move || {
            providers.all().iter().any(|one| one.ready(now()).is_ok())
        });
        let store = StatusFlag::default();
        let is_available = store.clone();
        readiness.require("store", move || is_available.get());
        let (sessions, metrics) = (Arc::clone(&self.sessions), Arc::clone(metrics));
        let keys = self.keys.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(POLL_INTERVAL);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut was_available = true;
            loop {
                interval.tick().await;
                let created_at = keys.load().current_created_at(now());
                metrics.signing_key_created.set(seconds(created_at.secs()));
                let stats = sessions.stats(now()).await;
                match &stats {
                    Err(error) if was_available => warn!(%error, "session store unavailable"),
                    Ok(_) if !was_available => info!("session store available again"),
                    Ok(_) | Err(_) => {}
                }
                was_available = stats.is_ok();
                store.set(was_available);
                if let Ok(stats) = stats {
                    let revocations = i64::try_from(stats.revocations).unwrap_or(i64::MAX);
                    metrics.revocations.set(revocations);
                    let floors = (stats.floor.secs(), stats.provider_floor.secs());
                    metrics.revocation_floors(floors.0, floors.1);
                    metrics.revocations_read.set(seconds(now().secs()));
                }
            }
        });
    }

    /// The redirect URI of a provider.
    pub(crate) fn redirect_uri(&self, provider: &Provider) -> Option<Url> {
        let path = callback_path(provider.name(), self.providers.only().is_some());
        Url::parse(&format!("{}{path}", self.url)).ok()
    }
}

// === impl Providers ===

impl Providers {
    /// All of them, in the order of the configuration. Never empty.
    pub(crate) fn all(&self) -> &[Arc<Provider>] {
        &self.all
    }

    /// The provider with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Provider>> {
        self.all.iter().find(|provider| provider.name() == name)
    }

    /// The provider, if there is only one.
    pub(crate) fn only(&self) -> Option<&Arc<Provider>> {
        self.all.first().filter(|_| self.all.len() == 1)
    }

    /// The provider of a callback path. `name` is the last segment; `None` for the path without a name.
    pub(crate) fn by_callback(&self, name: Option<&str>) -> Option<&Arc<Provider>> {
        let mut all = self.all.iter();
        match name {
            None => all.find(|provider| self.has_unnamed_callback(provider)),
            Some(name) => {
                all.find(|provider| provider.name() == name && !self.has_unnamed_callback(provider))
            }
        }
    }

    /// Counts a refresh of a session of theirs.
    pub(crate) fn count_refresh(&self, result: Result<&ActiveSession, &NoSession>) {
        self.metrics.session_refreshed(match result {
            Ok(_) => "refreshed",
            Err(NoSession::Ended { .. }) => "ended",
            Err(NoSession::Unavailable(_)) => "unavailable",
        });
        if result.is_ok_and(|active| active.are_groups_left_out) {
            self.metrics.groups_left_out.inc();
        }
    }

    fn has_unnamed_callback(&self, provider: &Provider) -> bool {
        has_unnamed_callback(provider.name(), self.all.len() == 1)
    }
}

impl Redeem for Providers {
    async fn redeem(&self, session: Session) -> Result<Authentication, RefreshFailure> {
        let Some(provider) = self.named(&session.provider) else {
            warn!(
                provider = session.provider,
                "session ended: its provider is no longer configured"
            );
            return Err(RefreshFailure::Ended);
        };
        let refreshed = provider
            .refresh(&session.tokens, &session.user, now())
            .await;
        refreshed.map_err(|error| {
            warn!(provider = provider.name(), %error, "session refresh failed");
            self.metrics
                .provider_failed(provider.name(), error.cause().kind());
            error.into()
        })
    }
}

/// The cookies of a request.
pub(crate) fn cookies(headers: &HeaderMap) -> Cookies<'_> {
    Cookies::read(headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes))
}

/// Adds a `Set-Cookie` header for each cookie.
pub(crate) fn set_cookies(headers: &mut HeaderMap, lines: &[SetCookie]) {
    for line in lines {
        // Names are tokens and values are base64url, so this never fails.
        if let Ok(mut line) = HeaderValue::from_str(line.header()) {
            line.set_sensitive(true);
            headers.append(SET_COOKIE, line);
        }
    }
}
