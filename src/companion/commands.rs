//! The commands, one file or folder each, registered here and nowhere else.
//!
//! A command returns what belongs on standard output, or a report of what is wrong. All commands have the
//! same exit codes: 0 for success, 1 for a command that could not run, also because its command line is
//! wrong, 2 for one that refused or failed, such as `check` of an invalid policy, and 3 for warnings that were
//! to be failures, and for results that somebody has to complete.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use portcullis_core::escape;
use tokio::runtime::{Builder, Runtime};

use crate::document::Report;

mod access;
mod attach;
mod check;
mod completions;
mod diff;
mod doctor;
mod explain;
mod import;
mod only_policy;
mod progress;
mod render;
mod revoke;
mod schema;
mod serve;
mod session_keys;
mod terminal;
mod test;

/// The companion of the Portcullis access gate, and tools for its operators.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, arg_required_else_help = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Access(access::Arguments),
    Attach(attach::Arguments),
    Check(check::Arguments),
    Completions(completions::Arguments),
    Diff(diff::Arguments),
    Doctor(doctor::Arguments),
    Explain(Box<explain::Arguments>),
    Import(import::Arguments),
    Render(render::Arguments),
    Revoke(revoke::Arguments),
    Schema(schema::Arguments),
    Serve(serve::Arguments),
    SessionKeys(session_keys::Arguments),
    Test(test::Arguments),
}

impl CommandLine {
    /// Reads the command line of this process.
    ///
    /// # Errors
    /// The exit code, if there is no command to run: the help or the version was requested, or the command
    /// line is invalid. It has been printed.
    ///
    /// The message of an invalid one quotes arguments, which may come from a script's input. So where
    /// an argument has hidden characters, the message quotes it with these characters escaped.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let arguments: Vec<OsString> = std::env::args_os().collect();
            let escaped = arguments.iter().map(|argument| {
                let text = argument.to_string_lossy();
                escape::line(&text).into_owned()
            });
            // The escaped one is valid if the other is not UTF-8, which the message does not quote.
            let error = Self::try_parse_from(escaped).err().unwrap_or(error);
            // Where the stream is closed, the exit code still reports the failure.
            let _ = error.print();
            if error.use_stderr() {
                COULD_NOT_RUN.into()
            } else {
                ExitCode::SUCCESS
            }
        })
    }
}

/// What a command writes to standard output, or why it failed.
type Output = Result<Option<String>, Failure>;

/// Why a command failed: the exit code, what belongs on standard output all the same, and the message for standard
/// error, which may be empty.
struct Failure {
    exit_code: u8,
    output: Option<String>,
    message: String,
}

impl Failure {
    /// One with these reports and no output.
    fn reported(exit_code: u8, reports: &[Report]) -> Self {
        let messages: Vec<String> = reports.iter().map(ToString::to_string).collect();
        Self {
            exit_code,
            output: None,
            message: messages.join("\n"),
        }
    }
}

/// The exit code of a command that could not run.
const COULD_NOT_RUN: u8 = 1;

/// The exit code of a command that ran and refused its input or failed.
const REFUSED_OR_FAILED: u8 = 2;

/// The exit code of `check --fail-on-warning` where there are warnings alone.
const WARNINGS: u8 = 3;

/// The exit code of `import` where something is left to do.
const MANUAL_ACTION_NEEDED: u8 = 3;

impl Command {
    fn run(&self) -> Output {
        match self {
            Self::Access(arguments) => access::run(arguments).map(Some),
            Self::Attach(arguments) => output(attach::run(arguments).map(|()| None), COULD_NOT_RUN),
            Self::Check(arguments) => check::run(arguments).map(Some),
            Self::Completions(arguments) => Ok(Some(completions::run(arguments))),
            Self::Diff(arguments) => diff::run(arguments).map(Some),
            Self::Doctor(arguments) => doctor::run(arguments).map(Some),
            Self::Explain(arguments) => explain::run(arguments).map(Some),
            Self::Import(arguments) => import::run(arguments).map(Some),
            Self::Render(arguments) => render::run(arguments).map(Some),
            Self::Revoke(arguments) => revoke::run(arguments).map(Some),
            Self::Schema(arguments) => Ok(Some(schema::run(arguments))),
            Self::Serve(arguments) => output(serve::run(arguments).map(|()| None), COULD_NOT_RUN),
            Self::SessionKeys(arguments) => {
                output(session_keys::run(arguments).map(Some), COULD_NOT_RUN)
            }
            Self::Test(arguments) => test::run(arguments).map(Some),
        }
    }
}

/// Runs the command that was named, writes its output or its error, and returns the exit code.
pub fn run(command_line: CommandLine) -> ExitCode {
    match command_line.command.run() {
        Ok(Some(output)) => print(&output),
        Ok(None) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                terminal::message(&failure.message);
            }
            match failure.output.map(|output| print(&output)) {
                Some(code) if code != ExitCode::SUCCESS => code,
                _ => failure.exit_code.into(),
            }
        }
    }
}

/// What waits for the network in a command that ends after it.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The output of a command, whose errors have this exit code.
fn output(result: Result<Option<String>, impl ToString>, exit_code: u8) -> Output {
    result.map_err(|error| Failure {
        exit_code,
        output: None,
        message: error.to_string(),
    })
}

/// Writes a line to standard output. An incomplete write is an error: half of a policy must not be
/// taken for a whole one.
fn print(output: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{output}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::message(&format!("error: standard output: {error}"));
            COULD_NOT_RUN.into()
        }
    }
}
