//! `portcullis diff`: who gains access by a change of the policy, and who loses it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::progress::Progress;
use super::{COULD_NOT_RUN, Failure, REFUSED_OR_FAILED, only_policy};
use crate::clock::now;
use crate::comparison::Comparison;
use crate::document;
use crate::simulation::Simulator;

const EXAMPLE: &str = "\
Examples:
  portcullis diff old.yaml portcullis.yaml
  git show main:portcullis.yaml | portcullis diff - portcullis.yaml --fail-on widened
  portcullis diff clusters/blue clusters/green -o json
  portcullis diff old.yaml portcullis.yaml -o github > comment.md

Rules are compared by what they allow, not by their names or their order. Each difference has an example, a request that
the same code as in a proxy allows by one policy and refuses by the other. `settings` are those that accept other tokens or
requests before rules are asked: audiences, keys, lifetimes.

Exit codes:
  0  the comparison is printed
  1  the command line or a policy is invalid, or the output can't be written
  2  there is a difference that --fail-on names";

/// Prints who gains access by a change of the policy, and who loses it: by app, method and path
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The policy before: a file, a folder, a manifest with one policy, or `-` for standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The policy after, in the same forms
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Exit with 2 if somebody gains access, or if access differs at all
    #[arg(long, value_name = "CHANGE", value_enum)]
    fail_on: Option<Change>,

    /// The format of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// What is a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Change {
    /// More access
    Widened,
    /// More, less or other access
    Any,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines
    Text,
    /// One object
    Json,
    /// A comment for a pull request, in Markdown
    Github,
}

/// Returns the comparison. It is a failure if `--fail-on` says so.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let Arguments { old, new, .. } = arguments;
    let both = "standard input is read for both policies";
    document::one_standard_input([old, new], both, "write one of the policies to a file")
        .map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?;
    let read =
        |path| only_policy::read(path, COULD_NOT_RUN).map(|(_, policy)| Simulator::new(policy));
    let (old, new) = (read(old)?, read(new)?);
    let progress = Progress::start("comparing the policies");
    let comparison = Comparison::of(&old, &new, now());
    drop(progress);
    let output = match arguments.output {
        Format::Text => comparison.text(),
        Format::Json => comparison.json(),
        Format::Github => comparison.markdown(),
    };
    let is_failure = arguments.fail_on.is_some_and(|change| match change {
        Change::Widened => comparison.is_widened(),
        Change::Any => comparison.has_differences(),
    });
    if !is_failure {
        return Ok(output);
    }
    Err(Failure {
        exit_code: REFUSED_OR_FAILED,
        output: Some(output),
        message: String::new(),
    })
}
