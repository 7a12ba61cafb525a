//! `portcullis access`: who may do what in each app, for a review of access.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::progress::Progress;
use super::{COULD_NOT_RUN, Failure, only_policy};
use crate::access_review::AccessReview;
use crate::clock::now;
use crate::document;

const EXAMPLE: &str = "\
Examples:
  portcullis access portcullis.yaml
  portcullis access portcullis.yaml -o csv > review.csv
  kubectl logs deploy/gateway | portcullis access portcullis.yaml --seen - -o markdown

With --seen, each row has how often, when and by whom it was last used, as far as the audit records in the log show. Allowed
requests are in the log if `audit.allowed` is `info` and Envoy's log level is, or in access logs with `audit.access_log`.

Exit codes:
  0  the review is printed
  1  the command line or the policy is invalid, or an input can't be read";

/// Prints who may do what in each app and, with a log, when it was last used
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// A policy file or folder, a manifest with one policy, or `-` for standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,

    /// A log with audit records, of a proxy, of the companion or of accesses; may be repeated, `-` is standard input
    #[arg(long, value_name = "LOG")]
    seen: Vec<PathBuf>,

    /// The format of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines
    Text,
    /// One object
    Json,
    /// A table for a spreadsheet
    Csv,
    /// A table in Markdown
    Markdown,
}

/// Returns the review.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let inputs = arguments.seen.iter().chain([&arguments.policy]);
    let several = "standard input is read for several inputs";
    document::one_standard_input(inputs, several, "write the others to files")
        .map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?;
    let (_, policy) = only_policy::read(&arguments.policy, COULD_NOT_RUN)?;
    let mut review = AccessReview::of(&policy, now());
    for log in &arguments.seen {
        let _progress = Progress::of_log(log);
        let added = review.add_log(log);
        added.map_err(|report| Failure::reported(COULD_NOT_RUN, &[report]))?;
    }
    Ok(match arguments.output {
        Format::Text => review.text(),
        Format::Json => review.json(),
        Format::Csv => review.csv(),
        Format::Markdown => review.markdown(),
    })
}
