//! `portcullis check`: validates a policy file, and prints its JSON for Envoy.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use portcullis_core::escape;
use portcullis_core::policy::Policy;

use crate::document::Report;
use crate::policy_file::PolicyFile;

#[cfg(test)]
mod tests;

const EXAMPLE: &str = "\
A policy file lists the trusted issuers (`trust`), the protected apps (`apps`) and who
may do what in each of them (`rules`):

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
  portcullis check portcullis.yaml                       validates the file
  portcullis check --json portcullis.yaml > policy.json  writes the plugin configuration for Envoy
  yq .policy values.yaml | portcullis check -            validates the output of another program

Exit codes:
  0  the policy is valid
  1  the command line is invalid, or the output can't be written
  2  the policy is invalid or can't be read; standard error has the location and how to fix it";

/// Validates a policy file, and shows where it is invalid and how to fix it
///
/// The filter uses the same validation, so it starts with every policy that is valid here.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input
    ///
    /// A file with the extension `.json` is parsed as JSON, one with `.yaml` or `.yml` as YAML, and any
    /// other as JSON if it begins with a brace. YAML is parsed strictly: no anchors, aliases or tags,
    /// no duplicate names, and strings that some YAML parsers read as a number, a date or a boolean
    /// (`012`, `2026-01-01`, `on`) need quotes.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print only the policy as JSON, the plugin configuration for Envoy
    #[arg(long)]
    json: bool,
}

/// Validates a policy file. Returns the output: the JSON, or a summary and the digest. Warnings go to standard
/// error.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Report> {
    let file = PolicyFile::open(&arguments.file)?;
    let policy = file.policy()?;
    let mut warnings = policy.warnings();
    if !arguments.json {
        warnings.extend(file.envoy_yaml_warnings());
    }
    for warning in warnings {
        // Where standard error is closed, the policy is valid all the same.
        let _ = writeln!(io::stderr(), "warning: {}: {warning}", file.name());
    }
    if arguments.json {
        return Ok(file.json().to_owned());
    }
    let name = escape::line(file.name());
    let (summary, digest) = (summary(&policy), policy.digest());
    Ok(format!("{name}: valid: {summary}\ndigest: {digest}"))
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
