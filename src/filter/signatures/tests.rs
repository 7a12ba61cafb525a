use super::*;

#[test]
fn without_a_host_nothing_is_verified_or_detected() {
    assert!(!detect());
    for sample in SAMPLES {
        let key = PublicKey(sample.public_key.into());
        let signature = Signature::try_from_slice(sample.signature).unwrap();
        assert!(!ByHost(sample.algorithm).verify_signature(&signature, &key, MESSAGE));
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
        assert_eq!(ByHost(algorithm).name(), name);
    }
}
