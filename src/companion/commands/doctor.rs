//! `portcullis doctor`: checks what a policy and a configuration need from the world.

mod policy;
mod results;

use std::sync::Arc;

use clap::{Args, ValueEnum};
use portcullis_core::escape;

use super::progress::Progress;
use super::{COULD_NOT_RUN, Failure, REFUSED_OR_FAILED};
use crate::config::{Config, ReadArguments};
use crate::doctor::{AdminUrl, Status, Subjects, examine};
use crate::document::Report;

const EXAMPLE: &str = "\
Examples:
  portcullis doctor --config companion.yaml              the policy is the one that it names
  portcullis doctor --policy portcullis.yaml             issuers only
  kubectl exec deploy/portcullis -- portcullis doctor    what the companion sees; PORTCULLIS_CONFIG is set there
  portcullis doctor --policy portcullis.yaml --envoy-admin http://127.0.0.1:9901
  portcullis doctor --config companion.yaml -o json | jq '.checks[] | select(.status == \"error\")'

It reads the configuration as `portcullis serve` does, with the same variables and flags, and sends requests to
issuers, providers, Redis and Envoy, from here: run it where the companion runs. Nothing is changed: what it writes
to the session store, it deletes. It takes 30 seconds at most, whatever is unreachable.

Each line is a check: ok, warning, error or skipped. The reference of the companion lists the checks.

Exit codes:
  0  no check is an error
  1  the command line or the configuration is invalid, a file can't be read, or the output can't be written
  2  a check is an error";

/// Checks what a policy and a configuration need: DNS, TLS, issuers, providers, clocks, files, Redis, a running Envoy
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ReadArguments,

    /// The admin interface of a running Envoy that has the policy, such as `http://127.0.0.1:9901`
    #[arg(long, value_name = "URL")]
    envoy_admin: Option<String>,

    /// The format of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// A line for each check
    Text,
    /// One object
    Json,
}

/// Checks everything. Returns the output.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let could_not_run = |report: Report| Failure::reported(COULD_NOT_RUN, &[report]);
    let envoy_admin = arguments.envoy_admin.as_deref().map(admin_url);
    let envoy_admin = envoy_admin.transpose().map_err(could_not_run)?;
    let config = Config::load(arguments.config.all()).map_err(could_not_run)?;
    let has_config = arguments.config.has_more_than_policy();
    let (policy, mut checks) = policy::check(&config, has_config)?;
    let subjects = Subjects {
        policy: policy.map(Arc::new),
        config: has_config.then(|| Arc::new(config)),
        envoy_admin,
    };
    // Two libraries could install a TLS provider; this makes the choice explicit.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        let problem = format!("can't start the runtime: {error}");
        let help = "raise the limits on threads and file descriptors";
        could_not_run(Report::of("doctor", &problem, help))
    })?;
    let progress = Progress::start("checking, for at most 30 seconds");
    checks.extend(runtime.block_on(examine(&subjects)));
    drop(progress);
    // A lookup of a name that hangs does not delay the end.
    runtime.shutdown_background();
    let output = match arguments.output {
        Format::Text => results::text(&checks),
        Format::Json => results::json(&checks),
    };
    if checks.iter().any(|check| check.status == Status::Error) {
        return Err(Failure {
            exit_code: REFUSED_OR_FAILED,
            output: Some(output),
            message: String::new(),
        });
    }
    Ok(output)
}

fn admin_url(text: &str) -> Result<AdminUrl, Report> {
    text.parse().map_err(|_| {
        let problem = format!(
            "`{}` is not the URL of an admin interface",
            escape::line(text)
        );
        let help = "write `http://`, a host and a port, such as `http://127.0.0.1:9901`";
        Report::of("--envoy-admin", &problem, help)
    })
}
