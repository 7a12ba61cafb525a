//! A running Envoy, by its admin interface: whether it has what the policy needs, and the filter with this policy.

mod admin;
mod clusters;
mod listeners;
mod stats;

use std::sync::Arc;

use portcullis_core::policy::Policy;

pub(crate) use admin::AdminUrl;

use super::check::{CheckId, Checks};
use admin::Admin;

/// What is read from the admin interface.
const NEED_ADMIN: [CheckId; 5] = [
    CheckId::EnvoyFilter,
    CheckId::EnvoyPaths,
    CheckId::EnvoyPolicy,
    CheckId::EnvoyCluster,
    CheckId::EnvoyKeys,
];

/// Checks a running Envoy.
pub(super) async fn check(checks: Checks, url: AdminUrl, policy: Option<Arc<Policy>>) {
    let admin = match Admin::connect(&url).await {
        Ok(admin) => admin,
        Err(problem) => {
            let help = "write the address of `admin` in Envoy's bootstrap, in Istio `http://127.0.0.1:15000`; from \
                        another pod or machine, forward it: `kubectl port-forward POD 15000`";
            checks.error(CheckId::EnvoyAdmin, &format!("{url}: {problem}"), help);
            return checks.skipped(&NEED_ADMIN, "the admin interface can't be read");
        }
    };
    admin.report(&checks);
    let Some(policy) = policy else {
        return checks.skipped(&NEED_ADMIN, "the policy is not valid");
    };
    let passes_encoded = policy.apps().iter().any(|app| app.passes_encoded_paths());
    match admin.json("/config_dump").await {
        Ok(dump) => listeners::check(&checks, &dump, passes_encoded),
        Err(problem) => unreadable(
            &checks,
            &[CheckId::EnvoyFilter, CheckId::EnvoyPaths],
            &problem,
        ),
    }
    match admin.json("/stats?format=json&filter=portcullis_").await {
        Ok(found) => stats::check(&checks, &found, &policy),
        Err(problem) => unreadable(
            &checks,
            &[CheckId::EnvoyPolicy, CheckId::EnvoyKeys],
            &problem,
        ),
    }
    match admin.json("/clusters?format=json").await {
        Ok(found) => clusters::check(&checks, &found, &policy),
        Err(problem) => unreadable(&checks, &[CheckId::EnvoyCluster], &problem),
    }
}

fn unreadable(checks: &Checks, ids: &[CheckId], problem: &str) {
    for id in ids {
        let help = "see whether this is Envoy's admin interface, and Envoy's log";
        checks.error(*id, problem, help);
    }
}
