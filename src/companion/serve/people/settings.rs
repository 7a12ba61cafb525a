//! From the configuration to what providers and sessions are made of.

use std::sync::Arc;

use portcullis_core::policy::Policy;
use tracing::warn;

use crate::document::Report;
use crate::provider::Provider;
use crate::serve::config::Config;
use crate::serve::watch::{Watched, Watcher};
use crate::session::{Keys, Settings};

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
        let help = "add `sso` with the companion's `url` and the `envoy_cluster` that leads to it";
        return Err(Report::of(
            &name,
            "nobody could sign in: it has no `sso`",
            help,
        ));
    };
    let session = &config.session;
    Ok(Settings {
        domain: session.cookie.domain.clone(),
        same_site: session.cookie.same_site,
        lifetime: session.lifetime,
        idle: session.idle,
        token: session.token,
        ..Settings::new(sso)
    })
}

/// Who signs people in.
pub(super) fn providers(config: &Config) -> Result<Vec<Arc<Provider>>, Report> {
    let made = config
        .providers
        .iter()
        .enumerate()
        .map(|(index, settings)| {
            Provider::new(settings).map(Arc::new).map_err(|error| {
                let help = "help it in the configuration; `portcullis serve --help` has an example";
                Report::of(&format!("providers[{index}]"), &error.to_string(), help)
            })
        });
    made.collect()
}
