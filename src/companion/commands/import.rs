//! `portcullis import oauth2-proxy`: a policy and a companion's configuration from those of oauth2-proxy.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::progress::Progress;
use super::{COULD_NOT_RUN, Failure, MANUAL_ACTION_NEEDED};
use crate::document::Report;
use crate::migration::oauth2_proxy::{self, Outcome, Sources};

const EXAMPLE: &str = "\
Examples:
  portcullis import oauth2-proxy --config oauth2-proxy.cfg --out portcullis
  portcullis import oauth2-proxy --out portcullis -- --provider=gitlab --email-domain='*'
  kubectl get ingress -A -o yaml | portcullis import oauth2-proxy --helm values.yaml --ingress - --out portcullis
  portcullis import oauth2-proxy --config oauth2-proxy.cfg --access-log requests.log --out portcullis -o json

Writes portcullis.yaml and companion.yaml to the folder, and reports each option: kept, changed and why, dropped and why,
or needs-you. A flag takes precedence over a variable, and a variable over the file. Secrets are never copied: the
report says which files to make. Nothing is overwritten.

With --access-log, callers that the log has get rules for what they did, in place of rules for everybody whom an issuer
vouches for.

Exit codes:
  0  both files are written, and nothing is left to do
  1  the command line is invalid, an input can't be read or parsed, an option does not exist, or a file exists;
     nothing is written
  3  both files are written, and there are `needs-you` lines";

/// Turns the configuration of another gate into a policy and a companion's configuration
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    #[command(name = "oauth2-proxy")]
    Oauth2Proxy(Oauth2Proxy),
}

/// Imports the configuration of oauth2-proxy 7.15
///
/// `-` as a file reads standard input, for one of them.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
struct Oauth2Proxy {
    /// The configuration file, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The alpha configuration, in YAML
    #[arg(long, value_name = "FILE")]
    alpha_config: Option<PathBuf>,

    /// Environment variables, `NAME=VALUE` lines
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,

    /// Values of oauth2-proxy's Helm chart
    #[arg(long, value_name = "FILE")]
    helm: Option<PathBuf>,

    /// Ingress objects with annotations of ingress-nginx; may be repeated
    #[arg(long, value_name = "FILE")]
    ingress: Vec<PathBuf>,

    /// A request log of oauth2-proxy or an access log of NGINX, from which rules are proposed
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,

    /// The folder to write to, created if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The format of the report
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,

    /// The flags of oauth2-proxy, after `--`
    #[arg(last = true, value_name = "FLAG")]
    flags: Vec<String>,
}

/// The format of the report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// One object
    Json,
}

/// Writes the files. Returns the report.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let From::Oauth2Proxy(arguments) = &arguments.from;
    let could_not_run = |reports: &[Report]| Failure::reported(COULD_NOT_RUN, reports);
    let sources = Sources {
        config: arguments.config.clone(),
        alpha_config: arguments.alpha_config.clone(),
        env: arguments.env.clone(),
        helm: arguments.helm.clone(),
        ingress: arguments.ingress.clone(),
        access_log: arguments.access_log.clone(),
        flags: arguments.flags.clone(),
    };
    if sources.is_empty() {
        let help = "name at least one of --config, --alpha-config, --env, --helm and --ingress, or flags after `--`";
        return Err(could_not_run(&[Report::of(
            "import",
            "there is nothing to import",
            help,
        )]));
    }
    oauth2_proxy::refuse_existing(&arguments.out).map_err(|report| could_not_run(&[report]))?;
    let progress = arguments.access_log.as_deref().map(Progress::of_log);
    let imported = oauth2_proxy::import(&sources).map_err(|reports| could_not_run(&reports))?;
    drop(progress);
    oauth2_proxy::write(&arguments.out, &imported.files)
        .map_err(|report| could_not_run(&[report]))?;
    let report = match arguments.output {
        Format::Text => oauth2_proxy::text(&imported.lines),
        Format::Json => oauth2_proxy::json(&imported.lines),
    };
    let needs_you = imported
        .lines
        .iter()
        .any(|line| line.outcome == Outcome::NeedsYou);
    if needs_you {
        return Err(Failure {
            exit_code: MANUAL_ACTION_NEEDED,
            output: Some(report),
            message: String::new(),
        });
    }
    Ok(report)
}
