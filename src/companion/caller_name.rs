//! The names of callers, as `x-portcullis-caller` and audit records have them.

/// The subject in a name, as tokens have it: names have some of its bytes percent-encoded (RFC 3986 section 2.1).
/// `None` for an incomplete encoding, and for one of what is not UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
