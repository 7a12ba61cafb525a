//! The policy, judged for this companion.

mod compatibility;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::OnceLock;

use portcullis_core::policy::Policy;

use crate::document::Report;
use crate::policy_file::PolicyFile;

use crate::config::Config;
use crate::redirect_target::ReturnRules;
use crate::watch::{Watched, Watcher};

/// A policy, and what follows from it and the configuration.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// The policy.
    pub(crate) policy: Policy,
    /// Where people may be sent back.
    pub(crate) returns: ReturnRules,
}

/// Reads the policy, and reads it again when it changes.
pub(super) fn watch(watcher: &mut Watcher, config: &Config) -> Result<Watched<Judgement>, Report> {
    let paths: Vec<PathBuf> = vec![config.policy.clone()];
    let config = config.clone();
    let cookie = OnceLock::new();
    watcher.watch("policy", paths, move |contents| {
        let name = config.policy.display().to_string();
        judge(name, contents.concat(), &config, &cookie)
    })
}

/// Judges a policy. `cookie` is the first name of the cookies that sessions began with.
fn judge(
    name: String,
    bytes: Vec<u8>,
    config: &Config,
    cookie: &OnceLock<String>,
) -> Result<Judgement, Report> {
    let file = PolicyFile::parse(name, bytes)?;
    let policy = file.policy()?;
    let sso = compatibility::check(&file, &policy, config)?;
    let own = sso.cookies().token();
    let begun = cookie.get_or_init(|| own.to_owned());
    if begun != own {
        let problem = format!("`{own}` is another name than `{begun}`, with which sessions began");
        let help = "restart the companion to take it, which signs everybody out";
        return Err(file.report("sso.cookie", &problem, help));
    }
    let returns = ReturnRules::new(&config.site, config.redirect_hosts.as_deref(), &policy);
    Ok(Judgement { policy, returns })
}
