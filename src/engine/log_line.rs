//! Escapes lines for the proxy's log, which Envoy writes unchanged.

use std::borrow::Cow;
use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// The line without characters that a terminal or a log viewer may interpret: control characters
/// (also U+0085), line and paragraph separators, and invisible and bidirectional format characters.
///
/// An escape has JSON's form, such as `\u2028`, so that an audit record is still the same JSON.
#[must_use]
pub fn escape_line(line: &str) -> Cow<'_, str> {
    let is_plain = line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !line.contains(is_hidden) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len());
    for character in line.chars() {
        if is_hidden(character) {
            // All of them are in the basic multilingual plane. Writing to a String can't fail.
            let _written = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}
