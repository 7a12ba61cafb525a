//! Warnings: what is valid and probably a mistake.

use std::fmt;

use crate::document::{Document, Report};

/// A warning with its location, and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Warning(pub(crate) Report);

impl Warning {
    /// A warning about a value of a document.
    pub(super) fn new(document: &Document, path: &str, problem: &str, help: &str) -> Self {
        Self(document.report(path, problem, help))
    }

    /// A warning about a policy as a whole, from a text with `; help: ` in it.
    pub(crate) fn of_policy(document: &Document, text: &str) -> Self {
        let (problem, help) = text.split_once("; help: ").unwrap_or((text, ""));
        let report = Report::of(document.name(), problem, help);
        Self(report.in_document(document.number()))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        let (location, problem) = (report.location(), report.problem());
        write!(f, "warning: {location} {problem}; help: {}", report.help())
    }
}
