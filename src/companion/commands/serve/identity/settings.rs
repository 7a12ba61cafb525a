//! Converts the configuration into the settings of providers and sessions.

use std::sync::Arc;

use portcullis_core::policy::Policy;
use tracing::warn;

use crate::config::SignInSettings;
use crate::document::Report;
use crate::provider::Provider;
use crate::session::{Keys, SessionSettings};
use crate::watch::{Watched, Watcher};

/// The session keys, reloaded when their file changes.
pub(super) fn keys(
    watcher: &mut Watcher,
    sign_in: &SignInSettings,
) -> Result<Watched<Keys>, Report> {
    let path = sign_in.session.keys_file.clone();
    watcher.watch("keys", vec![path.clone()], move |_| {
        let (keys, warning) = Keys::load(&path).map_err(Report::from)?;
        if let Some(warning) = warning {
            warn!("session keys file: {warning}");
        }
        Ok(keys)
    })
}

/// The settings of sessions.
pub(super) fn sessions(
    sign_in: &SignInSettings,
    policy: &Policy,
) -> Result<SessionSettings, Report> {
    let Some(sso) = policy.sso() else {
        let help = "add `sso` with the companion's `url` and its `envoy_cluster`";
        return Err(Report::of("policy", "missing field `sso`", help));
    };
    let session = &sign_in.session;
    Ok(SessionSettings {
        domain: session.cookie.domain.clone(),
        same_site: session.cookie.same_site,
        lifetime: session.lifetime,
        idle: session.idle,
        token: session.token,
        groups: session.groups,
        ..SessionSettings::new(sso)
    })
}

/// The identity providers.
pub(super) fn providers(sign_in: &SignInSettings) -> Result<Vec<Arc<Provider>>, Report> {
    let providers = sign_in
        .providers
        .iter()
        .enumerate()
        .map(|(index, settings)| {
            Provider::new(settings).map(Arc::new).map_err(|error| {
                let help = "correct the configuration; `portcullis serve --help` has an example";
                Report::of(&format!("providers[{index}]"), &error.to_string(), help)
            })
        });
    providers.collect()
}
