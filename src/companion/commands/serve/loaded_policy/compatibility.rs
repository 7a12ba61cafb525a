//! Whether a policy and the configuration are compatible.
//!
//! Errors have a location in the policy, because that file is edited while the companion runs.

use portcullis_core::policy::{App, HostPattern, Policy, Rule, Sso, suggestion};

use crate::config::{Config, SignInSettings, domain_matches};
use crate::document::Report;
use crate::policy_file::PolicyFile;

/// Refuses a policy of another companion, or one whose users could not sign in. Returns the settings of
/// sign-in from the policy and from the configuration, if they have sign-in.
pub(super) fn check<'a>(
    file: &PolicyFile,
    policy: &'a Policy,
    config: &'a Config,
) -> Result<Option<(&'a Sso, &'a SignInSettings)>, Report> {
    let sign_in = match (policy.sso(), &config.sign_in) {
        (Some(sso), Some(sign_in)) => Some((sso, sign_in)),
        (None, None) => None,
        (None, Some(sign_in)) => {
            let help = format!(
                "add `sso: {{url: {}, envoy_cluster: portcullis}}`, or remove `providers` and \
                 `session` from the configuration",
                sign_in.public_url.as_str()
            );
            let problem = "missing field `sso`, but the configuration has `providers`";
            return Err(file.report(".", problem, &help));
        }
        (Some(_), None) => {
            let help = "add `url`, `providers` and `session` to the configuration, or remove `sso`";
            let problem = "the configuration has no `providers`";
            return Err(file.report("sso", problem, help));
        }
    };
    if let Some((sso, sign_in)) = sign_in {
        same_url(file, sso, sign_in)?;
        same_providers(file, sso, sign_in)?;
        covered_by_the_cookie(file, policy, sso, sign_in)?;
    }
    known_trusts(file, policy, config)?;
    Ok(sign_in)
}

fn same_url(file: &PolicyFile, sso: &Sso, sign_in: &SignInSettings) -> Result<(), Report> {
    let public_url = sign_in.public_url.as_str();
    if sso.url() == public_url {
        return Ok(());
    }
    let problem = format!("differs from the configuration's URL, `{public_url}`");
    Err(file.report("sso.url", &problem, "write the same URL in both"))
}

fn same_providers(file: &PolicyFile, sso: &Sso, sign_in: &SignInSettings) -> Result<(), Report> {
    let configured: Vec<&str> = (sign_in.providers.iter())
        .map(|provider| &*provider.name)
        .collect();
    for (index, name) in sso.providers().iter().enumerate() {
        if !configured.contains(&&**name) {
            let problem = format!("`{name}` is not in `providers` of the configuration");
            let help = suggestion(name, &configured);
            return Err(file.report(&format!("sso.providers[{index}]"), &problem, &help));
        }
    }
    match configured.iter().find(|name| !sso.has_provider(name)) {
        Some(name) => {
            let problem = format!("provider `{name}` of the configuration is missing");
            let help = "add it, or remove it from the configuration";
            Err(file.report("sso.providers", &problem, help))
        }
        None => Ok(()),
    }
}

fn known_trusts(file: &PolicyFile, policy: &Policy, config: &Config) -> Result<(), Report> {
    let missing = config
        .trust
        .keys()
        .find(|name| policy.trust(name).is_none());
    let Some(name) = missing else {
        return Ok(());
    };
    let names: Vec<&str> = policy.trusts().iter().map(|trust| &*trust.name).collect();
    let problem = format!("unknown trust entry `{name}` in `trust` of the configuration");
    Err(file.report("trust", &problem, &suggestion(name, &names)))
}

/// Browsers send a session only to hosts that its cookie domain covers.
fn covered_by_the_cookie(
    file: &PolicyFile,
    policy: &Policy,
    sso: &Sso,
    sign_in: &SignInSettings,
) -> Result<(), Report> {
    let domain = sign_in.session.cookie.domain.as_deref();
    let first = sso.cookie_names().token();
    if domain.is_some() && first.starts_with("__Host-") {
        let problem =
            format!("cookie `{first}` can't have a domain, and `session.cookie.domain` is set");
        let help = "begin its name with `__Secure-`, or remove `session.cookie.domain`";
        return Err(file.report("sso.cookie", &problem, help));
    }
    for (index, app) in policy.apps().iter().enumerate() {
        if !allows_users(app, sso) {
            continue;
        }
        for (number, pattern) in app.hosts().iter().enumerate() {
            let (HostPattern::Exact(host) | HostPattern::OneLabel(host)) = pattern;
            if domain.is_some_and(|domain| domain_matches(domain, host)) {
                continue;
            }
            let (problem, help) = match domain {
                Some(domain) => (
                    format!(
                        "`{pattern}` allows users who sign in, but is not under `session.cookie.domain`, \
                         `{domain}`, so it would not get their session cookie"
                    ),
                    "move the app under this domain, or set a domain that covers both",
                ),
                None => (
                    format!(
                        "`{pattern}` allows users who sign in, but without `session.cookie.domain` it \
                         would not get their session cookie"
                    ),
                    "set `session.cookie.domain` to a domain that covers `url` and this host",
                ),
            };
            let path = format!("apps[{index}].hosts[{number}]");
            return Err(file.report(&path, &problem, help));
        }
    }
    Ok(())
}

fn allows_users(app: &App, sso: &Sso) -> bool {
    let mut entries = app.rules().iter().flat_map(Rule::allow);
    entries.any(|entry| entry.from().is_some_and(|name| sso.has_provider(name)))
}
