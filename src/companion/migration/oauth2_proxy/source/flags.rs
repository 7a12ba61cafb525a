//! The command line of oauth2-proxy, as pflag reads it.

use portcullis_core::policy::suggestion;

use crate::document::Report;
use crate::migration::oauth2_proxy::options::{self, Kind};
use crate::migration::oauth2_proxy::setting::{Setting, csv};

/// Flags that are no options: they name files, or print something.
const OTHERS: [&str; 5] = [
    "config",
    "alpha-config",
    "convert-config-to-alpha",
    "config-test",
    "version",
];

/// What a command line says.
#[derive(Debug, Default)]
pub(in crate::migration::oauth2_proxy) struct Flags {
    pub(in crate::migration::oauth2_proxy) settings: Vec<Setting>,
    /// The value of `--config`.
    pub(in crate::migration::oauth2_proxy) config: Option<String>,
    /// The value of `--alpha-config`.
    pub(in crate::migration::oauth2_proxy) alpha_config: Option<String>,
    pub(in crate::migration::oauth2_proxy) errors: Vec<Report>,
}

/// Reads the arguments, without the name of the program. `origin` names them in errors.
pub(in crate::migration::oauth2_proxy) fn read(arguments: &[String], origin: &str) -> Flags {
    let mut flags = Flags::default();
    let mut arguments = arguments.iter().peekable();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--") else {
            // It may be the value of a flag before, so a secret.
            let help = "write `--FLAG=VALUE`; a boolean takes its value only after `=`";
            flags
                .errors
                .push(Report::of(origin, "an argument is no flag", help));
            continue;
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let option = options::by_flag(name);
        if option.is_none() && !OTHERS.contains(&name) {
            flags.errors.push(unknown(origin, name));
            if value.is_none() && arguments.peek().is_some_and(|next| !next.starts_with("--")) {
                arguments.next();
            }
            continue;
        }
        let is_boolean = match option {
            Some(option) => option.kind == Kind::Boolean,
            None => !matches!(name, "config" | "alpha-config"),
        };
        let value = match value {
            Some(value) => value,
            None if is_boolean => "true".to_owned(),
            None => match arguments.next() {
                Some(value) => value.clone(),
                None => {
                    let problem = format!("the flag `--{name}` has no value");
                    flags
                        .errors
                        .push(Report::of(origin, &problem, "write `--FLAG=VALUE`"));
                    continue;
                }
            },
        };
        match option {
            Some(option) => flags.settings.push(Setting {
                option,
                name: ["--", name].concat(),
                values: if option.kind == Kind::List {
                    csv(&value)
                } else {
                    vec![value]
                },
            }),
            None if name == "config" => flags.config = Some(value),
            None if name == "alpha-config" => flags.alpha_config = Some(value),
            None => {}
        }
    }
    flags
}

fn unknown(origin: &str, name: &str) -> Report {
    let known: Vec<&str> = options::all().map(|option| option.flag).collect();
    let problem = format!("oauth2-proxy 7.15 has no flag `--{name}`");
    Report::of(origin, &problem, &nearest(name, &known))
}

/// The nearest name, or where all names are.
pub(in crate::migration::oauth2_proxy) fn nearest(name: &str, known: &[&str]) -> String {
    let help = suggestion(name, known);
    if help.starts_with("did you mean") {
        help
    } else {
        "remove it, or correct its name; src/companion/migration/OPTIONS.md lists all options"
            .to_owned()
    }
}
