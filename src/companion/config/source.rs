//! The sources of settings: flags override environment variables, which override the file. A value keeps
//! its location, so that an error names the file, line and column, the flag or the variable.

mod location;
mod unknown_fields;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::document::{Document, Node, Report, Value};

use super::arguments::{Arguments, Override};
use super::settings::{SERVE, Setting, SettingsTable, Shape};
use unknown_fields::reject_unknown;

pub(super) use location::{Located, Location};

/// Flags, variables and the file.
#[derive(Debug)]
pub(super) struct Source {
    table: &'static SettingsTable,
    file: Option<Document>,
    overrides: HashMap<&'static str, Override>,
}

impl Source {
    /// Reads the file of `serve`, if there is one, and refuses unknown fields.
    pub(super) fn open(arguments: &Arguments) -> Result<Self, Report> {
        let open = |path: &PathBuf| Document::open(path, SERVE.empty);
        Self::new(
            &SERVE,
            arguments.config.as_ref().map(open).transpose()?,
            arguments.overrides.clone(),
        )
    }

    pub(super) fn new(
        table: &'static SettingsTable,
        file: Option<Document>,
        overrides: HashMap<&'static str, Override>,
    ) -> Result<Self, Report> {
        if let Some(document) = &file {
            reject_unknown(table, document, document.root(), "", "")?;
        }
        let source = Self {
            table,
            file,
            overrides,
        };
        source.one_provider()?;
        Ok(source)
    }

    /// Flags and variables configure one provider, so they can't be combined with several in the file.
    fn one_provider(&self) -> Result<(), Report> {
        let providers = self.list_len("providers");
        let variable = |path: &str| Some(&self.overrides.get(path)?.name);
        let mut settings = self.table.settings.iter().map(|setting| setting.path);
        let name =
            settings.find_map(|path| variable(path).filter(|_| path.starts_with("providers")));
        match name {
            Some(name) if providers > 1 => Err(Report::of(
                name,
                &format!("ambiguous: the file has {providers} providers"),
                "set it in the file, in the entry of its provider",
            )),
            _ => Ok(()),
        }
    }

    /// The string at a path, such as `providers[1].issuer`.
    pub(super) fn text(&self, path: &str) -> Result<Option<Located<'_>>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let text = match found.value {
            Raw::Override(values) => values.last().cloned().unwrap_or_default(),
            Raw::File(Node {
                value: Value::String(text),
                ..
            }) => text.clone(),
            Raw::File(node) => return Err(found.location.type_error(node, "a string")),
        };
        if text.is_empty() {
            return Err(found
                .location
                .error("is empty", "write a value, or remove the field"));
        }
        Ok(Some(found.location.with_value(text)))
    }

    /// The string at a path that is required. `help` says what to write.
    pub(super) fn required(&self, path: &str, help: &str) -> Result<Located<'_>, Report> {
        self.text(path)?
            .ok_or_else(|| self.missing_field(path, help))
    }

    /// The path of a file. Relative paths in the configuration file are relative to its own folder.
    pub(super) fn path(&self, path: &str) -> Result<Option<Located<'_, PathBuf>>, Report> {
        Ok(self.text(path)?.map(|found| {
            let value = found.location.folder().join(&found.value);
            found.location.with_value(value)
        }))
    }

    /// The path of a file that is required.
    pub(super) fn required_path(&self, path: &str, help: &str) -> Result<PathBuf, Report> {
        match self.path(path)? {
            Some(found) => Ok(found.value),
            None => Err(self.missing_field(path, help)),
        }
    }

    /// The boolean at a path.
    pub(super) fn boolean(&self, path: &str) -> Result<Option<bool>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let text = match found.value {
            Raw::Override(values) => values.last().cloned().unwrap_or_default(),
            Raw::File(Node {
                value: Value::Bool(truth),
                ..
            }) => return Ok(Some(*truth)),
            Raw::File(node) => return Err(found.location.type_error(node, "a boolean")),
        };
        match text.parse() {
            Ok(truth) => Ok(Some(truth)),
            Err(_) => Err(found.location.value_error(
                &text,
                "is not a boolean",
                "write `true` or `false`",
            )),
        }
    }

    /// The string at a path, where a boolean is accepted too, as `true` or `false`.
    pub(super) fn text_or_boolean(&self, path: &str) -> Result<Option<Located<'_>>, Report> {
        match self.find(path)? {
            Some(Located {
                value:
                    Raw::File(Node {
                        value: Value::Bool(truth),
                        ..
                    }),
                location,
            }) => Ok(Some(location.with_value(truth.to_string()))),
            _ => self.text(path),
        }
    }

    /// The integer at a path.
    pub(super) fn number(&self, path: &str) -> Result<Option<Located<'_, u64>>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let text = match found.value {
            Raw::Override(values) => values.last().cloned().unwrap_or_default(),
            Raw::File(Node {
                value: Value::Number(text),
                ..
            }) => text.clone(),
            Raw::File(node) => return Err(found.location.type_error(node, "an integer")),
        };
        match text.parse() {
            Ok(number) => Ok(Some(found.location.with_value(number))),
            Err(_) => {
                Err(found
                    .location
                    .value_error(&text, "is not an integer", "write digits only"))
            }
        }
    }

    /// The strings in the list at a path.
    pub(super) fn list(&self, path: &str) -> Result<Option<Vec<Located<'_>>>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let location = found.location;
        let node = match found.value {
            Raw::Override(values) => {
                let values = values
                    .iter()
                    .map(|value| location.clone().with_value(value.clone()));
                return Ok(Some(values.collect()));
            }
            Raw::File(node) => node,
        };
        let Value::List(elements) = &node.value else {
            return Err(location.type_error(node, "a list"));
        };
        let elements = elements.iter().enumerate().map(|(index, node)| {
            let location = location.element(index);
            match &node.value {
                Value::String(text) if text.is_empty() => {
                    Err(location.error("is empty", "write a value, or remove the field"))
                }
                Value::String(text) => Ok(location.with_value(text.clone())),
                _ => Err(location.type_error(node, "a string")),
            }
        });
        elements.collect::<Result<_, _>>().map(Some)
    }

    /// The same, where a single string is accepted too.
    pub(super) fn one_or_list(&self, path: &str) -> Result<Option<Vec<Located<'_>>>, Report> {
        match self.find(path)? {
            Some(Located {
                value:
                    Raw::File(Node {
                        value: Value::String(_),
                        ..
                    }),
                ..
            }) => Ok(self.text(path)?.map(|found| vec![found])),
            _ => self.list(path),
        }
    }

    /// The strings in the mapping at a path, by name, each with its location.
    pub(super) fn map(&self, path: &str) -> Result<Vec<(String, Located<'_>)>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(Vec::new());
        };
        let location = found.location;
        let node = match found.value {
            Raw::Override(values) => return pairs(&location, &values),
            Raw::File(node) => node,
        };
        let Value::Map(members) = &node.value else {
            return Err(location.type_error(node, "a mapping"));
        };
        let members = members.iter().map(|(name, node)| {
            let location = location.member(&name.text);
            match &node.value {
                Value::String(text) if text.is_empty() => {
                    Err(location.error("is empty", "write a value, or remove the field"))
                }
                Value::String(text) => Ok((name.text.clone(), location.with_value(text.clone()))),
                _ => Err(location.type_error(node, "a string")),
            }
        });
        members.collect()
    }

    /// Whether the file has this block, or a flag or a variable sets a field in it.
    pub(super) fn has_block(&self, block: &str) -> bool {
        self.node(block).is_some() || self.overrides(block)
    }

    /// How many elements the list at a path has in the file.
    pub(super) fn list_len(&self, path: &str) -> usize {
        match self.node(path).map(|node| &node.value) {
            Some(Value::List(elements)) => elements.len(),
            _ => 0,
        }
    }

    /// Whether a flag or a variable sets a field whose path begins with `start`.
    pub(super) fn overrides(&self, start: &str) -> bool {
        self.overrides.keys().any(|path| path.starts_with(start))
    }

    /// The names in the mapping at a path, each with its location.
    pub(super) fn names(&self, path: &str) -> Result<Vec<Located<'_>>, Report> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        if let Some(document) = &self.file
            && let Some(Value::Map(members)) = self.node(path).map(|node| &node.value)
        {
            for (name, _) in members {
                seen.insert(&*name.text);
                let location = Location::File(document, format!("{path}.{}", name.text));
                names.push(location.with_value(name.text.clone()));
            }
        }
        let settings = self.table.settings.iter().filter(|setting| {
            setting.shape == Shape::Named && setting.path.split('.').next() == Some(path)
        });
        for given in settings.filter_map(|setting| self.overrides.get(setting.path)) {
            let location = Location::Override(&given.name);
            for text in &given.values {
                let Some((name, _)) = text.split_once('=') else {
                    let help = "write NAME=VALUE; separate several with commas";
                    // Not quoted: it may be the token itself.
                    return Err(location.error("a value has no `=`", help));
                };
                if seen.insert(name) {
                    names.push(location.clone().with_value(name.to_owned()));
                }
            }
        }
        Ok(names)
    }

    /// An error about the value at a path.
    pub(super) fn error(&self, path: &str, problem: &str, help: &str) -> Report {
        match (self.find(path), &self.file) {
            (Ok(Some(found)), _) => found.location.error(problem, help),
            (_, Some(document)) => document.report(path, problem, help),
            (_, None) => Report::of(self.table.command, problem, help),
        }
    }

    /// The error for a required field that is missing.
    pub(super) fn missing_field(&self, path: &str, help: &str) -> Report {
        let (parent, name) = path.rsplit_once('.').unwrap_or((".", path));
        let problem = format!("missing field `{name}`");
        // With several providers, flags for them are refused: see `one_provider`.
        let is_refused = path.starts_with("providers") && self.list_len("providers") > 1;
        let flag = self.setting(path).map(|(setting, _)| setting.flag());
        let place = match &self.file {
            Some(_) => "here",
            None => "in the file of `--config`",
        };
        let help = match flag.filter(|_| self.table.has_flags && !is_refused) {
            Some(flag) => format!("{help}, {place} or with `--{flag}`"),
            None => help.to_owned(),
        };
        match &self.file {
            Some(document) => document.report(parent, &problem, &help),
            None => Report::of(self.table.command, &problem, &help),
        }
    }

    fn find(&self, path: &str) -> Result<Option<Located<'_, Raw<'_>>>, Report> {
        if let Some((setting, name)) = self.setting(path)
            && let Some(given) = self.overrides.get(setting.path)
        {
            let location = Location::Override(&given.name);
            let Some(name) = name else {
                return Ok(Some(
                    location.with_value(Raw::Override(given.values.clone())),
                ));
            };
            let named = given.values.iter().filter_map(|text| text.split_once('='));
            let of_name = named.filter(|(own, _)| *own == name);
            let values: Vec<String> = of_name.map(|(_, value)| value.to_owned()).collect();
            match values.len() {
                0 => {}
                1 => return Ok(Some(location.with_value(Raw::Override(values)))),
                _ => {
                    return Err(
                        location.error(&format!("duplicate name `{name}`"), "remove one of them")
                    );
                }
            }
        }
        let Some(document) = &self.file else {
            return Ok(None);
        };
        let location = Location::File(document, path.to_owned());
        Ok(self
            .node(path)
            .map(|node| location.with_value(Raw::File(node))))
    }

    fn node(&self, path: &str) -> Option<&Node> {
        self.file.as_ref()?.root().at(path)
    }

    /// The setting at a path and, for a setting of a named entry, the name.
    fn setting<'a>(&self, path: &'a str) -> Option<(&'static Setting, Option<&'a str>)> {
        self.table.settings.iter().find_map(|setting| {
            if let Some((block, field)) = setting.path.split_once(".*.") {
                let (own, rest) = path.split_once('.')?;
                let name = rest.strip_suffix(field)?.strip_suffix('.')?;
                return (own == block).then_some((setting, Some(name)));
            }
            let same = match setting.path.split_once("[]") {
                Some((list, field)) => {
                    let element = path
                        .strip_prefix(list)
                        .and_then(|rest| rest.split_once(']'));
                    element.is_some_and(|(_, rest)| rest == field)
                }
                None => setting.path == path,
            };
            same.then_some((setting, None))
        })
    }
}

/// A value as written.
enum Raw<'a> {
    File(&'a Node),
    Override(Vec<String>),
}

/// The pairs of a flag or a variable.
fn pairs<'a>(
    location: &Location<'a>,
    values: &[String],
) -> Result<Vec<(String, Located<'a>)>, Report> {
    let mut pairs: Vec<(String, Located<'a>)> = Vec::new();
    for text in values {
        let pair = text.split_once('=').filter(|(_, value)| !value.is_empty());
        let Some((name, value)) = pair else {
            let help = "write NAME=VALUE; separate several with commas";
            return Err(location.error("a value has no `=`, or nothing after it", help));
        };
        if pairs.iter().any(|(other, _)| other == name) {
            let problem = format!("duplicate name `{name}`");
            return Err(location.error(&problem, "remove one of them"));
        }
        pairs.push((
            name.to_owned(),
            location.clone().with_value(value.to_owned()),
        ));
    }
    Ok(pairs)
}
