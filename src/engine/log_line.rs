//! Escapes lines for the proxy's log, which Envoy writes unchanged.

use std::borrow::Cow;

use portcullis_core::escape;

#[cfg(test)]
mod tests;

/// The line without characters that a terminal or a log viewer may interpret: control characters
/// (also U+0085), line and paragraph separators, and invisible and bidirectional format characters.
///
/// An escape has JSON's form, such as `\u2028`, so that an audit record is still the same JSON.
#[must_use]
pub fn escape_line(line: &str) -> Cow<'_, str> {
    escape::json(line)
}
