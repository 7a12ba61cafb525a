use portcullis_engine::signatures::{MESSAGE, SAMPLES};

use super::*;

#[test]
fn without_a_host_nothing_is_verified_or_detected() {
    assert!(!Checker::detect().uses_host());
    for sample in SAMPLES {
        let (key, signature) = (sample.public_key, sample.signature);
        assert!(!verify(sample.algorithm, key, MESSAGE, signature));
    }
}
