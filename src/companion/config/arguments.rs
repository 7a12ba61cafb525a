//! The command line of `portcullis serve`, derived from the settings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};

use super::settings::{SETTINGS, Setting, Shape};

/// Flags and environment variables.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The file, if there is one.
    pub(super) config: Option<PathBuf>,
    /// The settings that are set, by path.
    pub(super) overrides: HashMap<&'static str, Override>,
}

/// A setting that overrides the file.
#[derive(Clone, Debug)]
pub(super) struct Override {
    /// Its name in messages: `--url` or `PORTCULLIS_URL`.
    pub(super) name: String,
    /// Its values. One, unless the setting is a list.
    pub(super) values: Vec<String>,
}

impl Arguments {
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
