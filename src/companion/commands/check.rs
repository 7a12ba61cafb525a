//! `portcullis check`: validates policies in files, folders and manifests, and prints the JSON of one for Envoy.

mod results;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Failure, REFUSED_OR_FAILED, WARNINGS, terminal};
use crate::manifests::Found;
use results::Results;

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
  portcullis check clusters/                             validates every policy in a folder
  helm template gate chart | portcullis check -          validates the output of another program
  portcullis check -o github --fail-on-warning deploy/   annotates a pull request, and fails for warnings

What is read:
  policy files, and folders with portcullis.yaml (all but apps) and apps/**/*.yaml (apps alone),
    whose apps must be within the limits of their teams
  WasmPlugin and TrafficExtension of Istio, EnvoyExtensionPolicy of Envoy Gateway
  ConfigMaps with portcullis.yaml or portcullis.json in data
  Helm values with policy and policyFiles
  configurations of Envoy with the filter

Exit codes:
  0  every policy is valid
  1  the command line is invalid, or the output can't be written
  2  a policy is invalid, an input can't be read, or there is no policy; each error has its
     location and how to fix it
  3  there are warnings, with --fail-on-warning, and no errors";

/// Validates policies, and shows where they are invalid and how to fix it
///
/// The filter uses the same validation, so it starts with every policy that is valid here. All errors are
/// reported, and warnings about manifests: images without a digest, plugins that fail open, hosts that the mesh
/// does not have, two policies on one gateway.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// Policy files, manifests, or folders with them; `-` reads standard input
    ///
    /// A file with the extension `.json` is parsed as JSON, one with `.yaml` or `.yml` as YAML, and any
    /// other as JSON if it begins with a brace. In a policy, YAML is parsed strictly: no anchors, aliases or
    /// tags, no duplicate names, and strings that some YAML parsers read as a number, a date or a boolean
    /// (`012`, `2026-01-01`, `on`) need quotes. Around it, only duplicate names are refused. In folders, files
    /// with these extensions are read.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print only the policy as JSON, the plugin configuration for Envoy; of one policy
    #[arg(long, conflicts_with = "output")]
    json: bool,

    /// The format of the output; `json` and `github` have the errors and warnings too
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,

    /// Exit with 3 if there are warnings and no errors
    #[arg(long)]
    fail_on_warning: bool,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines; errors and warnings on standard error
    Text,
    /// One object
    Json,
    /// Annotations in GitHub Actions
    Github,
}

/// Validates the policies. Returns the output. In text, errors and warnings go to standard error.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let mut results = Results::of(Found::read(&arguments.files), !arguments.json);
    let only = arguments.json.then(|| results.only_json()).flatten();
    let is_text = arguments.output == Format::Text;
    if is_text {
        for warning in &results.warnings {
            terminal::message(&warning.to_string());
        }
    }
    let output = match arguments.output {
        Format::Text => only.unwrap_or_else(|| results.text()),
        Format::Json => results.json(),
        Format::Github => results.github(),
    };
    let exit_code = if !results.errors.is_empty() {
        REFUSED_OR_FAILED
    } else if arguments.fail_on_warning && !results.warnings.is_empty() {
        WARNINGS
    } else {
        return Ok(output);
    };
    let is_printed = !is_text || results.errors.is_empty();
    let message = if is_text {
        results.errors_text()
    } else {
        String::new()
    };
    Err(Failure {
        exit_code,
        output: Some(output).filter(|_| is_printed),
        message,
    })
}
