//! The path of a request. A path that a proxy and an app could read differently is refused.

use std::borrow::Cow;

use super::Ambiguity;
use crate::escape;

#[cfg(test)]
mod tests;

/// What stands for an encoded separator in a decoded path, in which no control character can be.
const SEPARATOR: char = '\0';

/// The maximum number of segments. A longer path would cost time for each pattern of each rule, before any
/// credential is checked.
const MAX_SEGMENTS: usize = 256;

/// The path of a request target, without its query, if it is unambiguous.
pub fn path(target: &[u8]) -> Result<&str, Ambiguity> {
    match lenient_path(target)? {
        (path, false) => Ok(path),
        (_, true) => Err(Ambiguity::PathEncoding),
    }
}

/// The same, and whether the path contains an encoded separator: a slash, a backslash, `;`, `?` or `#`. Such a
/// path is ambiguous unless the app is known to read it literally.
pub fn lenient_path(target: &[u8]) -> Result<(&str, bool), Ambiguity> {
    if target
        .iter()
        .any(|byte| *byte == b'#' || *byte <= b' ' || *byte == 0x7f)
    {
        return Err(Ambiguity::PathByte);
    }
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    if path.first() != Some(&b'/') {
        return Err(Ambiguity::NoPath);
    }
    let path = std::str::from_utf8(path)
        .ok()
        .filter(|path| path.is_ascii());
    let path = path.ok_or(Ambiguity::PathByte)?;
    if path.contains(['\\', ';']) {
        return Err(Ambiguity::PathSeparator);
    }
    let decoded = decode(path).ok_or(Ambiguity::PathEncoding)?;
    if decoded.split('/').skip(1).nth(MAX_SEGMENTS).is_some() {
        return Err(Ambiguity::PathDepth);
    }
    let mut segments = decoded.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        // A server that decodes first sees more segments, or a path that ends earlier.
        let has_dots = segment.split(SEPARATOR).any(is_dot_segment);
        if has_dots || (segment.is_empty() && !last) {
            return Err(Ambiguity::PathSegment);
        }
    }
    Ok((path, decoded.contains(SEPARATOR)))
}

/// The path, percent-decoded once, with [`SEPARATOR`] for each encoded separator. `None` if an encoding is
/// invalid, if it encodes another character with a meaning in paths (a dot, a look-alike of a slash, a control
/// character, a line separator, another encoding), or if the bytes are not UTF-8.
fn decode(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            decoded.push(*first);
            continue;
        }
        let (byte, after) = triplet(after)?;
        match byte {
            b'.' | 0..b' ' | 0x7f => return None,
            b'/' | b'\\' | b';' | b'?' | b'#' => decoded.push(SEPARATOR as u8),
            _ => decoded.push(byte),
        }
        rest = after;
    }
    // A percent sign that is left was encoded itself. Where digits follow it, encoded or not, a
    // server that decodes twice reads another path.
    let twice = |three: &[u8]| {
        three
            .strip_prefix(b"%")
            .is_some_and(|two| triplet(two).is_some())
    };
    if decoded.windows(3).any(twice) {
        return None;
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let is_refused = |one: char| {
        (one.is_control() && one != SEPARATOR)
            || matches!(one, '\u{2028}' | '\u{2029}')
            || is_look_alike_of_slash(one)
    };
    (!decoded.chars().any(is_refused)).then_some(Cow::Owned(decoded))
}

/// The byte that two hexadecimal digits encode, and the rest after them.
fn triplet(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let digits = digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(digits)?;
    Some((u8::from_str_radix(digits, 16).ok()?, after))
}

/// Whether a server may read a character as a slash or a backslash: those that normalize Unicode (NFKC)
/// or convert it to a code page ("best fit") do.
const fn is_look_alike_of_slash(one: char) -> bool {
    matches!(
        one,
        '\u{2044}' // fraction slash
            | '\u{2215}' // division slash
            | '\u{2216}' // set minus
            | '\u{29f5}' // reverse solidus operator
            | '\u{29f8}' // big solidus
            | '\u{29f9}' // big reverse solidus
            | '\u{fe68}' // small reverse solidus
            | '\u{ff0f}' // fullwidth solidus
            | '\u{ff3c}' // fullwidth reverse solidus
    )
}

/// Whether a server may read a segment as `.` or `..`, or as an empty one, because it trims blanks or
/// normalizes look-alikes of a dot. Three or more plain dots are a name.
fn is_dot_segment(segment: &str) -> bool {
    let is_plain = segment.bytes().all(|byte| byte == b'.');
    let reads_as_dots = segment.chars().all(|one| is_dot(one) || is_blank(one));
    !segment.is_empty() && reads_as_dots && (!is_plain || segment.len() <= 2)
}

/// A dot, or what Unicode normalization (NFKC), IDNA or the eye takes for one or several.
const fn is_dot(one: char) -> bool {
    matches!(
        one,
        '.' | '\u{0701}' // Syriac supralinear full stop
            | '\u{0702}' // Syriac sublinear full stop
            | '\u{2024}'
            ..='\u{2026}' // leaders of one and two dots, ellipsis
            | '\u{3002}' // ideographic full stop
            | '\u{a4f8}' // Lisu letter tone mya ti
            | '\u{a60e}' // Vai full stop
            | '\u{fe12}' // presentation form of the ideographic full stop
            | '\u{fe19}' // presentation form of the ellipsis
            | '\u{fe30}' // presentation form of the leader of two dots
            | '\u{fe52}' // small full stop
            | '\u{ff0e}' // fullwidth full stop
            | '\u{ff61}' // halfwidth ideographic full stop
    )
}

/// A character that a server may trim or ignore: white space, or one that is not visible.
fn is_blank(one: char) -> bool {
    one.is_whitespace() || escape::is_hidden(one)
}
