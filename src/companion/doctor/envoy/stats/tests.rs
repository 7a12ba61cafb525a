use std::time::Duration;

use serde_json::json;

use super::super::super::check::{Checks, Status};
use super::{Stats, keys};
use crate::clock::now;

#[test]
fn the_age_of_keys_is_compared_with_the_policy() {
    let status_at = |age: u64| {
        let read_at = now().secs() - age;
        let name = "wasmcustom.portcullis_key_read_timestamp_seconds.trust.blue";
        let found = json!({"stats": [{"name": name, "value": read_at}]});
        let checks = Checks::new("envoy");
        let intervals = (Duration::from_secs(300), Duration::from_secs(86_400));
        keys(&checks, &Stats(&found), "blue", intervals);
        checks.take()[0].status
    };
    assert_eq!(status_at(0), Status::Ok);
    assert_eq!(status_at(890), Status::Ok);
    assert_eq!(status_at(910), Status::Warning);
    assert_eq!(status_at(86_390), Status::Warning);
    assert_eq!(status_at(86_410), Status::Error);
}

#[test]
fn a_metric_is_found_by_its_whole_name() {
    let found = json!({"stats": [
        {"name": "wasmcustom.other_portcullis_policy_digest", "value": 1},
        {"name": "wasmcustom.portcullis_policy_digest", "value": 2},
    ]});
    assert_eq!(Stats(&found).value("portcullis_policy_digest"), Some(2));
    assert_eq!(Stats(&found).value("policy_digest"), None);
}
