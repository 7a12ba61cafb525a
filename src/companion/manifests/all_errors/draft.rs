//! A copy of a policy from which values can be removed, and which still knows their places in the policy.

use std::fmt;

use crate::document::{Node, Value};

/// A value.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// Whether something was removed from it.
    pub(super) is_touched: bool,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// Elements, each with its index in the policy.
    List(Vec<(usize, Draft<'a>)>),
    /// Members.
    Map(Vec<(String, Draft<'a>)>),
    /// A value without parts.
    Scalar(&'a Node),
    /// JSON that stands for a value that was wrong.
    Substitute(String),
}

/// Where an error of core is.
#[derive(Debug)]
pub(super) struct Place {
    /// The path in the policy.
    pub(super) path: String,
    /// The same without indices: `apps[].rules[].paths`.
    pub(super) field: String,
    /// The positions on the way to the value in the draft.
    pub(super) steps: Vec<usize>,
    /// Whether the error is about a value that can't be wrong by itself any more.
    follows: bool,
}

// === impl Draft ===

impl<'a> Draft<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        let kind = match &node.value {
            Value::List(elements) => {
                let elements = elements.iter().map(Self::of).enumerate();
                Kind::List(elements.collect())
            }
            Value::Map(members) => {
                let members = members.iter();
                let members = members.map(|(name, node)| (name.text.clone(), Self::of(node)));
                Kind::Map(members.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Kind::Scalar(node)
            }
        };
        Self {
            is_touched: false,
            kind,
        }
    }

    /// A value that stands for a wrong one.
    pub(super) const fn substitute(json: String) -> Self {
        Self {
            is_touched: false,
            kind: Kind::Substitute(json),
        }
    }

    /// The place of a path of core, which counts the elements of the draft.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut place = Place {
            path: String::new(),
            field: String::new(),
            steps: Vec::new(),
            follows: false,
        };
        let mut draft = self;
        let mut rest = if path == "." { "" } else { path };
        loop {
            let (position, step, field, child, remaining) = match &draft.kind {
                Kind::Map(members) => {
                    let path = rest.strip_prefix('.').unwrap_or(rest);
                    let fitting = members
                        .iter()
                        .enumerate()
                        .filter_map(|(at, (name, child))| {
                            let rest = path.strip_prefix(&**name)?;
                            let is_whole = rest.is_empty() || rest.starts_with(['.', '[']);
                            is_whole.then_some((at, name, child, rest))
                        });
                    // Names may have dots and brackets, so the longest one fits.
                    let Some((at, name, child, rest)) = fitting.min_by_key(|found| found.3.len())
                    else {
                        break;
                    };
                    let dot = if place.path.is_empty() { "" } else { "." };
                    let step = format!("{dot}{name}");
                    (at, step.clone(), step, child, rest)
                }
                Kind::List(elements) => {
                    let Some((position, (index, child), remaining)) = (|| {
                        let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
                        let position: usize = index.parse().ok()?;
                        let (index, child) = elements.get(position)?;
                        Some((position, (index, child), rest))
                    })() else {
                        break;
                    };
                    (
                        position,
                        format!("[{index}]"),
                        "[]".to_owned(),
                        child,
                        remaining,
                    )
                }
                Kind::Scalar(_) | Kind::Substitute(_) => break,
            };
            place.path.push_str(&step);
            place.field.push_str(&field);
            place.steps.push(position);
            (draft, rest) = (child, remaining);
        }
        let is_substitute = matches!(draft.kind, Kind::Substitute(_));
        place.follows =
            is_substitute || draft.is_touched || place.field == "trust[]" && draft.is_changed();
        // What is missing has no value.
        if !rest.is_empty() && !is_substitute {
            place.path.push_str(rest);
            let rest = rest.split('[').next().unwrap_or_default();
            place.field.push_str(rest);
        }
        if place.path.is_empty() {
            place.path.push('.');
        }
        place
    }

    /// The value at these positions.
    pub(super) fn at(&self, steps: &[usize]) -> Option<&Self> {
        let mut draft = self;
        for step in steps {
            draft = match &draft.kind {
                Kind::List(elements) => &elements.get(*step)?.1,
                Kind::Map(members) => &members.get(*step)?.1,
                Kind::Scalar(_) | Kind::Substitute(_) => return None,
            };
        }
        Some(draft)
    }

    /// The same to change it.
    pub(super) fn at_mut(&mut self, steps: &[usize]) -> Option<&mut Self> {
        let mut draft = self;
        for step in steps {
            draft = match &mut draft.kind {
                Kind::List(elements) => &mut elements.get_mut(*step)?.1,
                Kind::Map(members) => &mut members.get_mut(*step)?.1,
                Kind::Scalar(_) | Kind::Substitute(_) => return None,
            };
        }
        Some(draft)
    }

    /// Removes the value at these positions from what has it.
    pub(super) fn remove(&mut self, steps: &[usize]) -> bool {
        let Some((last, parent)) = steps.split_last() else {
            return false;
        };
        let Some(parent) = self.at_mut(parent) else {
            return false;
        };
        parent.is_touched = true;
        match &mut parent.kind {
            Kind::List(elements) if *last < elements.len() => {
                elements.remove(*last);
                true
            }
            Kind::Map(members) if *last < members.len() => {
                members.remove(*last);
                true
            }
            _ => false,
        }
    }

    /// The member of this name.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(members) => {
                let member = members.iter().find(|(own, _)| own == name);
                member.map(|(_, draft)| draft)
            }
            Kind::List(_) | Kind::Scalar(_) | Kind::Substitute(_) => None,
        }
    }

    /// The text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(node) => node.as_text(),
            Kind::List(_) | Kind::Map(_) | Kind::Substitute(_) => None,
        }
    }

    /// Whether something in it was removed or replaced.
    fn is_changed(&self) -> bool {
        self.is_touched
            || match &self.kind {
                Kind::List(elements) => elements.iter().any(|(_, draft)| draft.is_changed()),
                Kind::Map(members) => members.iter().any(|(_, draft)| draft.is_changed()),
                Kind::Scalar(_) => false,
                Kind::Substitute(_) => true,
            }
    }
}

impl fmt::Display for Draft<'_> {
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Scalar(node) => write!(f, "{node}"),
            Kind::Substitute(json) => f.write_str(json),
            Kind::List(elements) => {
                f.write_str("[")?;
                let mut separator = "";
                for (_, element) in elements {
                    write!(f, "{separator}{element}")?;
                    separator = ",";
                }
                f.write_str("]")
            }
            Kind::Map(members) => {
                f.write_str("{")?;
                let mut separator = "";
                for (name, member) in members {
                    let name = serde_json::to_string(name).map_err(|_| fmt::Error)?;
                    write!(f, "{separator}{name}:{member}")?;
                    separator = ",";
                }
                f.write_str("}")
            }
        }
    }
}

// === impl Place ===

impl Place {
    /// Whether an error there could follow from what was removed. An unknown field and a value of a wrong type are
    /// what they are.
    pub(super) fn follows(&self, problem: &str) -> bool {
        self.follows && !problem.starts_with("unknown field")
    }
}
