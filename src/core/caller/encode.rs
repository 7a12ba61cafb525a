//! The encoder for header values.

use std::fmt::Write as _;

/// A text as visible ASCII: other bytes, spaces and the bytes in `also` are percent-encoded.
pub(super) fn visible(text: &str, also: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !also.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
