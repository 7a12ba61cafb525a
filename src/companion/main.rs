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
mod policy_file;
#[allow(
    dead_code,
    unused_imports,
    reason = "the endpoints of sign-in are not there yet"
)]
mod serve;

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
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments).map(Some),
        Command::Serve(arguments) => serve::run(&arguments).map(|()| None),
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
