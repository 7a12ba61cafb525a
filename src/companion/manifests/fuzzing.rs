//! What the fuzz target calls: one file, with everything that `check` does with it.

use portcullis_core::policy::Policy;

use super::Found;
use super::files::File;

/// Reads a file with any documents and validates the policies in it.
///
/// Returns the JSON of the policies that are valid, and the errors as `check` prints them.
pub fn check(bytes: Vec<u8>) -> (Vec<String>, Vec<String>) {
    let mut found = Found::default();
    found.add_file(File::of("manifest.yaml", bytes), true);
    let mut valid = Vec::new();
    let mut errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    for policy in &found.policies {
        match policy.validate() {
            Ok(validated) => {
                // They must be readable too.
                for warning in found.warnings_of(policy, &validated) {
                    let _ = warning.to_string();
                }
                valid.push(policy.json());
            }
            Err(reports) => errors.extend(reports.iter().map(ToString::to_string)),
        }
    }
    (valid, errors)
}

/// Whether the filter accepts this policy.
pub fn is_accepted(json: &str) -> bool {
    Policy::from_json(json).is_ok()
}
