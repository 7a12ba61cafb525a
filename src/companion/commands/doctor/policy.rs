//! The policy: whether it is valid, and compatible with the configuration.

use portcullis_core::policy::Policy;

use crate::clock::now;
use crate::commands::{Failure, only_policy, serve};
use crate::config::Config;
use crate::doctor::{Check, CheckId, Checks};
use crate::manifests::FoundPolicy;
use crate::policy_file::PolicyFile;

/// Checks the policy that a configuration names, `has_config` alone whether it is compatible with the configuration.
/// Returns the policy if it is valid.
///
/// # Errors
/// An input that can't be read, or does not have one policy.
pub(super) fn check(
    config: &Config,
    has_config: bool,
) -> Result<(Option<Policy>, Vec<Check>), Failure> {
    let own = only_policy::find(&config.policy)?;
    let checks = Checks::new("policy");
    let policy = match own.validate() {
        Ok(policy) => policy,
        Err(reports) => {
            for report in &reports {
                checks.report(CheckId::Policy, report);
            }
            return Ok((None, checks.take()));
        }
    };
    for warning in policy.warnings(now()) {
        let (problem, help) = warning.split_once("; help: ").unwrap_or((&warning, ""));
        checks.warning(CheckId::Policy, problem, help);
    }
    let detail = format!("{}: valid, digest {}", own.document.name(), policy.digest());
    checks.ok(CheckId::Policy, &detail);
    if has_config {
        compatibility(&checks, &own, &policy, config);
    }
    Ok((Some(policy), checks.take()))
}

fn compatibility(checks: &Checks, own: &FoundPolicy, policy: &Policy, config: &Config) {
    let name = format!("{}.json", own.document.name());
    let file = PolicyFile::parse(name, own.json().into_bytes());
    let report = file.and_then(|file| serve::check_compatibility(&file, policy, config));
    match report {
        Ok(()) if config.sign_in.is_some() => {
            let detail = match config
                .sign_in
                .as_ref()
                .and_then(|it| it.session.cookie.domain.as_ref())
            {
                Some(domain) => format!("{domain} covers every app with sign-in"),
                None => "no app but the companion's own host has sign-in".to_owned(),
            };
            checks.ok(CheckId::CookieDomain, &detail);
        }
        Ok(()) => {}
        Err(report) => {
            let path = report.path().unwrap_or_default();
            let is_about_cookie = path.starts_with("apps[") || path == "sso.cookie";
            let id = if is_about_cookie {
                CheckId::CookieDomain
            } else {
                CheckId::Policy
            };
            let detail = format!("{path}: {}", report.problem());
            checks.error(id, detail.trim_start_matches(": "), &report.help());
        }
    }
}
