//! The commands, one file or folder each, registered here and nowhere else.
//!
//! A command returns what belongs on standard output, or a report of what is wrong, so that all
//! commands have the same exit codes: 0 for success, 1 for an error, 2 for a wrong command line.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use portcullis_core::escape;

mod check;
mod serve;
mod session_keys;

/// The companion of the Portcullis access gate, and tools for its operators.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, arg_required_else_help = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Serve(serve::Arguments),
    SessionKeys(session_keys::Arguments),
}

impl CommandLine {
    /// The command line of this process. An invalid one ends the process with exit code 2.
    ///
    /// The message of an invalid one quotes arguments, which may come from a script's input. So where
    /// an argument has hidden characters, the message quotes it with these characters escaped.
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let arguments: Vec<OsString> = std::env::args_os().collect();
            let escaped = arguments.iter().map(|argument| {
                let text = argument.to_string_lossy();
                escape::line(&text).into_owned()
            });
            match Self::try_parse_from(escaped) {
                Err(escaped) => escaped.exit(),
                // It is not valid UTF-8, and the message does not quote it.
                Ok(_) => error.exit(),
            }
        })
    }
}

/// What a command writes to standard output, or its error for standard error.
type Output = Result<Option<String>, String>;

impl Command {
    fn run(&self) -> Output {
        match self {
            Self::Check(arguments) => output(check::run(arguments).map(Some)),
            Self::Serve(arguments) => output(serve::run(arguments).map(|()| None)),
            Self::SessionKeys(arguments) => output(session_keys::run(arguments).map(Some)),
        }
    }
}

/// Runs the command that was named, writes its output or its error, and returns the exit code.
pub fn run(command_line: CommandLine) -> ExitCode {
    match command_line.command.run() {
        Ok(Some(output)) => print(&output),
        Ok(None) => ExitCode::SUCCESS,
        Err(report) => {
            // Where standard error is closed, the exit code still reports the failure.
            let _ = writeln!(io::stderr(), "{report}");
            ExitCode::FAILURE
        }
    }
}

fn output(result: Result<Option<String>, impl ToString>) -> Output {
    result.map_err(|error| error.to_string())
}

/// Writes a line to standard output. An incomplete write is an error: half of a policy must not be
/// taken for a whole one.
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
