//! The values of a test file, with their places for errors.

use portcullis_core::policy::suggestion;

use crate::document::{Diagnostic, Document, Node, Report, Span, Value};

/// A value of a test file.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    document: &'a Document,
    path: String,
    node: &'a Node,
}

/// Where a value is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    span: Span,
    path: String,
}

impl<'a> Field<'a> {
    /// The root of a test file.
    pub(super) const fn root(document: &'a Document) -> Self {
        Self {
            document,
            path: String::new(),
            node: document.root(),
        }
    }

    /// The same with another value in its place, such as a case with the values of a table.
    pub(super) fn with<'b>(&self, node: &'b Node) -> Field<'b>
    where
        'a: 'b,
    {
        Field {
            document: self.document,
            path: self.path.clone(),
            node,
        }
    }

    /// The value.
    pub(super) const fn node(&self) -> &'a Node {
        self.node
    }

    /// The report of a problem with it.
    pub(super) fn error(&self, problem: &str, help: &str) -> Report {
        self.place().report(self.document, problem, help)
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place {
        Place {
            span: self.node.head(),
            path: self.path.clone(),
        }
    }

    fn expected(&self, what: &str, help: &str) -> Report {
        let problem = format!("expected {what}, found {}", self.node.kind());
        self.error(&problem, help)
    }

    /// Requires that it is a mapping with no other fields than these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Report> {
        let help = format!("write a mapping with {}", known.join(", "));
        for (name, field) in self.members(&help)? {
            if !known.contains(&&*name) {
                let problem = format!("unknown field `{name}`");
                return Err(self.document.report_of(Diagnostic {
                    span: self.node.locate(&name, &problem),
                    path: Some(field.path),
                    problem,
                    help: suggestion(&name, known),
                }));
            }
        }
        Ok(())
    }

    /// The members of a mapping.
    pub(super) fn members(&self, help: &str) -> Result<Vec<(String, Self)>, Report> {
        let Some(members) = self.node.as_map() else {
            return Err(self.expected("a mapping", help));
        };
        let members = members.iter().map(|(name, node)| {
            let dot = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{dot}{}", self.path, name.text);
            let field = Self {
                document: self.document,
                path,
                node,
            };
            (name.text.clone(), field)
        });
        Ok(members.collect())
    }

    /// A member of a mapping, if it has one of this name.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Some(Self {
            document: self.document,
            path: format!("{}{dot}{name}", self.path),
            node: self.node.member(name)?,
        })
    }

    /// A member that a mapping must have.
    pub(super) fn required(&self, name: &str, help: &str) -> Result<Self, Report> {
        self.member(name)
            .ok_or_else(|| self.error(&format!("missing field `{name}`"), help))
    }

    /// The elements of a list, which must not be empty.
    pub(super) fn elements(&self, help: &str) -> Result<Vec<Self>, Report> {
        let Some(elements) = self.node.as_list() else {
            return Err(self.expected("a list", help));
        };
        if elements.is_empty() {
            return Err(self.error("the list is empty", help));
        }
        let elements = elements.iter().enumerate().map(|(index, node)| Self {
            document: self.document,
            path: format!("{}[{index}]", self.path),
            node,
        });
        Ok(elements.collect())
    }

    /// A text that is not empty.
    pub(super) fn text(&self, help: &str) -> Result<&'a str, Report> {
        match self.node.as_text() {
            None => Err(self.expected("a string", help)),
            Some("") => Err(self.error("the string is empty", help)),
            Some(text) => Ok(text),
        }
    }

    /// A text or a list of them.
    pub(super) fn texts(&self, help: &str) -> Result<Vec<&'a str>, Report> {
        match self.node.value {
            Value::List(_) => {
                let elements = self.elements(help)?;
                elements.iter().map(|element| element.text(help)).collect()
            }
            _ => Ok(vec![self.text(help)?]),
        }
    }
}

// === impl Place ===

impl Place {
    /// The report of a problem here.
    pub(super) fn report(&self, document: &Document, problem: &str, help: &str) -> Report {
        document.report_of(Diagnostic {
            span: Some(self.span.clone()),
            path: Some(self.path.clone()).filter(|path| !path.is_empty()),
            problem: problem.to_owned(),
            help: help.to_owned(),
        })
    }

    /// The line, from 1.
    pub(super) fn line(&self, document: &Document) -> usize {
        document.line_at(&self.span)
    }
}
