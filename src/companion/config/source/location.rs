//! The location of a value, for errors about it.

use std::path::Path;

use crate::document::{Document, Node, Report, Value};

/// A value and its location.
#[derive(Debug)]
pub(in crate::config) struct Located<'a, T = String> {
    pub(in crate::config) value: T,
    pub(in crate::config) location: Location<'a>,
}

/// Where a value was written.
#[derive(Clone, Debug)]
pub(in crate::config) enum Location<'a> {
    /// In the file, at this path.
    File(&'a Document, String),
    /// In this flag or variable.
    Override(&'a str),
}

// === impl Location ===

impl<'a> Location<'a> {
    pub(in crate::config) fn with_value<T>(self, value: T) -> Located<'a, T> {
        Located {
            value,
            location: self,
        }
    }

    /// An error about the value here.
    pub(in crate::config) fn error(&self, problem: &str, help: &str) -> Report {
        match self {
            Self::File(document, path) => document.report(path, problem, help),
            Self::Override(name) => Report::of(name, problem, help),
        }
    }

    /// An error about a value, which is quoted in front of the problem.
    pub(in crate::config) fn value_error(&self, value: &str, problem: &str, help: &str) -> Report {
        self.error(&format!("`{value}` {problem}"), help)
    }

    pub(super) fn type_error(&self, node: &Node, expected: &str) -> Report {
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        };
        let help = match (&node.value, expected) {
            (Value::Number(text), "a string") => format!("write \"{text}\" in quotes"),
            (_, "a boolean") => {
                "write `true` or `false` without quotes, or remove the field".to_owned()
            }
            _ => format!("write {expected}, or remove the field"),
        };
        self.error(&format!("expected {expected}, found {found}"), &help)
    }

    pub(super) fn element(&self, index: usize) -> Self {
        match self {
            Self::File(document, path) => Self::File(document, format!("{path}[{index}]")),
            Self::Override(name) => Self::Override(name),
        }
    }

    pub(super) fn member(&self, name: &str) -> Self {
        match self {
            Self::File(document, path) => Self::File(document, format!("{path}.{name}")),
            Self::Override(name) => Self::Override(name),
        }
    }

    /// The base of relative paths: the folder of the file, or else the working directory.
    pub(in crate::config) fn folder(&self) -> &'a Path {
        match self {
            Self::File(document, _) => {
                let parent = Path::new(document.name()).parent();
                parent.unwrap_or_else(|| Path::new(""))
            }
            Self::Override(_) => Path::new(""),
        }
    }
}

// === impl Located ===

impl Located<'_> {
    /// An error about the value.
    pub(in crate::config) fn error(&self, problem: &str, help: &str) -> Report {
        self.location.value_error(&self.value, problem, help)
    }
}
