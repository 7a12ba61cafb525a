//! Where settings come from: flags before variables before the file. What is read knows where it
//! stood, so that an error names the place and not only the setting.

mod known;
mod place;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::document::{Document, Node, Report, Value};

use super::arguments::{Arguments, Given};
use super::settings::{SETTINGS, Setting, Shape};
use known::known;

pub(super) use place::{Found, Place};

const EMPTY: &str = "write a configuration; `portcullis serve --help` shows one";

/// All that was said.
#[derive(Debug)]
pub(super) struct Source {
    file: Option<Document>,
    given: HashMap<&'static str, Given>,
}

impl Source {
    /// Reads the file, if there is one, and refuses it where it holds a name that is none of a
    /// setting.
    pub(super) fn open(arguments: &Arguments) -> Result<Self, Report> {
        let open = |path: &PathBuf| Document::open(path, EMPTY);
        Self::new(
            arguments.config.as_ref().map(open).transpose()?,
            arguments.given.clone(),
        )
    }

    pub(super) fn new(
        file: Option<Document>,
        given: HashMap<&'static str, Given>,
    ) -> Result<Self, Report> {
        if let Some(document) = &file {
            known(document, document.root(), "", "")?;
        }
        let source = Self { file, given };
        source.one_provider()?;
        Ok(source)
    }

    /// Flags and variables speak of one provider, so a file that has several has them all.
    fn one_provider(&self) -> Result<(), Report> {
        let providers = self.listed("providers");
        let given = |path: &str| Some(&self.given.get(path)?.name);
        let mut settings = SETTINGS.iter().map(|setting| setting.path);
        let name = settings.find_map(|path| given(path).filter(|_| path.starts_with("providers")));
        match name {
            Some(name) if providers > 1 => Err(Report::of(
                name,
                &format!("the file has {providers} providers, and this speaks of one"),
                "write it in the file, beside the provider that is meant",
            )),
            _ => Ok(()),
        }
    }

    /// The text at a path, such as `providers[1].issuer`.
    pub(super) fn text(&self, path: &str) -> Result<Option<Found<'_>>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let text = match found.value {
            Raw::Given(values) => values.last().cloned().unwrap_or_default(),
            Raw::File(Node {
                value: Value::String(text),
                ..
            }) => text.clone(),
            Raw::File(node) => return Err(found.place.mistyped(node, "a text")),
        };
        if text.is_empty() {
            return Err(found
                .place
                .wrong("is empty", "write a value, or leave it out"));
        }
        Ok(Some(found.place.found(text)))
    }

    /// The text at a path where one must stand. `help` says what to write.
    pub(super) fn required(&self, path: &str, help: &str) -> Result<Found<'_>, Report> {
        self.text(path)?.ok_or_else(|| self.missing(path, help))
    }

    /// The file that is named at a path. In the file, paths count from its own folder.
    pub(super) fn path(&self, path: &str) -> Result<Option<Found<'_, PathBuf>>, Report> {
        Ok(self.text(path)?.map(|found| {
            let value = found.place.folder().join(&found.value);
            found.place.found(value)
        }))
    }

    /// The same, where one must be named.
    pub(super) fn required_path(&self, path: &str, help: &str) -> Result<PathBuf, Report> {
        match self.path(path)? {
            Some(found) => Ok(found.value),
            None => Err(self.missing(path, help)),
        }
    }

    /// The whole number at a path.
    pub(super) fn number(&self, path: &str) -> Result<Option<Found<'_, u64>>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let text = match found.value {
            Raw::Given(values) => values.last().cloned().unwrap_or_default(),
            Raw::File(Node {
                value: Value::Number(text),
                ..
            }) => text.clone(),
            Raw::File(node) => return Err(found.place.mistyped(node, "a whole number")),
        };
        match text.parse() {
            Ok(number) => Ok(Some(found.place.found(number))),
            Err(_) => {
                Err(found
                    .place
                    .wrong_value(&text, "is not a whole number", "write digits alone"))
            }
        }
    }

    /// The texts in the list at a path.
    pub(super) fn list(&self, path: &str) -> Result<Option<Vec<Found<'_>>>, Report> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let place = found.place;
        let node = match found.value {
            Raw::Given(values) => {
                let values = values
                    .iter()
                    .map(|value| place.clone().found(value.clone()));
                return Ok(Some(values.collect()));
            }
            Raw::File(node) => node,
        };
        let Value::List(elements) = &node.value else {
            return Err(place.mistyped(node, "a list"));
        };
        let elements = elements.iter().enumerate().map(|(index, node)| {
            let place = place.element(index);
            match &node.value {
                Value::String(text) if text.is_empty() => {
                    Err(place.wrong("is empty", "write a value, or leave it out"))
                }
                Value::String(text) => Ok(place.found(text.clone())),
                _ => Err(place.mistyped(node, "a text")),
            }
        });
        elements.collect::<Result<_, _>>().map(Some)
    }

    /// The same, where one text may stand for a list of it.
    pub(super) fn one_or_list(&self, path: &str) -> Result<Option<Vec<Found<'_>>>, Report> {
        match self.find(path)? {
            Some(Found {
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

    /// How many elements the list at a path has in the file.
    pub(super) fn listed(&self, path: &str) -> usize {
        match self.node(path).map(|node| &node.value) {
            Some(Value::List(elements)) => elements.len(),
            _ => 0,
        }
    }

    /// Whether anything is said of a provider outside of the file.
    pub(super) fn gives(&self, start: &str) -> bool {
        self.given.keys().any(|path| path.starts_with(start))
    }

    /// The names that stand at a path, each with its place.
    pub(super) fn names(&self, path: &str) -> Result<Vec<Found<'_>>, Report> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        if let Some(document) = &self.file
            && let Some(Value::Map(members)) = self.node(path).map(|node| &node.value)
        {
            for (name, _) in members {
                seen.insert(&*name.text);
                let place = Place::File(document, format!("{path}.{}", name.text));
                names.push(place.found(name.text.clone()));
            }
        }
        let settings = SETTINGS.iter().filter(|setting| {
            setting.shape == Shape::Named && setting.path.split('.').next() == Some(path)
        });
        for given in settings.filter_map(|setting| self.given.get(setting.path)) {
            let place = Place::Given(&given.name);
            for text in &given.values {
                let Some((name, _)) = text.split_once('=') else {
                    let help = "write a name, `=` and the value; commas part several";
                    return Err(place.wrong_value(text, "has no `=`", help));
                };
                if seen.insert(name) {
                    names.push(place.clone().found(name.to_owned()));
                }
            }
        }
        Ok(names)
    }

    /// An error about what stands at a path.
    pub(super) fn wrong(&self, path: &str, problem: &str, help: &str) -> Report {
        match (self.find(path), &self.file) {
            (Ok(Some(found)), _) => found.place.wrong(problem, help),
            (_, Some(document)) => document.report(path, problem, help),
            (_, None) => Report::of("serve", problem, help),
        }
    }

    /// What is said where something must be and is not.
    pub(super) fn missing(&self, path: &str, help: &str) -> Report {
        let (parent, name) = path.rsplit_once('.').unwrap_or((".", path));
        let problem = format!("no `{name}`");
        let flag = setting(path).map(|(setting, _)| setting.flag());
        let help = match flag {
            Some(flag) => format!("{help}, here or as `--{flag}`"),
            None => help.to_owned(),
        };
        match &self.file {
            Some(document) => document.report(parent, &problem, &help),
            None => Report::of("serve", &problem, &help),
        }
    }

    fn find(&self, path: &str) -> Result<Option<Found<'_, Raw<'_>>>, Report> {
        if let Some((setting, name)) = setting(path)
            && let Some(given) = self.given.get(setting.path)
        {
            let place = Place::Given(&given.name);
            let Some(name) = name else {
                return Ok(Some(place.found(Raw::Given(given.values.clone()))));
            };
            let named = given.values.iter().filter_map(|text| text.split_once('='));
            let of_name = named.filter(|(own, _)| *own == name);
            let values: Vec<String> = of_name.map(|(_, value)| value.to_owned()).collect();
            match values.len() {
                0 => {}
                1 => return Ok(Some(place.found(Raw::Given(values)))),
                _ => return Err(place.wrong_value(name, "stands twice", "keep one of them")),
            }
        }
        let Some(document) = &self.file else {
            return Ok(None);
        };
        let place = Place::File(document, path.to_owned());
        Ok(self.node(path).map(|node| place.found(Raw::File(node))))
    }

    fn node(&self, path: &str) -> Option<&Node> {
        self.file.as_ref()?.root().at(path)
    }
}

/// A value as it was written.
enum Raw<'a> {
    File(&'a Node),
    Given(Vec<String>),
}

/// The setting at a path and, where it is one for each name, the name.
fn setting(path: &str) -> Option<(&'static Setting, Option<&str>)> {
    SETTINGS.iter().find_map(|setting| {
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
