//! The version of the format of files in JSON, which is the member `version` in all of them.

use serde::Deserialize;

/// The member that all versions have.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Checks that a file has this version, if it has one. It is checked before the rest, because of a newer format other
/// members may be unknown too.
///
/// # Errors
/// What is wrong, for a message.
pub(super) fn expect(version: u32, text: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Versioned>(text) {
        Ok(found) if found.version != version => Err(format!(
            "unknown version {}: another release has written it",
            found.version
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}
