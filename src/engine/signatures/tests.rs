use p256::ecdsa::signature::Verifier;
use portcullis_core::keys::Signatures;

use super::host_signatures::{is_reliable, verify};
use super::sample::{MESSAGE, SAMPLES};
use super::*;

/// Numbers at the edges of DER's integers, cut to their width.
fn edges<const N: usize>() -> Vec<[u8; N]> {
    let mut edges = vec![[0x7f; N], [0x80; N], [1; N]];
    for zeros in 0..N {
        for first in [0x01, 0x7f, 0x80, 0xfe] {
            let mut number = [0x55; N];
            number[..zeros].fill(0);
            number[zeros] = first;
            edges.push(number);
        }
    }
    edges
}

#[test]
fn p256_signatures_have_the_same_der_as_in_the_p256_crate() {
    for r in edges::<32>() {
        for s in edges::<32>() {
            let Ok(theirs) = p256::ecdsa::Signature::from_scalars(r, s) else {
                continue;
            };
            let ours = der::ecdsa_signature::<32>(&[r, s].concat()).unwrap();
            assert_eq!(ours, theirs.to_der().as_bytes());
        }
    }
}

#[test]
fn p384_signatures_are_converted_to_der() {
    let mut jose = [0; 96];
    jose[0] = 0x80;
    jose[95] = 1;
    let der = der::ecdsa_signature::<48>(&jose).unwrap();
    let expected = [&b"\x30\x36\x02\x31\x00\x80"[..], &[0; 47], b"\x02\x01\x01"].concat();
    assert_eq!(der, expected);
}

#[test]
fn zero_is_a_der_integer() {
    let der = der::ecdsa_signature::<32>(&[0; 64]).unwrap();
    assert_eq!(der, b"\x30\x06\x02\x01\x00\x02\x01\x00");
}

#[test]
fn signatures_of_a_wrong_length_are_none() {
    for length in (0..200).filter(|length| *length != 64) {
        assert_eq!(HostAlgorithm::Es256.signature(&vec![1; length]), None);
    }
    for length in (0..200).filter(|length| *length != 96) {
        assert_eq!(HostAlgorithm::Es384.signature(&vec![1; length]), None);
    }
}

#[test]
fn rsa_signatures_are_unchanged() {
    let signature = HostAlgorithm::Rs256.signature(b"any").unwrap();
    assert_eq!(signature.as_ref(), b"any");
}

#[test]
fn the_ecdsa_sample_is_valid() {
    let [sample, _] = SAMPLES;
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&sample.public_key[26..]).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(sample.signature).unwrap();
    assert!(key.verify(MESSAGE, &signature).is_ok());
}

#[test]
fn arguments_are_a_protobuf_message() {
    assert_eq!(
        message::arguments("sha256", b"key", b"sig", b"text"),
        b"\x0a\x06sha256\x12\x03key\x1a\x03sig\x22\x04text"
    );
}

#[test]
fn only_a_true_result_without_an_error_counts_as_verified() {
    assert!(message::is_verified(b"\x08\x01"));
    assert!(message::is_verified(b"\x08\x01\x12\x00"));
    for no in [
        &b""[..],
        b"\x08\x00",
        b"\x08\x02",
        b"\x08",
        b"\x08\x01\x12\x03bad",
        b"\x08\x01\x08\x00",
        b"\x08\x01\xff",
        b"\x12\x07invalid",
        b"\x10\x01",
    ] {
        assert!(!message::is_verified(no), "{no:?}");
    }
}

#[test]
fn algorithms_with_pkcs1_or_ecdsa_have_a_hash_of_their_size() {
    for algorithm in [
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
    ] {
        let name = format!("{algorithm:?}");
        let host = HostAlgorithm::of(algorithm).unwrap();
        assert_eq!(format!("{host:?}"), name);
        assert_eq!(host.hash(), format!("sha{}", &name[2..]));
    }
    for algorithm in [
        Algorithm::EdDsa,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ] {
        assert_eq!(HostAlgorithm::of(algorithm), None);
    }
}

#[test]
fn a_host_that_accepts_or_refuses_everything_is_not_used() {
    assert!(!is_reliable(|_, _, _, _| true));
    assert!(!is_reliable(|_, _, _, _| false));
    let genuine = |signature: &[u8]| SAMPLES.iter().any(|sample| sample.signature == signature);
    assert!(is_reliable(|_, _, _, signature| genuine(signature)));
}

#[test]
fn without_a_host_nothing_is_verified_or_detected() {
    let absent: fn(&[u8]) -> Option<Vec<u8>> = |_| None;
    assert!(!HostSignatures::detect(absent, || 0).uses_host());
    for sample in SAMPLES {
        let (key, signature) = (sample.public_key, sample.signature);
        assert!(!verify(absent, sample.algorithm, key, MESSAGE, signature));
    }
}

#[test]
fn a_host_that_verifies_is_used() {
    let host: fn(&[u8]) -> Option<Vec<u8>> = |arguments| {
        let valid = SAMPLES.iter().any(|sample| {
            let (key, signature) = (sample.public_key, sample.signature);
            sample
                .algorithm
                .arguments(key, MESSAGE, signature)
                .as_deref()
                == Some(arguments)
        });
        Some(if valid {
            b"\x08\x01".to_vec()
        } else {
            b"\x08\x00".to_vec()
        })
    };
    let signatures = HostSignatures::detect(host, || 5);
    assert!(signatures.uses_host());
    assert!(signatures.supports(Algorithm::Es384));
    assert_eq!(signatures.take_duration(), None);
}
