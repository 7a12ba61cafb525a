//! `portcullis explain`: the decision on one request of one caller, step by step and rule by rule.

mod caller;
mod request;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;

use super::progress::Progress;
use super::{COULD_NOT_RUN, Failure, REFUSED_OR_FAILED, only_policy, runtime};
use crate::clock;
use crate::config;
use crate::document::{self, Report};
use crate::explain::{Explanation, KeyFile, KeySupply, KnownKeys, Origin};
use crate::simulation::{SimulatedCaller, SimulatedRequest, Simulator};

use caller::{CallerArguments, Described};

const EXAMPLE: &str = "\
Examples:
  portcullis explain portcullis.yaml --url https://alertmanager.example.com/api/v2/alerts --as staging/monitoring/karma
  portcullis explain portcullis.yaml --url https://prometheus.example.com/ --as sso/ada --group sre --email ada@example.com
  portcullis explain portcullis.yaml --url https://alertmanager.example.com/ --token-file token --keys jwks.json
  portcullis explain portcullis.yaml --url https://alertmanager.example.com/ --claims claims.json --from staging
  kubectl logs deploy/gateway | portcullis explain portcullis.yaml --audit - --id 0e2b4a9e-3c1f-4f57-9d5e-7f2c8a6b1d01

Without a caller, the request is anonymous, or has the credential that `--header` gives it.

A caller that is described (`--as`, `--claims`, `--person`, `--audit`) gets a token that a key of this process signs,
with what the policy requires besides. Everything else is evaluated as in a proxy. A real token is evaluated with the
keys of its issuer, which are read as the companion reads them, or are those of `--keys`. No token is printed.

Exit codes:
  0  the request is allowed
  1  the command line or the policy is invalid, or an input can't be read
  2  the request is refused";

/// Explains the decision on a request: each step, each rule, and the headers that are set and removed
///
/// The decision is made by the same code as in a proxy.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// A policy file or folder, a manifest with one policy, or `-` for standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,

    /// The URL, byte for byte as the proxy gets it: nothing is normalized
    #[arg(long, required_unless_present = "audit", conflicts_with = "audit")]
    url: Option<OsString>,

    /// The method
    #[arg(long, default_value = "GET", conflicts_with = "audit")]
    method: String,

    /// A header field of the request; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<OsString>,

    /// When the request arrives, in UTC, like `2027-01-31T00:00:00Z` [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// The issuers' keys, for a real token: a key set (JWKS), or several by the names of trust entries
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// The companion's configuration: its `trust` says how issuers are reached
    #[arg(
        long,
        value_name = "FILE",
        env = "PORTCULLIS_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,

    /// The format of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,

    #[command(flatten)]
    caller: CallerArguments,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines
    Text,
    /// One object
    Json,
}

/// Returns the explanation. It is a failure if the request is refused.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    one_standard_input(arguments).map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?;
    // An invalid policy must not look like a refusal.
    let (_, policy) = only_policy::read(&arguments.policy, COULD_NOT_RUN)?;
    let explanation = explained(arguments, policy)
        .map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?;
    let output = match arguments.output {
        Format::Text => explanation.text(),
        Format::Json => explanation.json(),
    };
    if explanation.is_allowed() {
        return Ok(output);
    }
    Err(Failure {
        exit_code: REFUSED_OR_FAILED,
        output: Some(output),
        message: String::new(),
    })
}

fn explained(arguments: &Arguments, policy: Policy) -> Result<Explanation, Report> {
    let at = arguments
        .at
        .as_deref()
        .map_or_else(|| Ok(clock::now()), time)?;
    let Described {
        caller,
        recorded,
        notes,
    } = arguments.caller.read(&policy)?;
    let request = match &recorded {
        Some(recorded) => recorded.request().ok_or_else(|| {
            let help =
                "the gate could not read the request: use `--url`, `--method` and `--header`";
            Report::of("--audit", "the record has no method, host or path", help)
        })?,
        None => request::of_url(&arguments.method, arguments.url.as_deref())?,
    };
    let request = request::with_headers(request, &arguments.header)?;
    let simulator = Simulator::new(policy);
    let request = simulator
        .present(request, &caller, at)
        .map_err(|error| Report::of(arguments.caller.flag(), &error.problem, &error.help))?;
    let mut explanation = if caller.needs_issuers() {
        with_issuers(arguments, &simulator, &request, at)?
    } else {
        let headers = request.headers();
        let decision = simulator.decide(&headers, at);
        Explanation::of(simulator.policy(), &headers, decision, origin(&caller), at)
    };
    if arguments.keys.is_some() && !caller.needs_issuers() {
        let note = "`--keys` has no effect on a caller that is described";
        explanation.add_notes([note.to_owned()]);
    }
    if let Some(recorded) = &recorded {
        explanation.compare(recorded);
    }
    explanation.add_notes(notes);
    Ok(explanation)
}

/// Refuses to read standard input twice.
fn one_standard_input(arguments: &Arguments) -> Result<(), Report> {
    let others = [&arguments.keys, &arguments.config].into_iter().flatten();
    let files = others.chain(arguments.caller.files());
    let files = std::iter::once(&arguments.policy).chain(files);
    let problem = "standard input can be read for one file";
    document::one_standard_input(files, problem, "write the others to files")
}

const fn origin(caller: &SimulatedCaller) -> Origin {
    if caller.needs_issuers() {
        Origin::Given
    } else {
        Origin::MadeUp
    }
}

/// The explanation of a request with a real credential, or without one.
fn with_issuers(
    arguments: &Arguments,
    simulator: &Simulator,
    request: &SimulatedRequest,
    at: Timestamp,
) -> Result<Explanation, Report> {
    let supply = match (&arguments.keys, &arguments.config) {
        (Some(keys), _) => {
            let file = KeyFile::open(keys)?;
            file.check_names(simulator.policy().key_sources())?;
            KeySupply::File(file)
        }
        (None, Some(config)) => KeySupply::Issuers(config::issuer_connections(config)?),
        (None, None) => KeySupply::Issuers(Default::default()),
    };
    let runtime = runtime().map_err(|error| {
        let help = "free resources of this system";
        Report::of("explain", &error.to_string(), help)
    })?;
    let _progress = Progress::start("reading the issuers' keys");
    let headers = request.headers();
    let known = runtime.block_on(KnownKeys::read(&supply, simulator, &headers, at))?;
    let decision = simulator.decide_with(&headers, &known.keyring, at);
    let mut explanation =
        Explanation::of(simulator.policy(), &headers, decision, Origin::Given, at);
    explanation.add_notes(known.notes);
    Ok(explanation)
}

fn time(text: &str) -> Result<Timestamp, Report> {
    Timestamp::parse(text).ok_or_else(|| {
        let problem = format!("`{text}` is not a time in UTC with whole seconds");
        Report::of("--at", &problem, "write a time like `2027-01-31T00:00:00Z`")
    })
}
