//! A document in YAML with comments, which say where each part comes from.

use portcullis_core::escape;

use crate::document::{credentials_removed, emit};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Flag(bool),
    Text(String),
    List(Vec<Commented>),
    Map(Vec<(String, Commented)>),
}

/// A value, and the lines before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Commented {
    pub(super) comment: Vec<String>,
    pub(super) tree: Tree,
}

/// The longest line with a list or a mapping, in characters.
const MAX_FLOW: usize = 110;

/// The longest line of a comment, in characters.
const MAX_COMMENT: usize = 110;

/// A string.
pub(super) fn text(text: impl Into<String>) -> Tree {
    Tree::Text(text.into())
}

/// A list of strings.
pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Tree {
    Tree::List(texts.into_iter().map(|one| text(one).into()).collect())
}

/// A mapping.
pub(super) fn fields<const N: usize>(members: [(&str, Tree); N]) -> Tree {
    let members = members.into_iter();
    Tree::Map(
        members
            .map(|(name, tree)| (name.to_owned(), tree.into()))
            .collect(),
    )
}

impl From<Tree> for Commented {
    fn from(tree: Tree) -> Self {
        Self {
            comment: Vec::new(),
            tree,
        }
    }
}

// === impl Commented ===

impl Commented {
    /// Whether it is a list or a mapping in several lines.
    fn is_part(&self) -> bool {
        self.tree.flow(0).is_none()
    }
}

// === impl Tree ===

impl Tree {
    /// The same with a comment before it.
    pub(super) fn because(self, comment: impl Into<String>) -> Commented {
        Commented {
            comment: vec![comment.into()],
            tree: self,
        }
    }

    /// Adds a member to a mapping.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Commented>) {
        if let Self::Map(members) = self {
            members.push((name.to_owned(), value.into()));
        }
    }

    /// The member of this name of a mapping.
    pub(super) fn member(&mut self, name: &str) -> Option<&mut Commented> {
        let Self::Map(members) = self else {
            return None;
        };
        let member = members.iter_mut().find(|(own, _)| own == name);
        member.map(|(_, value)| value)
    }

    /// Removes a member of a mapping.
    pub(super) fn remove(&mut self, name: &str) {
        if let Self::Map(members) = self {
            members.retain(|(own, _)| own != name);
        }
    }

    /// Whether it is an empty mapping.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Map(members) if members.is_empty())
    }

    /// The document, with a line break at its end.
    pub(super) fn yaml(&self) -> String {
        let mut lines = String::new();
        self.block(0, &mut lines);
        lines
    }

    /// The document in one line of JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(elements) => elements.iter().map(|one| one.tree.json()).collect(),
            Self::Map(members) => {
                let members = members.iter();
                members
                    .map(|(name, one)| (name.clone(), one.tree.json()))
                    .collect()
            }
        }
    }

    /// Writes the lines of a list or a mapping.
    fn block(&self, indent: usize, lines: &mut String) {
        let pad = " ".repeat(indent);
        match self {
            Self::Map(members) => {
                for (index, (name, value)) in members.iter().enumerate() {
                    // The parts of the document stand apart.
                    if indent == 0 && index > 0 && value.is_part() {
                        lines.push('\n');
                    }
                    comment(&value.comment, &pad, lines);
                    let name = emit::scalar(name);
                    match value.tree.flow(indent + name.len() + 2) {
                        Some(flow) => lines.push_str(&format!("{pad}{name}: {flow}\n")),
                        None => {
                            lines.push_str(&format!("{pad}{name}:\n"));
                            let is_map = matches!(value.tree, Self::Map(_));
                            let inner = if is_map { indent + 2 } else { indent };
                            value.tree.block(inner, lines);
                        }
                    }
                }
            }
            Self::List(elements) => {
                for value in elements {
                    comment(&value.comment, &pad, lines);
                    match value.tree.flow(indent + 2) {
                        Some(flow) => lines.push_str(&format!("{pad}- {flow}\n")),
                        None => {
                            // The first member is on the line of the dash, so its comment is before the element.
                            let mut tree = value.tree.clone();
                            if let Self::Map(members) = &mut tree
                                && let Some((_, first)) = members.first_mut()
                            {
                                comment(&std::mem::take(&mut first.comment), &pad, lines);
                            }
                            let mut inner = String::new();
                            tree.block(indent + 2, &mut inner);
                            lines.push_str(&format!("{pad}- {}", inner.trim_start()));
                        }
                    }
                }
            }
            Self::Flag(_) | Self::Text(_) => {}
        }
    }

    /// The value in one line, if that is readable: scalars, and collections of scalars without comments.
    fn flow(&self, before: usize) -> Option<String> {
        let scalar = |value: &Commented| match &value.tree {
            Self::List(_) | Self::Map(_) => None,
            scalar if value.comment.is_empty() => scalar.flow(0),
            _ => None,
        };
        let flow = match self {
            Self::Flag(flag) => return Some(flag.to_string()),
            Self::Text(text) => return Some(emit::scalar(text)),
            Self::List(elements) => {
                let elements: Option<Vec<String>> = elements.iter().map(scalar).collect();
                format!("[{}]", elements?.join(", "))
            }
            // The first name tells what a mapping is: apps, rules and providers are blocks.
            Self::Map(members) if members.iter().any(|(name, _)| is_of_block(name)) => return None,
            Self::Map(members) => {
                let members: Option<Vec<String>> = members
                    .iter()
                    .map(|(name, value)| {
                        Some(format!("{}: {}", emit::scalar(name), scalar(value)?))
                    })
                    .collect();
                format!("{{{}}}", members?.join(", "))
            }
        };
        (before + flow.chars().count() <= MAX_FLOW).then_some(flow)
    }
}

fn is_of_block(name: &str) -> bool {
    matches!(name, "name" | "issuer" | "url" | "keys_file")
}

/// Writes a comment, in lines of bounded length.
fn comment(comment: &[String], pad: &str, lines: &mut String) {
    for paragraph in comment {
        // Values of options may have control characters.
        let paragraph = credentials_removed(paragraph);
        let paragraph = escape::line(&paragraph);
        let mut line = format!("{pad}#");
        for word in paragraph.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if length > MAX_COMMENT && line.len() > pad.len() + 1 {
                lines.push_str(&line);
                lines.push('\n');
                line = format!("{pad}#");
            }
            line.push(' ');
            line.push_str(word);
        }
        lines.push_str(&line);
        lines.push('\n');
    }
}
