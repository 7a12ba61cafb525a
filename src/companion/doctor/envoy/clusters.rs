//! The clusters that the policy names.

use std::collections::BTreeMap;

use portcullis_core::policy::Policy;
use serde_json::Value;

use super::super::check::{CheckId, Checks};

/// Checks that each cluster exists, and has a healthy endpoint.
pub(super) fn check(checks: &Checks, found: &Value, policy: &Policy) {
    let id = CheckId::EnvoyCluster;
    let statuses = found["cluster_statuses"].as_array();
    let statuses = statuses.map(Vec::as_slice).unwrap_or_default();
    let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (_, trust) in policy.key_sources() {
        if let Some(remote) = &trust.keys.remote {
            let of_cluster = users.entry(&remote.envoy_cluster).or_default();
            of_cluster.push(format!("trust entry {}", trust.name));
        }
    }
    if let Some(sso) = policy.sso() {
        users.insert(sso.envoy_cluster(), vec!["`sso`".to_owned()]);
    }
    for (name, users) in users {
        let users = users.join(", ");
        let Some(status) = statuses.iter().find(|status| status["name"] == name) else {
            let detail = format!("Envoy has no cluster `{name}` ({users})");
            let help = "add the cluster to Envoy, or correct `envoy_cluster` in the policy; in Istio the name is \
                        `outbound|443||HOST`, and a ServiceEntry makes it";
            checks.error(id, &detail, help);
            continue;
        };
        let hosts = status["host_statuses"].as_array();
        let hosts = hosts.map(Vec::as_slice).unwrap_or_default();
        let healthy = hosts.iter().filter(|host| is_healthy(host)).count();
        let detail = format!(
            "`{name}` ({users}) has {healthy} healthy of {} endpoints",
            hosts.len()
        );
        if hosts.is_empty() {
            let detail = format!("`{name}` ({users}) has no endpoint");
            let help = "see whether Envoy can resolve the host of the cluster, and whether its service has endpoints";
            checks.error(id, &detail, help);
        } else if healthy == 0 {
            checks.error(id, &detail, "see why the health checks of the cluster fail");
        } else {
            checks.ok(id, &detail);
        }
    }
}

/// Whether Envoy sends requests to an endpoint.
fn is_healthy(host: &Value) -> bool {
    let status = &host["health_status"];
    let is_set = |name: &str| status[name].as_bool().unwrap_or_default();
    let discovered = status["eds_health_status"].as_str().unwrap_or("HEALTHY");
    let is_up = matches!(discovered, "HEALTHY" | "UNKNOWN" | "DEGRADED");
    let failed = ["failed_active_health_check", "failed_outlier_check"];
    is_up && !failed.into_iter().any(is_set)
}

#[cfg(test)]
mod tests;
