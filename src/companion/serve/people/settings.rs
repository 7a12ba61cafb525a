//! From the configuration to what providers and sessions are made of.

use std::sync::Arc;

use portcullis_core::policy::Policy;
use tracing::warn;

use crate::document::Report;
use crate::provider::{self, Provider};
use crate::serve::config::{self, Config, RedisKind, Store};
use crate::serve::watch::{Watched, Watcher};
use crate::session::{Keys, Kind, RedisSettings, SameSite, Settings, StoreSettings};

/// The keys that sign and seal, read again when their file changes.
pub(super) fn keys(watcher: &mut Watcher, config: &Config) -> Result<Watched<Keys>, Report> {
    let path = config.session.keys_file.clone();
    watcher.watch("keys", vec![path.clone()], move |_| {
        let (keys, warning) = Keys::load(&path).map_err(Report::from)?;
        if let Some(warning) = warning {
            warn!(warning, "the key file");
        }
        Ok(keys)
    })
}

/// How sessions are kept.
pub(super) fn sessions(config: &Config, policy: &Policy) -> Result<Settings, Report> {
    let Some(sso) = policy.sso() else {
        let name = config.policy.display().to_string();
        let mend = "add `sso` with the companion's `url` and the `envoy_cluster` that leads to it";
        return Err(Report::of(
            &name,
            "nobody could sign in: it has no `sso`",
            mend,
        ));
    };
    let session = &config.session;
    Ok(Settings {
        domain: session.cookie.domain.clone(),
        same_site: match session.cookie.same_site {
            config::SameSite::Lax => SameSite::Lax,
            config::SameSite::None => SameSite::None,
        },
        lifetime: session.lifetime,
        idle: session.idle,
        token: session.token,
        ..Settings::new(sso)
    })
}

/// Where they are kept.
pub(super) fn store(session: &config::Session) -> StoreSettings {
    match &session.store {
        Store::Cookie => StoreSettings::Cookie {
            state_file: session.state_file.clone(),
        },
        Store::Redis(redis) => StoreSettings::Redis(RedisSettings {
            kind: match &redis.kind {
                RedisKind::Cluster => Kind::Cluster,
                RedisKind::Sentinel(master) => Kind::Sentinel(master.clone()),
                RedisKind::Single => Kind::Single,
            },
            nodes: redis.nodes.clone(),
            tls: redis.tls,
            database: redis.database,
            username: redis.username.clone(),
            password_file: redis.password_file.clone(),
            ca_file: redis.ca_file.clone(),
        }),
    }
}

/// Who signs people in.
pub(super) fn providers(config: &Config) -> Result<Vec<Arc<Provider>>, Report> {
    let made = config.providers.iter().enumerate().map(|(index, own)| {
        let settings = provider::Settings {
            name: own.name.clone(),
            issuer: own.issuer.clone(),
            client_id: own.client_id.clone(),
            client_secret_file: own.client_secret_file.clone(),
            scopes: own.scopes.clone(),
            groups_claim: own.groups_claim.clone(),
            ca_file: own.ca_file.clone(),
        };
        Provider::new(&settings).map(Arc::new).map_err(|error| {
            let mend = "mend it in the configuration; `portcullis serve --help` has an example";
            Report::of(&format!("providers[{index}]"), &error.to_string(), mend)
        })
    });
    made.collect()
}
