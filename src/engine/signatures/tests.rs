use p256::ecdsa::signature::Verifier;

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
fn p256_signatures_become_the_der_of_another_implementation() {
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
fn p384_signatures_have_the_der_form_too() {
    let mut jose = [0; 96];
    jose[0] = 0x80;
    jose[95] = 1;
    let der = der::ecdsa_signature::<48>(&jose).unwrap();
    let expected = [&b"\x30\x36\x02\x31\x00\x80"[..], &[0; 47], b"\x02\x01\x01"].concat();
    assert_eq!(der, expected);
}

#[test]
fn zero_is_an_integer_too() {
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
fn rsa_signatures_stay_as_they_are() {
    let signature = HostAlgorithm::Rs256.signature(b"any").unwrap();
    assert_eq!(signature.as_ref(), b"any");
}

#[test]
fn the_sample_of_ecdsa_is_genuine() {
    let [sample, _] = SAMPLES;
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&sample.public_key[26..]).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(sample.signature).unwrap();
    assert!(key.verify(MESSAGE, &signature).is_ok());
}

#[test]
fn arguments_have_the_form_of_the_message() {
    assert_eq!(
        message::arguments("sha256", b"key", b"sig", b"text"),
        b"\x0a\x06sha256\x12\x03key\x1a\x03sig\x22\x04text"
    );
}

#[test]
fn only_a_plain_yes_is_a_yes() {
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
fn names_are_those_of_rfc_7518() {
    let names = [
        (HostAlgorithm::Es256, "ES256"),
        (HostAlgorithm::Es384, "ES384"),
        (HostAlgorithm::Rs256, "RS256"),
        (HostAlgorithm::Rs384, "RS384"),
        (HostAlgorithm::Rs512, "RS512"),
    ];
    for (algorithm, name) in names {
        assert_eq!(algorithm.name(), name);
    }
}

#[test]
fn a_host_that_accepts_or_refuses_everything_is_not_relied_on() {
    assert!(!is_reliable(|_, _, _, _| true));
    assert!(!is_reliable(|_, _, _, _| false));
    let genuine = |signature: &[u8]| SAMPLES.iter().any(|sample| sample.signature == signature);
    assert!(is_reliable(|_, _, _, signature| genuine(signature)));
}
