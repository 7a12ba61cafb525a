//! The configuration file, in TOML.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::Input;
use super::flags::nearest;
use crate::document::{Report, report_at};
use crate::migration::oauth2_proxy::options::{self, Kind};
use crate::migration::oauth2_proxy::setting::{Setting, csv};

/// Reads the options of a configuration file, in the order of the file.
pub(in crate::migration::oauth2_proxy) fn read(input: &Input) -> (Vec<Setting>, Vec<Report>) {
    let text = &input.text;
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            // The message quotes no values; the line of the file is left out.
            let problem = format!("invalid TOML: {}", error.message());
            let span = error.span().unwrap_or_default();
            let help = "correct the syntax; oauth2-proxy reads TOML too";
            return (
                Vec::new(),
                vec![report_at(&input.name, text, span, &problem, help)],
            );
        }
    };
    let mut settings = Vec::new();
    let mut errors = Vec::new();
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        let Some(option) = options::by_key(name) else {
            let known: Vec<&str> = options::all().map(|option| option.key).collect();
            let problem = format!("oauth2-proxy 7.15 has no option `{name}`");
            let help = nearest(name, &known);
            errors.push(report_at(&input.name, text, key.span(), &problem, &help));
            continue;
        };
        match values(value, option.kind) {
            Some(values) => settings.push(Setting {
                option,
                name: option.key.to_owned(),
                values,
            }),
            None => {
                let problem = format!("`{name}` is a table");
                let help = "write a string, a number, a boolean or a list of strings";
                errors.push(report_at(&input.name, text, value.span(), &problem, help));
            }
        }
    }
    settings.sort_by_key(|setting| options::position(setting.option.flag));
    (settings, errors)
}

/// The values of an option; `None` for a table.
fn values(value: &Spanned<DeValue<'_>>, kind: Kind) -> Option<Vec<String>> {
    match value.get_ref() {
        DeValue::Array(elements) => {
            let elements = elements.iter().map(|element| scalar(element.get_ref()));
            elements.collect()
        }
        value if kind == Kind::List => Some(csv(&scalar(value)?)),
        value => Some(vec![scalar(value)?]),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
