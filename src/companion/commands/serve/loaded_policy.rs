//! The current policy, checked against the configuration.

mod compatibility;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use portcullis_core::policy::Policy;

use crate::clock::now;
use crate::config::Config;
use crate::document::Report;
use crate::manifests::PolicyFiles;
use crate::metrics::Metrics;
use crate::policy_file::PolicyFile;
use crate::redirect_target::RedirectRules;
use crate::session::PolicyClaims;
use crate::watch::{Watched, Watcher};

/// A policy, and what is derived from it and the configuration.
#[derive(Debug)]
pub(crate) struct LoadedPolicy {
    /// The policy.
    pub(crate) policy: Policy,
    /// The allowed redirect targets; `None` without sign-in.
    pub(crate) redirects: Option<RedirectRules>,
}

/// Loads the policy, and loads it again when it changes. `claims` and the metric of its digest are updated
/// each time.
pub(super) fn watch(
    watcher: &mut Watcher,
    config: &Config,
    claims: PolicyClaims,
    metrics: Arc<Metrics>,
) -> Result<Watched<LoadedPolicy>, Report> {
    let path = config.policy.clone();
    let config = config.clone();
    let cookie = OnceLock::new();
    let read = move || PolicyFiles::read(&path);
    watcher.watch_contents("policy", read, move |files| {
        let loaded = load(&PolicyFile::of(files)?, &config, &cookie)?;
        claims.update(&loaded.policy);
        metrics.policy_loaded(&loaded.policy);
        Ok(loaded)
    })
}

/// Refuses a policy that is not compatible with the configuration.
pub(in crate::commands) fn check_compatibility(
    file: &PolicyFile,
    policy: &Policy,
    config: &Config,
) -> Result<(), Report> {
    compatibility::check(file, policy, config).map(drop)
}

/// Loads a policy. `cookie` is the cookie name of the first policy that was loaded.
fn load(
    file: &PolicyFile,
    config: &Config,
    cookie: &OnceLock<String>,
) -> Result<LoadedPolicy, Report> {
    let policy = file.policy()?;
    let sign_in = compatibility::check(file, &policy, config)?;
    let redirects = match sign_in {
        Some((sso, sign_in)) => {
            let configured = sso.cookie_names().token();
            let current = cookie.get_or_init(|| configured.to_owned());
            if current != configured {
                let problem = format!(
                    "`{configured}` differs from `{current}`, the cookie name of the running sessions"
                );
                let help = "restart the companion to change it; this signs everybody out";
                return Err(file.report("sso.cookie", &problem, help));
            }
            let hosts = config.redirect_hosts.as_deref();
            Some(RedirectRules::new(&sign_in.public_url, hosts, &policy))
        }
        None => None,
    };
    // Only of a policy that is loaded, because a failed load is tried again and again.
    for warning in policy.warnings(now()) {
        tracing::warn!("{warning}");
    }
    for (_, line) in policy.report_only_apps(now()) {
        tracing::warn!("{line}");
    }
    Ok(LoadedPolicy { policy, redirects })
}
