//! Checks what a policy and a configuration need from the world: names, servers, keys, clocks, files, a running Envoy.
//!
//! Each subject is checked by a task of its own, which ends in time whatever is unreachable. The checks use what
//! `serve` uses: the same connections to issuers and providers, the same files, the same store.

mod audience;
mod check;
mod clock;
mod envoy;
mod network;
mod provider;
mod shared_keys;
mod store;
mod trust;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::policy::Policy;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(crate) use check::{Check, CheckId, Checks, Status};
pub(crate) use envoy::AdminUrl;

use crate::config::Config;

/// How long the checks of one subject take at most. All subjects are checked at once.
const TIME_LIMIT: Duration = Duration::from_secs(25);

/// What is checked.
#[derive(Debug)]
pub(crate) struct Subjects {
    /// The policy; `None` if it is not valid.
    pub(crate) policy: Option<Arc<Policy>>,
    /// The configuration of `serve`; `None` if there is only a policy.
    pub(crate) config: Option<Arc<Config>>,
    /// Where Envoy's admin interface is.
    pub(crate) envoy_admin: Option<AdminUrl>,
}

/// Checks everything at once. The results are in the order of the files: trust entries, providers, sessions, Envoy.
///
/// # Panics
/// Outside a Tokio runtime.
pub(crate) async fn examine(subjects: &Subjects) -> Vec<Check> {
    let mut tasks = Tasks::default();
    let mut key_sets = Vec::new();
    if let Some(policy) = &subjects.policy {
        let connections = subjects.config.as_ref().map(|config| &config.trust);
        for trust in policy.trusts() {
            let connection = connections.and_then(|trust_settings| trust_settings.get(&trust.name));
            let (trust, connection) = (trust.clone(), connection.cloned().unwrap_or_default());
            let fetched = trust::FetchedKeys::default();
            key_sets.push((trust.name.clone(), fetched.clone()));
            let subject = format!("trust {}", trust.name);
            tasks.spawn(&subject, |checks| {
                trust::check(checks, trust, connection, fetched)
            });
        }
    }
    let sign_in = subjects
        .config
        .as_ref()
        .and_then(|config| config.sign_in.clone());
    if let Some(sign_in) = sign_in {
        let is_only = sign_in.providers.len() == 1;
        for settings in sign_in.providers.clone() {
            let url = sign_in.public_url.as_str().to_owned();
            let subject = format!("provider {}", settings.name);
            tasks.spawn(&subject, move |checks| {
                provider::check(checks, settings, url, is_only)
            });
        }
        tasks.spawn("session", |checks| store::check(checks, sign_in));
    }
    if let Some(admin) = subjects.envoy_admin.clone() {
        let policy = subjects.policy.clone();
        tasks.spawn("envoy", |checks| envoy::check(checks, admin, policy));
    }
    let mut results = tasks.finished().await;
    if let Some(policy) = &subjects.policy {
        let fetched = key_sets.into_iter();
        let fetched = fetched.filter_map(|(name, keys)| Some((name, keys.take()?)));
        let fetched: BTreeMap<_, _> = fetched.collect();
        results.extend(shared_keys::check(policy, &fetched));
    }
    results
}

/// The checks of all subjects.
#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    checks: Vec<Checks>,
}

impl Tasks {
    /// Starts the checks of a subject.
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        subject: &str,
        run: impl FnOnce(Checks) -> F,
    ) {
        let checks = Checks::new(subject);
        self.checks.push(checks.clone());
        let running = run(checks.clone());
        self.running.spawn(async move {
            if timeout(TIME_LIMIT, running).await.is_err() {
                let seconds = TIME_LIMIT.as_secs();
                let problem = format!("the checks after these were not completed in {seconds} s");
                let help = "fix what is slow or does not respond, and run this again";
                checks.error(CheckId::TimeLimit, &problem, help);
            }
        });
    }

    /// All results, in the order in which the subjects were added.
    async fn finished(mut self) -> Vec<Check> {
        while self.running.join_next().await.is_some() {}
        self.checks.iter().flat_map(Checks::take).collect()
    }
}
