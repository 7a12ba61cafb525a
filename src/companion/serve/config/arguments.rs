//! The command line of `portcullis serve`, made of the settings.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};

use super::settings::{SETTINGS, Setting, Shape};

const ABOUT: &str = "Signs people in, keeps and refreshes their sessions, and answers forward auth";

const MORE: &str = "\
Signs people in, keeps and refreshes their sessions, and answers forward auth

Each setting can be written in three ways: in the file that `--config` names, as a variable, and as a
flag. A flag counts before a variable, and a variable before the file. Secrets are read from files
alone. Paths in the file count from the folder that it is in.";

const EXAMPLE: &str = "\
A configuration, as `--config` takes it:

  url: https://auth.example.com         # where a browser meets it; the policy's sso.url
  listen: 127.0.0.1:4180                # or unix:/run/portcullis/socket
  metrics: 127.0.0.1:9180
  policy: portcullis.yaml               # the same document that the filter has
  providers:
    - issuer: https://gitlab.example.com
      client_id: portcullis
      client_secret_file: /run/secrets/client
  session:
    keys_file: /run/secrets/session-keys
    cookie: {domain: example.com}       # holds auth.example.com and every app that admits people

The policy it belongs to says `sso: {url: https://auth.example.com, envoy_cluster: portcullis}`, and its
rules name the people: `{from: sso, group: sre}`.

Examples:
  portcullis session-keys --out /run/secrets/session-keys
  portcullis serve --config companion.yaml
  PORTCULLIS_LOG_FORMAT=text portcullis serve --config companion.yaml --listen 127.0.0.1:4181

It starts with the provider down; `/ready` says what is missing. The policy, the keys, the secrets and
the certificates are read again when they change, and a bad edit keeps what worked. SIGTERM and SIGINT
let requests finish.

Exit codes:
  0  it was told to stop
  1  the configuration or a file is wrong; standard error names the place and how to fix it
  2  the command line is wrong";

/// What the command line and the environment say.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The file, if there is one.
    pub(super) config: Option<PathBuf>,
    /// The settings given, by their path.
    pub(super) given: HashMap<&'static str, Given>,
}

/// A setting given outside of the file.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// What messages call it: `--url` or `PORTCULLIS_URL`.
    pub(super) name: String,
    /// Its values. One, unless the setting is a list.
    pub(super) values: Vec<String>,
}

impl clap::Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .env("PORTCULLIS_CONFIG")
            .value_name("FILE")
            .hide_env_values(true)
            .value_parser(value_parser!(PathBuf))
            .help("The configuration, YAML or JSON; `-` reads standard input");
        SETTINGS
            .iter()
            .fold(command.arg(config), |command, setting| {
                command.arg(argument(setting))
            })
            .about(ABOUT)
            .long_about(MORE)
            .after_long_help(EXAMPLE)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SETTINGS.iter().filter_map(|setting| {
            let values = matches.get_many::<String>(setting.path)?;
            let name = match matches.value_source(setting.path)? {
                ValueSource::EnvVariable => setting.variable(),
                _ => format!("--{}", setting.flag()),
            };
            let values = values.map(|value| value.trim().to_owned());
            let values = match setting.shape {
                // `PORTCULLIS_TRUSTED_PROXIES=` is the empty list.
                Shape::List | Shape::Named => values.filter(|value| !value.is_empty()).collect(),
                Shape::Number | Shape::Text => values.collect(),
            };
            Some((setting.path, Given { name, values }))
        });
        Ok(Self {
            config: matches.get_one("config").cloned(),
            given: given.collect(),
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
        Shape::List | Shape::Named => argument.action(ArgAction::Append).value_delimiter(','),
        Shape::Number | Shape::Text => argument.action(ArgAction::Set),
    }
}
