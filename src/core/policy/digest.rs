//! The digest of a policy: it shows whether two proxies, or a proxy and the companion, have the same one.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::json::{FIRST_INEXACT_INTEGER, Json, quoted};

#[cfg(test)]
mod tests;

/// The name of a cluster of Envoy, which differs between meshes that have the same policy.
const ENVOY_CLUSTER: &str = "envoy_cluster";

/// The SHA-256 of a policy's canonical JSON: without white space, with the members of each object in the
/// order of their names' bytes, whole numbers as integers, and without members named `envoy_cluster`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PolicyDigest([u8; 32]);

impl PolicyDigest {
    /// The digest of a document.
    pub(super) fn of(document: &Json) -> Self {
        let mut hash = Sha256::new();
        write(document, &mut hash);
        Self(hash.finalize().into())
    }

    /// The first 48 bits, the value of the gauge `portcullis_policy_digest`: a double, which metrics are,
    /// holds them exactly.
    pub fn gauge(&self) -> u64 {
        let bytes = self.0.iter().take(6);
        bytes.fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for PolicyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Adds a value in its canonical form.
fn write(value: &Json, hash: &mut Sha256) {
    match value {
        Json::Null => hash.update("null"),
        Json::Bool(true) => hash.update("true"),
        Json::Bool(false) => hash.update("false"),
        Json::Number(number) => hash.update(canonical_number(number)),
        Json::String(text) => write_text(text, hash),
        Json::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                hash.update(if index == 0 { "[" } else { "," });
                write(element, hash);
            }
            hash.update(if elements.is_empty() { "[]" } else { "]" });
        }
        Json::Object(members) => {
            // A map of other types would add its code to the filter's module.
            let mut order: BTreeMap<String, usize> = BTreeMap::new();
            for (index, (name, _)) in members.iter().enumerate() {
                if name != ENVOY_CLUSTER {
                    order.insert(name.clone(), index);
                }
            }
            let mut before = "{";
            for (name, index) in &order {
                hash.update(before);
                before = ",";
                write_text(name, hash);
                hash.update(":");
                if let Some((_, member)) = members.get(*index) {
                    write(member, hash);
                }
            }
            hash.update(if order.is_empty() { "{}" } else { "}" });
        }
    }
}

/// Some tools write `16384.0` for `16384`, and protobuf has doubles only.
fn canonical_number(number: &serde_json::Number) -> String {
    let whole = number
        .as_f64()
        .filter(|_| number.is_f64())
        .filter(|number| number.trunc() == *number && number.abs() < FIRST_INEXACT_INTEGER);
    match whole {
        Some(whole) => (whole as i64).to_string(),
        None => number.to_string(),
    }
}

fn write_text(text: &str, hash: &mut Sha256) {
    hash.update(quoted(text));
}
