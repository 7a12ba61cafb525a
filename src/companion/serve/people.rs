//! What the endpoints for people share: who signs them in, and their sessions.

mod settings;

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use portcullis_core::endpoints;
use portcullis_core::policy::Policy;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};
use url::Url;

use crate::document::Report;
use crate::provider::{Authentication, Provider};
use crate::session::{Cookies, Keys, Redeem, RefreshFailure, Session, Sessions, SetCookie};

use super::clock::now;
use super::config::Config;
use super::health::{Health, Presence};
use super::metrics::{Metrics, seconds};
use super::watch::{Watched, Watcher};

/// How often it is looked whether sessions can be kept.
const LOOK: Duration = Duration::from_secs(2);

/// Where the provider sends people back to.
const CALLBACK: &str = endpoints::CALLBACK.path;

/// The provider that has the bare callback, where there are several.
const FIRST: &str = "sso";

/// Who signs people in, and their sessions.
#[derive(Debug)]
pub(crate) struct People {
    /// The sessions.
    pub(crate) sessions: Arc<Sessions>,
    /// What providers are asked through.
    pub(crate) providers: Arc<Providers>,
    /// The keys that sign and seal.
    pub(crate) keys: Watched<Keys>,
    url: String,
}

/// All providers.
#[derive(Debug)]
pub(crate) struct Providers {
    all: Vec<Arc<Provider>>,
    metrics: Arc<Metrics>,
}

impl People {
    /// Makes ready what is configured. No provider is asked yet, so that they may all be down.
    pub(super) fn open(
        config: &Config,
        policy: &Policy,
        watcher: &mut Watcher,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Report> {
        let keys = settings::keys(watcher, config)?;
        let settings = settings::sessions(config, policy)?;
        let sessions =
            Sessions::open(settings, keys.shared(), config.session.store.clone(), now())?;
        let all = settings::providers(config)?;
        Ok(Self {
            sessions: Arc::new(sessions),
            providers: Arc::new(Providers { all, metrics }),
            keys,
            url: config.site.as_str().to_owned(),
        })
    }

    /// Keeps what is known of providers fresh, for as long as this program runs, and says what must be
    /// there before anybody can sign in.
    pub(super) fn watch(&self, metrics: &Arc<Metrics>) -> Health {
        let mut health = Health::default();
        for provider in self.providers.all() {
            let provider = Arc::clone(provider);
            tokio::spawn(async move { provider.keep_fresh(now).await });
        }
        let providers = Arc::clone(&self.providers);
        health.need("provider", move || {
            providers.all().iter().any(|one| one.ready(now()).is_ok())
        });
        let store = Presence::default();
        let is_there = store.clone();
        health.need("store", move || is_there.get());
        let (sessions, metrics) = (Arc::clone(&self.sessions), Arc::clone(metrics));
        let keys = self.keys.clone();
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut known = true;
            loop {
                looks.tick().await;
                let made = keys.load().current_created_at(now());
                metrics.signing_key_made.set(seconds(made.secs()));
                let counts = sessions.stats(now()).await;
                match &counts {
                    Err(why) if known => warn!(%why, "sessions can't be kept"),
                    Ok(_) if !known => info!("sessions can be kept again"),
                    Ok(_) | Err(_) => {}
                }
                known = counts.is_ok();
                store.set(known);
                if let Ok(counts) = counts {
                    let marks = i64::try_from(counts.revocations).unwrap_or(i64::MAX);
                    metrics.revocations.set(marks);
                    let floor = i64::try_from(counts.floor.secs()).unwrap_or(i64::MAX);
                    metrics.revocations_floor.set(floor);
                    metrics.revocations_read.set(seconds(now().secs()));
                }
            }
        });
        health
    }

    /// Where this provider sends people back to: a place of its own for each, so that the answer of
    /// one is never taken for another's (RFC 9700 section 4.4.2).
    pub(crate) fn redirect_uri(&self, provider: &Provider) -> Option<Url> {
        let path = if self.providers.has_bare_callback(provider) {
            CALLBACK.to_owned()
        } else {
            format!("{CALLBACK}/{}", provider.name())
        };
        Url::parse(&format!("{}{path}", self.url)).ok()
    }
}

// === impl Providers ===

impl Providers {
    /// All of them, in the order of the configuration. Never empty.
    pub(crate) fn all(&self) -> &[Arc<Provider>] {
        &self.all
    }

    /// The one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Provider>> {
        self.all.iter().find(|provider| provider.name() == name)
    }

    /// The only one there is.
    pub(crate) fn only(&self) -> Option<&Arc<Provider>> {
        self.all.first().filter(|_| self.all.len() == 1)
    }

    /// The one that a callback path belongs to: `name` is what stands behind the bare path.
    pub(crate) fn called_back(&self, name: Option<&str>) -> Option<&Arc<Provider>> {
        let mut all = self.all.iter();
        match name {
            None => all.find(|provider| self.has_bare_callback(provider)),
            Some(name) => {
                all.find(|provider| provider.name() == name && !self.has_bare_callback(provider))
            }
        }
    }

    fn has_bare_callback(&self, provider: &Provider) -> bool {
        provider.name() == FIRST || self.all.len() == 1
    }
}

impl Redeem for Providers {
    async fn redeem(&self, session: Session) -> Result<Authentication, RefreshFailure> {
        let Some(provider) = self.named(&session.idp) else {
            warn!(
                provider = session.idp,
                "a session's provider is configured no more"
            );
            return Err(RefreshFailure::Ended);
        };
        let renewed = provider
            .refresh(&session.tokens, &session.person, now())
            .await;
        renewed.map_err(|error| {
            warn!(provider = provider.name(), %error, "a session was not renewed");
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

/// Sets cookies in an answer, each in a line of its own.
pub(crate) fn set_cookies(headers: &mut HeaderMap, lines: &[SetCookie]) {
    for line in lines {
        // Names are tokens and values base64url, so none can fail.
        if let Ok(mut line) = HeaderValue::from_str(line.header()) {
            line.set_sensitive(true);
            headers.append(SET_COOKIE, line);
        }
    }
}
