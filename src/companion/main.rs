//! The companion of the Portcullis filter: what a filter inside a proxy cannot do, or should not.
//!
//! One folder a command. A command returns what belongs on standard output, or a report of what is
//! wrong, so that all of them answer alike: 0 for done, 1 for refused, 2 for a wrong command line.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod document;
mod forward_auth;
mod http_client;
mod issuers;
mod policy_file;
mod provider;
mod serve;
mod session;
mod session_keys;

/// The companion of the Portcullis access gate, and tools for its operators.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Serve(serve::Arguments),
    SessionKeys(session_keys::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments)
            .map(Some)
            .map_err(|report| report.to_string()),
        Command::Serve(arguments) => serve::run(&arguments)
            .map(|()| None)
            .map_err(|report| report.to_string()),
        Command::SessionKeys(arguments) => session_keys::run(&arguments)
            .map(Some)
            .map_err(|error| error.to_string()),
    };
    match result {
        Ok(Some(output)) => print(&output),
        Ok(None) => ExitCode::SUCCESS,
        Err(report) => {
            // Nobody is left to be told where standard error is closed; the exit code still is.
            let _ = writeln!(io::stderr(), "{report}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard output. Whoever reads half of a policy must not take it for one that
/// was printed.
fn print(output: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{output}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}
