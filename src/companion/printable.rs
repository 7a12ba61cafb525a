//! Text that a terminal, an editor or a log viewer shows as it is.
//!
//! Messages quote names of files, values of settings, and requests. A line break in them would begin
//! another line, and a bidirectional control would reorder the text.

use std::borrow::Cow;
use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// Whether a character is not shown as it is: controls (C0, DEL and C1), line and paragraph separators,
/// bidirectional controls (Unicode Technical Report 36), and others without a width.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with unprintable characters as `\u` and UTF-16 code units, which inside a JSON string means
/// the same text.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut output = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unprintable(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Into a string this can't fail.
                let _ = write!(output, "\\u{unit:04x}");
            }
        } else {
            output.push(c);
        }
    }
    Cow::Owned(output)
}
