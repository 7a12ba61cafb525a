//! Key sets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::keys::{KeySet, PureRust, Signatures as _, Thumbprint};
use portcullis_core::token::Algorithm;
use serde_json::Value;

const CONFIGURED: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Ps384, Algorithm::Es256];

/// Members of private and symmetric keys.
const PRIVATE: [&str; 8] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

fn check(body: &[u8], algorithms: Option<&[Algorithm]>) {
    let set = match KeySet::parse(body, algorithms) {
        Ok(set) => set,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!((1..=KeySet::MAX_KEYS).contains(&set.keys().len()));

    let json = set.to_json();
    let again = KeySet::parse(json.as_bytes(), algorithms).expect("a key set");
    assert_eq!(again, set);
    assert_eq!(again.to_json(), json, "written the same");
    assert!(again.skipped().is_empty());

    let listed: Value = serde_json::from_slice(body).expect("JSON");
    let listed = listed["keys"].as_array().expect("a list");
    assert!(set.keys().len() + set.skipped().len() <= listed.len());
    for skipped in set.skipped() {
        assert!(skipped.position < listed.len());
    }
    let written: Value = serde_json::from_str(&json).expect("JSON");
    for (key, written) in set
        .keys()
        .iter()
        .zip(written["keys"].as_array().expect("a list"))
    {
        assert!(algorithms.is_none_or(|all| all.contains(&key.algorithm())));
        assert_eq!(
            Thumbprint::parse(&key.thumbprint().to_string()),
            Some(key.thumbprint())
        );
        assert!(
            PRIVATE.iter().all(|name| written.get(name).is_none()),
            "a private key"
        );
        if let Some(kid) = key.kid() {
            assert!(set.with_kid(kid).any(|found| found == key));
        }
        // Every DER value has its own length after the tag.
        let der = key.spki_der();
        let (header, length) = match der[1] {
            short @ ..=0x7f => (2, usize::from(short)),
            0x81 => (3, usize::from(der[2])),
            0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
            other => panic!("a length of {other:#x}"),
        };
        assert_eq!((der[0], header + length), (0x30, der.len()));
        // Keys for which a signature can be made without the private key.
        for signature in [
            [0; 64].as_slice(),
            &[1; 64],
            &[0; 96],
            &[0; 256],
            &[0xff; 256],
        ] {
            assert!(!PureRust.verifies(key, b"message", signature), "a weak key");
        }
        let mut identity = [0; 64];
        identity[0] = 1;
        assert!(!PureRust.verifies(key, b"message", &identity), "a weak key");
    }
}

fuzz_target!(|data: &[u8]| {
    check(data, None);
    check(data, Some(&CONFIGURED));
});
