//! The filter's metrics: its policy, and the age of its keys.

use std::time::Duration;

use portcullis_core::policy::Policy;
use serde_json::Value;

use super::super::check::{CheckId, Checks};
use crate::clock::now;

/// Compares the filter's metrics with the policy.
pub(super) fn check(checks: &Checks, found: &Value, policy: &Policy) {
    let stats = Stats(found);
    let Some(digest) = stats.value("portcullis_policy_digest") else {
        let detail = "Envoy has no metrics of the filter: it has not started";
        let help =
            "see Envoy's log for `portcullis`: an invalid policy, or a module that can't be loaded";
        checks.error(CheckId::EnvoyPolicy, detail, help);
        return checks.skipped(&[CheckId::EnvoyKeys], "the filter has no metrics");
    };
    let own = policy.digest().gauge();
    if digest == own {
        let detail = format!("the filter has this policy, {own:012x}");
        checks.ok(CheckId::EnvoyPolicy, &detail);
    } else {
        let detail =
            format!("the filter has another policy, {digest:012x}; this one is {own:012x}");
        let help = "apply this policy to the proxy, or run this command with the policy that it has; if it was applied, \
                    Envoy's log says why it was rejected";
        checks.error(CheckId::EnvoyPolicy, &detail, help);
    }
    for (_, trust) in policy.key_sources() {
        if let Some(remote) = &trust.keys.remote {
            keys(
                checks,
                &stats,
                &trust.name,
                (remote.refresh, remote.max_stale),
            );
        }
    }
}

/// Checks when the filter has fetched the keys of a trust entry.
fn keys(
    checks: &Checks,
    stats: &Stats<'_>,
    trust: &str,
    (refresh, max_stale): (Duration, Duration),
) {
    let id = CheckId::EnvoyKeys;
    let help =
        "see the filter's warnings in Envoy's log, and `envoy-cluster` for its way to the keys";
    let read_at = stats.value(&format!(
        "portcullis_key_read_timestamp_seconds.trust.{trust}"
    ));
    let Some(read_at) = read_at.filter(|at| *at > 0) else {
        let detail = format!("the filter has not fetched the keys of {trust} yet");
        return checks.error(id, &detail, help);
    };
    let age = now().secs().saturating_sub(read_at);
    let detail = format!("the filter has fetched the keys of {trust} {age} s ago");
    if age > max_stale.as_secs() {
        let detail = format!("{detail}, more than `max_stale`: tokens get 503");
        checks.error(id, &detail, help);
    } else if age > refresh.as_secs().saturating_mul(3) {
        let detail = format!("{detail}, and it should each {} s", refresh.as_secs());
        checks.warning(id, &detail, help);
    } else {
        checks.ok(id, &detail);
    }
}

/// `/stats?format=json`.
struct Stats<'a>(&'a Value);

impl Stats<'_> {
    /// The value of a metric, whatever is before its name.
    fn value(&self, name: &str) -> Option<u64> {
        let mut stats = self.0["stats"].as_array()?.iter();
        let is_named = |stat: &&Value| {
            let full = stat["name"].as_str().unwrap_or_default();
            full == name
                || full
                    .strip_suffix(name)
                    .is_some_and(|before| before.ends_with('.'))
        };
        stats.find(is_named)?["value"].as_u64()
    }
}

#[cfg(test)]
mod tests;
