//! `portcullis test`: test cases of a policy, for a pipeline.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_core::timestamp::Timestamp;

use super::progress::Progress;
use super::{COULD_NOT_RUN, Failure, REFUSED_OR_FAILED, only_policy};
use crate::clock::now;
use crate::document::{self, Report};
use crate::replay::Replay;
use crate::simulation::Simulator;
use crate::test_suite::{Policies, TestRun, TestSuite};

const EXAMPLE: &str = "\
Examples:
  portcullis test portcullis-test.yaml
  portcullis test tests/*.yaml --coverage
  portcullis test portcullis-test.yaml -o junit > results.xml
  portcullis test portcullis.yaml --replay oauth2-proxy.log

A test file has the policy, relative to itself, and cases:

  policy: portcullis.yaml
  tests:
  - name: karma reads alerts
    request: {url: 'https://alertmanager.example.com/api/v2/alerts'}
    as: blue/monitoring/karma
    expect: {decision: allowed, rule: karma}
  - name: ${caller} can't silence alerts
    request: {method: POST, url: 'https://alertmanager.example.com/api/v2/silences'}
    as: ${caller}
    each:
    - caller: blue/monitoring/karma
    - caller: blue/monitoring/grafana
    expect: {reason: caller-not-allowed, status: 403}

Decisions are made by the same code as in a proxy, with a token or a session that is made up for the caller.

Exit codes:
  0  all cases pass
  1  the command line, a test file or a policy is invalid, or an input can't be read
  2  a case fails, or someone would lose or gain access by the log of --replay";

/// Runs the test cases of a policy: requests, who sends them, and what the gate has to decide
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// Test files, or `-` for standard input; with `--replay` also a policy
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print which entries of `allow` and which public rules no case reaches
    #[arg(long)]
    coverage: bool,

    /// A log whose requests are evaluated by the policy, with audit records, of oauth2-proxy, or of NGINX; may be repeated
    #[arg(long, value_name = "LOG")]
    replay: Vec<PathBuf>,

    /// The format of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// The failed cases, and how many passed
    Text,
    /// One object
    Json,
    /// JUnit XML, without the coverage
    Junit,
    /// Annotations in GitHub Actions
    Github,
}

/// Returns the results. It is a failure if a case fails.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    if arguments.coverage && arguments.output == Format::Junit {
        let help = "use another format for the coverage";
        let report = Report::of("--coverage", "JUnit XML has no coverage of rules", help);
        return Err(Failure::reported(COULD_NOT_RUN, &[report]));
    }
    let several = "standard input is read for several inputs";
    let inputs = arguments.files.iter().chain(&arguments.replay);
    document::one_standard_input(inputs, several, "write the others to files")
        .map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?;
    let (mut suites, mut errors, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    for file in &arguments.files {
        let may_be_policy = !arguments.replay.is_empty() && file != Path::new("-");
        let suite = if may_be_policy {
            TestSuite::find(file)
        } else {
            Some(TestSuite::open(file))
        };
        match suite {
            Some(Ok(suite)) => suites.push(suite),
            Some(Err(report)) => errors.push(report),
            None => paths.push(file.as_path()),
        }
    }
    if !errors.is_empty() {
        return Err(Failure::reported(COULD_NOT_RUN, &errors));
    }
    paths.extend(suites.iter().map(TestSuite::policy));
    let mut policies = Policies::new();
    for path in paths {
        if !policies.contains_key(path) {
            let (_, policy) = only_policy::read(path, COULD_NOT_RUN)?;
            policies.insert(path.to_owned(), Simulator::new(policy));
        }
    }
    let now = now();
    let mut run = TestRun::of(&suites, &policies, now)
        .map_err(|reports| Failure::reported(COULD_NOT_RUN, &reports))?;
    for log in &arguments.replay {
        let _progress = Progress::of_log(log);
        let replay = replay(&policies, log, now);
        run.add_replay(replay.map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?);
    }
    let output = match arguments.output {
        Format::Text => run.text(arguments.coverage),
        Format::Json => run.json(arguments.coverage),
        Format::Junit => run.junit(),
        Format::Github => run.github(arguments.coverage),
    };
    if run.is_passed() {
        return Ok(output);
    }
    Err(Failure {
        exit_code: REFUSED_OR_FAILED,
        output: Some(output),
        message: String::new(),
    })
}

/// Evaluates the requests in a log by the only policy.
fn replay(policies: &Policies, log: &Path, now: Timestamp) -> Result<Replay, Report> {
    let mut policies = policies.iter();
    match (policies.next(), policies.next()) {
        (Some((path, simulator)), None) => Replay::of(simulator, path, log, now),
        _ => {
            let problem = "the files have several policies, and a log is evaluated by one";
            let help = "run the command for each policy";
            Err(Report::of("--replay", problem, help))
        }
    }
}
