//! Keys that are in the key sets of two trust entries.

use std::collections::BTreeMap;

use portcullis_core::keys::{KeyRecord, KeySet, Keyring};
use portcullis_core::policy::Policy;

use super::check::{Check, CheckId, Checks};
use crate::clock::now;

/// Compares the key sets that were fetched, by the names of their trust entries.
pub(super) fn check(policy: &Policy, fetched: &BTreeMap<String, KeySet>) -> Vec<Check> {
    let checks = Checks::new("trust");
    if policy.trusts().len() < 2 {
        return checks.take();
    }
    if fetched.len() < 2 {
        let why = "fewer than two key sets could be read";
        checks.skipped(&[CheckId::SharedKeys], why);
        return checks.take();
    }
    let now = now();
    let mut keyring = Keyring::new(policy.key_sources(), now);
    for (source, trust) in policy.key_sources() {
        if let Some(set) = fetched.get(&trust.name) {
            keyring.update(source, KeyRecord::fetched_now(set.clone(), now));
        }
    }
    let duplicates = keyring.duplicate_keys();
    for duplicate in &duplicates {
        let text = duplicate.to_string();
        let (problem, help) = text.split_once("; help: ").unwrap_or((&text, ""));
        checks.error(CheckId::SharedKeys, problem, help);
    }
    if duplicates.is_empty() {
        let detail = format!(
            "no key is in two of the key sets that were read ({} of {})",
            fetched.len(),
            policy.trusts().len()
        );
        checks.ok(CheckId::SharedKeys, &detail);
    }
    checks.take()
}
