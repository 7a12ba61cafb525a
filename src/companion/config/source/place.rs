//! Places: where a value stood, for the errors about it.

use std::path::Path;

use crate::document::{Document, Node, Report, Value};

/// A value and where it stood.
#[derive(Debug)]
pub(in crate::config) struct Found<'a, T = String> {
    pub(in crate::config) value: T,
    pub(in crate::config) place: Place<'a>,
}

/// Where a value stood.
#[derive(Clone, Debug)]
pub(in crate::config) enum Place<'a> {
    /// In the file, at this path.
    File(&'a Document, String),
    /// In this flag or variable.
    Given(&'a str),
}

// === impl Place ===

impl<'a> Place<'a> {
    pub(in crate::config) fn found<T>(self, value: T) -> Found<'a, T> {
        Found { value, place: self }
    }

    /// An error about what stands here.
    pub(in crate::config) fn wrong(&self, problem: &str, help: &str) -> Report {
        match self {
            Self::File(document, path) => document.report(path, problem, help),
            Self::Given(name) => Report::of(name, problem, help),
        }
    }

    /// An error about a value, which is quoted in front of the problem.
    pub(in crate::config) fn wrong_value(&self, value: &str, problem: &str, help: &str) -> Report {
        self.wrong(&format!("`{value}` {problem}"), help)
    }

    pub(super) fn mistyped(&self, node: &Node, expected: &str) -> Report {
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a block of settings",
        };
        let help = match (&node.value, expected) {
            (Value::Number(text), "a text") => format!("write \"{text}\" in quotes"),
            _ => format!("write {expected}, or leave it out"),
        };
        self.wrong(&format!("{found} where {expected} must stand"), &help)
    }

    pub(super) fn element(&self, index: usize) -> Self {
        match self {
            Self::File(document, path) => Self::File(document, format!("{path}[{index}]")),
            Self::Given(name) => Self::Given(name),
        }
    }

    /// What paths here count from: the folder of the file, and else the working directory.
    pub(in crate::config) fn folder(&self) -> &'a Path {
        match self {
            Self::File(document, _) => {
                let parent = Path::new(document.name()).parent();
                parent.unwrap_or_else(|| Path::new(""))
            }
            Self::Given(_) => Path::new(""),
        }
    }
}

// === impl Found ===

impl Found<'_> {
    /// An error about the value.
    pub(in crate::config) fn wrong(&self, problem: &str, help: &str) -> Report {
        self.place.wrong_value(&self.value, problem, help)
    }
}
