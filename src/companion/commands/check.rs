//! `portcullis check`: whether a policy file is valid, and what Envoy takes of it.

use std::path::PathBuf;

use clap::Args;
use portcullis_core::policy::Policy;

use crate::document::Report;
use crate::policy_file::PolicyFile;

#[cfg(test)]
mod tests;

const EXAMPLE: &str = "\
A policy file says who may vouch for callers (`trust`), what is protected (`apps`)
and who may do what there (`rules`):

  trust:
    - name: staging
      kind: kubernetes
      issuer: https://kubernetes.example.com
      audiences: [portcullis]
      keys: {envoy_cluster: k8s-staging}
  apps:
    - name: alertmanager
      hosts: [alertmanager.example.com]
      rules:
        - name: karma-polls
          methods: [GET, HEAD]
          paths: [/api/v2/**]
          allow:
            - service_account: staging/monitoring/karma

Examples:
  portcullis check portcullis.yaml                       is it valid?
  portcullis check --json portcullis.yaml > policy.json  the plugin's configuration for Envoy
  yq .policy values.yaml | portcullis check -            what another program writes

Exit codes:
  0  the policy is valid
  1  it is not, or cannot be read; standard error names the place and how to fix it
  2  the command line is wrong";

/// Says whether a policy file is valid and, where it is not, at which place and how to fix it
///
/// The judgement is the filter's own: what is valid here, the filter starts with.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input
    ///
    /// A name that ends in `.json` is read as JSON and one that ends in `.yaml` or `.yml` as YAML;
    /// anything else is JSON if it begins with a brace. YAML is read strictly: no anchors, aliases
    /// or tags, no key twice, and a word that some readers of YAML take for a number, a date or a
    /// truth (`012`, `2026-01-01`, `on`) must stand in quotes.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print the policy as the JSON that Envoy takes, and nothing else
    #[arg(long)]
    json: bool,
}

/// Judges a policy file. What comes back belongs on standard output: the JSON, or one line that
/// says what the policy holds.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Report> {
    let file = PolicyFile::open(&arguments.file)?;
    let policy = file.policy()?;
    if arguments.json {
        return Ok(file.json().to_owned());
    }
    Ok(format!("{}: valid: {}", file.name(), summary(&policy)))
}

fn summary(policy: &Policy) -> String {
    let rules = policy.apps().iter().map(|app| app.rules().len()).sum();
    [
        count(policy.trusts().len(), "trust entry", "trust entries"),
        count(policy.apps().len(), "app", "apps"),
        count(rules, "rule", "rules"),
    ]
    .join(", ")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
