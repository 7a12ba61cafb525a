//! Escapes texts for log lines and audit records, so that nothing of a client or an issuer can end the
//! line, hide a part of it, or control a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::bytes::is_printable;

#[cfg(test)]
mod tests;

/// Whether a terminal or a log viewer may interpret a character instead of showing it: control
/// characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, and characters
/// without a glyph.
pub fn is_hidden(one: char) -> bool {
    one.is_control()
        || matches!(
            one,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A text for a log line: hidden characters are written as `\u{2028}`.
pub fn line(text: &str) -> Cow<'_, str> {
    replaced(text, |one, escaped| escaped.extend(one.escape_unicode()))
}

/// A JSON document for a log line, with the same value. Hidden characters are escaped as RFC 8259
/// section 7 says: outside of strings a document on one line has none.
pub fn json(document: &str) -> Cow<'_, str> {
    replaced(document, |one, escaped| {
        for unit in one.encode_utf16(&mut [0; 2]) {
            // Writing into a String can't fail.
            let _infallible = write!(escaped, "\\u{unit:04x}");
        }
    })
}

/// The text with every hidden character replaced.
fn replaced(text: &str, replace: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if is_printable(text.as_bytes()) || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        if is_hidden(one) {
            replace(one, &mut escaped);
        } else {
            escaped.push(one);
        }
    }
    Cow::Owned(escaped)
}
