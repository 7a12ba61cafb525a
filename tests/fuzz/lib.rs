//! What the fuzz targets share: a policy, tokens and keys, and small parsers for their inputs.
//!
//! Inputs are text where possible, so that seeds are readable and libFuzzer's mutations stay close
//! to what a client would send.

pub mod http;
pub mod identity;
pub mod sample;
pub mod signing;
pub mod time;

/// The parts of an input: the lines, without their line feeds.
pub fn lines(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == b'\n')
}

/// The text of an input, or `None` if it is not UTF-8.
#[must_use]
pub fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Percent-decodes once. A `%` without two hexadecimal digits stays.
#[must_use]
pub fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = (digit(text.get(at + 1)), digit(text.get(at + 2)));
        match digits {
            (Some(high), Some(low)) if *byte == b'%' => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Whether a segment of a path is `.` or `..` to some server: with spaces and controls around it, or
/// written with other characters that are normalized to dots (UAX 15, compatibility decomposition).
#[must_use]
pub fn is_dot_segment(segment: &[u8]) -> bool {
    let text = String::from_utf8_lossy(segment);
    let dots = text
        .trim_matches(|letter: char| letter.is_whitespace() || letter.is_control())
        .replace(['\u{2024}', '\u{ff0e}', '\u{fe52}'], ".")
        .replace('\u{2025}', "..");
    dots == "." || dots == ".."
}
