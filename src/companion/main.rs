//! The `portcullis` binary: reads the command line and runs the command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use portcullis::commands::{CommandLine, run};

fn main() -> ExitCode {
    CommandLine::read().map_or_else(|exit_code| exit_code, run)
}
