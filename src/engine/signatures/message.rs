//! The messages of `verify_signature`.
//!
//! ```protobuf
//! message VerifySignatureArguments {
//!   string hash_function = 1;  bytes public_key = 2;  bytes signature = 3;  bytes text = 4;
//! }
//! message VerifySignatureResult { bool result = 1;  string error = 2; }
//! ```

use crate::protobuf::{Content, Fields, put_bytes};

/// `VerifySignatureArguments`.
pub(super) fn arguments(hash: &str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    // Each of the four fields has a tag and a length of at most five bytes.
    let fields = [hash.as_bytes(), public_key, signature, text];
    let room = fields.map(|field| field.len().saturating_add(6));
    let mut message = Vec::with_capacity(room.into_iter().fold(0, usize::saturating_add));
    put_bytes(&mut message, 1, hash.as_bytes());
    put_bytes(&mut message, 2, public_key);
    put_bytes(&mut message, 3, signature);
    put_bytes(&mut message, 4, text);
    message
}

/// Whether a `VerifySignatureResult` reports a valid signature and nothing else.
#[must_use]
pub fn is_verified(result: &[u8]) -> bool {
    let mut verified = false;
    for field in Fields::new(result, 0) {
        match field.map(|field| (field.number, field.content)) {
            Ok((1, Content::Varint(1))) => verified = true,
            Ok((2, Content::Bytes(b""))) => {}
            _ => return false,
        }
    }
    verified
}
