//! Converts the plugin configuration of a proxy into the policy's JSON.
//!
//! Envoy unwraps a `StringValue` or a `BytesValue`, which contain JSON. A `google.protobuf.Struct`,
//! the form of YAML in envoy.yaml, arrives in protobuf wire format (contrary to its documentation),
//! with map entries in any order. Both become JSON text for the policy parser.

mod error;
mod structure;

use portcullis_core::policy::Policy;

pub use self::error::ConfigurationError;
use self::error::Problem;

/// The maximum size of a configuration in bytes: enough for a policy of tens of thousands of rules.
pub const MAX_BYTES: usize = 16 << 20;

/// The policy of a configuration.
///
/// # Errors
/// A message that says where the problem is and how to fix it.
pub fn policy(bytes: &[u8]) -> Result<Policy, String> {
    let text = read(bytes).map_err(|error| error.to_string())?;
    Policy::from_json(&text).map_err(|error| error.to_string())
}

/// The JSON text of a configuration.
///
/// A Struct is converted with its keys in alphabetical order, so that the same policy always gives
/// the same text, and with whole numbers as integers, because a Struct has only doubles.
///
/// # Errors
/// [`ConfigurationError`] says where the problem is and how to fix it. An empty configuration is an
/// error too: the proxy must not start without a policy.
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

/// Whether these bytes are a Struct in wire format.
///
/// The tag of a Struct's first entry is 0x0a, which is white space in JSON, and the length of that
/// entry may be 0x7b, which is `{`. The tag of an entry's value, 0x12, distinguishes the two: every
/// Struct has it, and JSON text can't contain that control character.
fn is_structure(bytes: &[u8]) -> bool {
    bytes.first() == Some(&structure::ENTRY_TAG) && bytes.contains(&structure::VALUE_TAG)
}

#[cfg(test)]
mod tests;
