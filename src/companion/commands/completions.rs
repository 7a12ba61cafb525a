//! `portcullis completions`: completions of the command line for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::CommandLine;

const EXAMPLE: &str = "\
Examples:
  source <(portcullis completions bash)
  portcullis completions zsh > ~/.zfunc/_portcullis
  portcullis completions fish > ~/.config/fish/completions/portcullis.fish

Exit codes:
  0  the script is printed
  1  the command line is invalid, or the output can't be written";

/// Prints the script with which a shell completes this program's commands and options
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Returns the script.
pub(super) fn run(arguments: &Arguments) -> String {
    let mut command = CommandLine::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).trim_end().to_owned()
}
