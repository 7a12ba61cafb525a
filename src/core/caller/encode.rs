//! The encoder for header values.

use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// A text as visible ASCII: other bytes, spaces and the bytes in `also` are percent-encoded.
pub(super) fn visible(text: &str, also: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte, also) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Whether [`visible`] can return this text.
pub(super) fn is_visible(text: &str, also: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_encoded = match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => !is_plain((high << 4) | low, also),
                _ => false,
            },
            _ => is_plain(byte, also),
        };
        if !is_encoded {
            return false;
        }
    }
    true
}

/// Whether a byte is not encoded.
fn is_plain(byte: u8, also: &str) -> bool {
    byte.is_ascii_graphic() && !also.as_bytes().contains(&byte)
}

/// The value of a hexadecimal digit in upper case.
fn digit(byte: Option<u8>) -> Option<u8> {
    let byte = byte.filter(|byte| !byte.is_ascii_lowercase())?;
    char::from(byte).to_digit(16)?.try_into().ok()
}
