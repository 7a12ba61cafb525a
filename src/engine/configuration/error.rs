//! The errors of a configuration before it is parsed as a policy.

use std::fmt;

use super::MAX_BYTES;
use super::structure::MAX_DEPTH;
use crate::protobuf::{Malformed, Reason};

/// Why a configuration could not be read: where, what, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    problem: Problem,
    /// The offset in the bytes.
    offset: usize,
    /// The path in the document, as far as it was parsed: `apps[0].rules`.
    path: String,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    DuplicateKey(String),
    Empty,
    NeitherForm(u8),
    NotAStructure(&'static str),
    NotExact,
    NotFinite,
    NotUtf8,
    TooDeep,
    TooLarge(usize),
    Wire(Reason),
}

impl ConfigurationError {
    pub(super) fn new(problem: Problem, offset: usize) -> Self {
        Self {
            problem,
            offset,
            path: String::new(),
        }
    }

    /// The same error with `key` at the start of its path.
    pub(super) fn under_key(mut self, key: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{key}{separator}{}", self.path);
        self
    }

    /// The same error with `index` at the start of its path.
    pub(super) fn at_index(mut self, index: usize) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("[{index}]{separator}{}", self.path);
        self
    }
}

impl From<Malformed> for ConfigurationError {
    fn from(malformed: Malformed) -> Self {
        Self::new(Problem::Wire(malformed.reason), malformed.offset)
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORMS: &str = "write the policy as YAML under a google.protobuf.Struct, or in a \
                             StringValue as the JSON that `portcullis check --json FILE` prints";

        if !self.path.is_empty() {
            write!(formatter, "{}, ", self.path)?;
        }
        if self.problem != Problem::Empty {
            write!(formatter, "byte {}: ", self.offset)?;
        }
        match &self.problem {
            Problem::DuplicateKey(key) => {
                write!(
                    formatter,
                    "duplicate key {key:?}; help: keep one of the two"
                )
            }
            Problem::Empty => write!(
                formatter,
                "the configuration is missing or empty; help: {FORMS}"
            ),
            Problem::NeitherForm(first) => write!(
                formatter,
                "the configuration starts with {:?}, so it is neither JSON nor a Struct; help: {FORMS}",
                char::from(*first)
            ),
            Problem::NotAStructure(why) => {
                write!(
                    formatter,
                    "not a google.protobuf.Struct: {why}; help: {FORMS}"
                )
            }
            Problem::NotExact => formatter.write_str(
                "the number is too large to be exact in a google.protobuf.Struct; help: write the policy \
                 as JSON in a google.protobuf.StringValue",
            ),
            Problem::NotFinite => formatter
                .write_str("the number is not finite; help: write a finite number or a string"),
            Problem::NotUtf8 => formatter.write_str("not UTF-8; help: save the policy as UTF-8"),
            Problem::TooDeep => write!(
                formatter,
                "nested deeper than {MAX_DEPTH} levels; help: remove the inner levels; no policy needs that many"
            ),
            Problem::TooLarge(size) => write!(
                formatter,
                "the configuration has {size} bytes, more than {MAX_BYTES}; help: fetch key sets instead of \
                 inlining them, or give each gateway only the apps that it serves"
            ),
            Problem::Wire(reason) => {
                write!(
                    formatter,
                    "not a google.protobuf.Struct: {reason}; help: {FORMS}"
                )
            }
        }
    }
}

impl std::error::Error for ConfigurationError {}
