//! Files with policies as people write them: manifests of Kubernetes, Helm values, configurations of Envoy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing::{check_manifest, is_policy};

fuzz_target!(|data: &[u8]| {
    let (valid, errors) = check_manifest(data.to_vec());
    for policy in &valid {
        assert!(is_policy(policy), "the filter refuses {policy}");
    }
    for error in &errors {
        assert!(
            error.contains("manifest.yaml") && error.contains("help:"),
            "{error}"
        );
    }
    let again = check_manifest(data.to_vec());
    assert_eq!((valid, errors), again, "read differently the second time");
});
