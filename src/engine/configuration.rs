//! The policy's JSON out of what a proxy hands over as configuration.
//!
//! Envoy unwraps a `StringValue` or a `BytesValue`, which hold JSON. A `google.protobuf.Struct`, the
//! form of YAML in envoy.yaml, comes as protobuf wire bytes, whatever its documentation says, with
//! map entries in no fixed order. Both become JSON text for the one parser.

mod error;
mod structure;

pub use self::error::ConfigurationError;
use self::error::Problem;

/// The most that a configuration may weigh, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The JSON text of a configuration.
///
/// A Struct comes out with its keys in alphabetical order, so that the same policy is always the
/// same text, and with whole numbers written as integers: a Struct only has doubles.
///
/// # Errors
/// [`ConfigurationError`] names the place and how to fix it. No configuration at all is an error too: a
/// proxy without a policy does not start.
pub fn read(bytes: &[u8]) -> Result<String, ConfigurationError> {
    if bytes.len() > MAX_BYTES {
        return Err(ConfigurationError::new(
            Problem::TooLarge(bytes.len()),
            MAX_BYTES,
        ));
    }
    let text = bytes.trim_ascii_start();
    let begin = bytes.len().saturating_sub(text.len());
    match text.first() {
        _ if is_structure(bytes) => structure::to_json(bytes),
        None => Err(ConfigurationError::new(Problem::Empty, 0)),
        Some(b'{') => String::from_utf8(bytes.to_vec()).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            ConfigurationError::new(Problem::NotUtf8, place)
        }),
        Some(&first) => Err(ConfigurationError::new(Problem::NeitherForm(first), begin)),
    }
}

/// Whether these are the wire bytes of a Struct.
///
/// The tag of a Struct's first entry is 0x0a, which is white space in JSON, and the length of that
/// entry may be 0x7b, which is `{`. What tells the two apart for certain is the tag of an entry's
/// value, 0x12: every Struct has it, and JSON text can't hold that control character.
fn is_structure(bytes: &[u8]) -> bool {
    bytes.first() == Some(&structure::ENTRY_TAG) && bytes.contains(&structure::VALUE_TAG)
}

#[cfg(test)]
mod tests;
