//! Whether a policy and a configuration say the same.
//!
//! What they differ in is told at its place in the policy, because that is the file that is edited
//! while the companion runs.

use portcullis_core::policy::{App, HostPattern, Policy, Rule, Sso, suggestion};

use crate::config::{Config, holds};
use crate::document::Report;
use crate::policy_file::PolicyFile;

/// Refuses a policy that is another companion's, or whose people would never get in. What comes back
/// is how they sign in.
pub(super) fn check<'a>(
    file: &PolicyFile,
    policy: &'a Policy,
    config: &Config,
) -> Result<&'a Sso, Report> {
    let Some(sso) = policy.sso() else {
        let help = format!(
            "write `sso: {{url: {}, envoy_cluster: portcullis}}`",
            config.site.as_str()
        );
        return Err(file.report(".", "no `sso`, so there is nobody to sign in", &help));
    };
    same_site(file, sso, config)?;
    same_providers(file, sso, config)?;
    same_trusts(file, policy, config)?;
    held_by_the_cookie(file, policy, sso, config)?;
    Ok(sso)
}

fn same_site(file: &PolicyFile, sso: &Sso, config: &Config) -> Result<(), Report> {
    let site = config.site.as_str();
    if sso.url() == site {
        return Ok(());
    }
    let problem = format!("this is another companion: the configuration is that of `{site}`");
    Err(file.report("sso.url", &problem, "write the same in both"))
}

fn same_providers(file: &PolicyFile, sso: &Sso, config: &Config) -> Result<(), Report> {
    let configured: Vec<&str> = (config.providers.iter())
        .map(|provider| &*provider.name)
        .collect();
    for (index, name) in sso.providers().iter().enumerate() {
        if !configured.contains(&&**name) {
            let problem = format!("`{name}` is none of the configuration's `providers`");
            let help = suggestion(name, &configured);
            return Err(file.report(&format!("sso.providers[{index}]"), &problem, &help));
        }
    }
    match configured.iter().find(|name| !sso.has_provider(name)) {
        Some(name) => {
            let problem = format!("`{name}`, a provider of the configuration, is not listed");
            let help = "list all of them, or leave those out of the configuration";
            Err(file.report("sso.providers", &problem, help))
        }
        None => Ok(()),
    }
}

fn same_trusts(file: &PolicyFile, policy: &Policy, config: &Config) -> Result<(), Report> {
    let missing = config
        .trust
        .keys()
        .find(|name| policy.trust(name).is_none());
    let Some(name) = missing else {
        return Ok(());
    };
    let names: Vec<&str> = policy.trusts().iter().map(|trust| &*trust.name).collect();
    let problem = format!("no trust entry `{name}`, of which the configuration's `trust` speaks");
    Err(file.report("trust", &problem, &suggestion(name, &names)))
}

/// Browsers show a session only to hosts that its cookies are for.
fn held_by_the_cookie(
    file: &PolicyFile,
    policy: &Policy,
    sso: &Sso,
    config: &Config,
) -> Result<(), Report> {
    let domain = config.session.cookie.domain.as_deref();
    let first = sso.cookies().token();
    if domain.is_some() && first.starts_with("__Host-") {
        let problem = format!("`{first}` can have no domain, and `session.cookie.domain` is set");
        let help = "let its name begin with `__Secure-`, or leave the domain out";
        return Err(file.report("sso.cookie", &problem, help));
    }
    for (index, app) in policy.apps().iter().enumerate() {
        if !admits_people(app, sso) {
            continue;
        }
        for (number, pattern) in app.hosts().iter().enumerate() {
            let (HostPattern::Exact(host) | HostPattern::OneLabel(host)) = pattern;
            if domain.is_some_and(|domain| holds(domain, host)) {
                continue;
            }
            let (problem, help) = match domain {
                Some(domain) => (
                    format!(
                        "`{pattern}` admits people and is not under `session.cookie.domain`, \
                         `{domain}`, so no session would get there"
                    ),
                    "move the app under it, or name a domain that holds both",
                ),
                None => (
                    format!(
                        "`{pattern}` admits people, and without `session.cookie.domain` no \
                         session would get there"
                    ),
                    "name in the configuration the domain that holds `url` and this",
                ),
            };
            let path = format!("apps[{index}].hosts[{number}]");
            return Err(file.report(&path, &problem, help));
        }
    }
    Ok(())
}

fn admits_people(app: &App, sso: &Sso) -> bool {
    let mut entries = app.rules().iter().flat_map(Rule::allow);
    entries.any(|entry| entry.from().is_some_and(|name| sso.has_provider(name)))
}
