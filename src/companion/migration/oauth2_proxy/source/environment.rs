//! Environment variables, as `NAME=VALUE` lines.

use std::collections::BTreeMap;

use super::Input;
use super::flags::nearest;
use crate::document::{Report, report_at};
use crate::migration::oauth2_proxy::options::{self, Kind, PREFIX};
use crate::migration::oauth2_proxy::setting::{Setting, csv};

/// Variables that Kubernetes sets in pods where a service is named `oauth2-proxy`.
const KUBERNETES: [&str; 2] = ["OAUTH2_PROXY_PORT", "OAUTH2_PROXY_SERVICE_"];

/// What the environment says.
#[derive(Debug, Default)]
pub(in crate::migration::oauth2_proxy) struct Environment {
    pub(in crate::migration::oauth2_proxy) settings: Vec<Setting>,
    /// All variables, for `${NAME}` in the alpha configuration.
    pub(in crate::migration::oauth2_proxy) variables: BTreeMap<String, String>,
    pub(in crate::migration::oauth2_proxy) errors: Vec<Report>,
}

/// Reads a file of variables.
pub(in crate::migration::oauth2_proxy) fn read(input: &Input) -> Environment {
    let mut environment = Environment::default();
    let mut next = 0;
    for line in input.text.split_inclusive('\n') {
        let span = next..next + line.len();
        next = span.end;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            let help = "write `NAME=VALUE`, in one line";
            let report = report_at(&input.name, &input.text, span, "not a variable", help);
            environment.errors.push(report);
            continue;
        };
        let (name, value) = (name.trim(), unquoted(value.trim()));
        match setting(name, value) {
            Ok(setting) => environment.settings.extend(setting),
            Err((problem, help)) => {
                let report = report_at(&input.name, &input.text, span, &problem, &help);
                environment.errors.push(report);
            }
        }
        environment
            .variables
            .insert(name.to_owned(), value.to_owned());
    }
    environment
}

/// The option of a variable; `None` if it is none of oauth2-proxy. An error is the problem and how to fix it.
pub(in crate::migration::oauth2_proxy) fn setting(
    name: &str,
    value: &str,
) -> Result<Option<Setting>, (String, String)> {
    let is_ours = name.starts_with(PREFIX);
    if !is_ours || KUBERNETES.iter().any(|start| name.starts_with(start)) {
        return Ok(None);
    }
    let Some(option) = options::by_variable(name) else {
        let known: Vec<String> = options::all().map(options::OptionSpec::variable).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let problem = format!("oauth2-proxy 7.15 has no variable `{name}`");
        return Err((problem, nearest(name, &known)));
    };
    Ok(Some(Setting {
        option,
        name: name.to_owned(),
        values: if option.kind == Kind::List {
            csv(value)
        } else {
            vec![value.to_owned()]
        },
    }))
}

/// A value without the quotes of a shell.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value
}
