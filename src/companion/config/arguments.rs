//! The command line of `portcullis serve`, derived from the settings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};

use crate::document::Report;

use super::settings::{SETTINGS, Setting, Shape};

/// The setting with the policy.
const POLICY: &str = "policy";

/// Flags and environment variables.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The file, if there is one.
    pub(super) config: Option<PathBuf>,
    /// The settings that are set, by path.
    pub(super) overrides: HashMap<&'static str, Override>,
}

/// The same for a command that reads the configuration of `serve`. The help has `--config` and `--policy` only; the
/// other flags and the variables apply too, so that the command reads what `serve` does in the same environment.
#[derive(Debug)]
pub(crate) struct ReadArguments(Arguments);

/// A setting that overrides the file.
#[derive(Clone, Debug)]
pub(super) struct Override {
    /// Its name in messages: `--url` or `PORTCULLIS_URL`.
    pub(super) name: String,
    /// Its values. One, unless the setting is a list.
    pub(super) values: Vec<String>,
}

impl Arguments {
    /// A configuration file, and the environment variables of this process.
    pub(crate) fn of_environment(config: Option<PathBuf>) -> Result<Self, Report> {
        let command = <Self as clap::Args>::augment_args(Command::new("portcullis"));
        let matches = command.try_get_matches_from(["portcullis"]);
        let arguments = matches.and_then(|matches| Self::from_arg_matches(&matches));
        match arguments {
            Ok(arguments) => Ok(Self {
                config: config.or(arguments.config),
                ..arguments
            }),
            Err(error) => {
                let help = "correct the variable that begins with `PORTCULLIS_`";
                Err(Report::of("environment", &error.kind().to_string(), help))
            }
        }
    }

    /// The configuration file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        let file = self.config.as_deref();
        file.filter(|file| *file != Path::new("-"))
    }
}

impl clap::Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .env("PORTCULLIS_CONFIG")
            .value_name("FILE")
            .hide_env_values(true)
            .value_parser(value_parser!(PathBuf))
            .help("The configuration file, YAML or JSON; `-` reads standard input");
        SETTINGS
            .iter()
            .fold(command.arg(config), |command, setting| {
                command.arg(argument(setting))
            })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let overrides = SETTINGS.iter().filter_map(|setting| {
            let values = matches.get_many::<String>(setting.path)?;
            let name = match matches.value_source(setting.path)? {
                ValueSource::EnvVariable => setting.variable(),
                _ => format!("--{}", setting.flag()),
            };
            let values = values.map(|value| value.trim().to_owned());
            let values = match setting.shape {
                // `PORTCULLIS_TRUSTED_PROXIES=` is the empty list.
                Shape::List | Shape::Map | Shape::Named => {
                    values.filter(|value| !value.is_empty()).collect()
                }
                Shape::Boolean | Shape::Number | Shape::Text => values.collect(),
            };
            Some((setting.path, Override { name, values }))
        });
        Ok(Self {
            config: matches.get_one("config").cloned(),
            overrides: overrides.collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

// === impl ReadArguments ===

impl ReadArguments {
    /// All of them.
    pub(crate) const fn all(&self) -> &Arguments {
        &self.0
    }

    /// Whether there is a configuration, and not only a policy. What is logged is none.
    pub(crate) fn has_more_than_policy(&self) -> bool {
        let mut overrides = self.0.overrides.keys();
        let is_configuration = |path: &&str| *path != POLICY && !path.starts_with("log.");
        self.0.config.is_some() || overrides.any(is_configuration)
    }
}

impl clap::Args for ReadArguments {
    fn augment_args(command: Command) -> Command {
        let settings = SETTINGS.iter().filter(|setting| setting.path != POLICY);
        let command = settings.fold(Arguments::augment_args(command), |command, setting| {
            command.mut_arg(setting.path, |argument| argument.hide(true))
        });
        command.mut_arg(POLICY, |argument| {
            argument.help("A policy file or folder, or a manifest with one policy [default: that of the configuration]")
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ReadArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Arguments::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

fn argument(setting: &Setting) -> Arg {
    let argument = Arg::new(setting.path)
        .long(setting.flag())
        .env(setting.variable())
        .value_name(setting.value)
        .hide_env_values(true)
        .help(setting.help);
    match setting.shape {
        Shape::List | Shape::Map | Shape::Named => {
            argument.action(ArgAction::Append).value_delimiter(',')
        }
        Shape::Boolean | Shape::Number | Shape::Text => argument.action(ArgAction::Set),
    }
}
