use portcullis_core::json::Json;
use portcullis_core::keys::KeySet;

use super::*;
use crate::session::fixtures::{at, keys};

/// The keys of a file that was rotated at these seconds.
fn rotated(times: &[u64]) -> Keys {
    file::Document::rotated(times).keys().unwrap()
}

#[test]
fn c05_a_key_is_published_at_once_and_used_after_a_delay() {
    let keys = rotated(&[0, 1000]);
    let [newest, oldest] = [&keys.newest, &keys.older[0]];
    assert!(keys.jwks_json().contains(&newest.kid));
    assert!(keys.jwks_json().contains(&oldest.kid));
    assert_eq!(keys.current(at(1599)).kid, oldest.kid);
    assert_eq!(keys.current(at(1600)).kid, newest.kid);
    // The metric shows which key it is.
    assert_eq!(
        [
            keys.current_created_at(at(1599)),
            keys.current_created_at(at(1600))
        ],
        [at(0), at(1000)]
    );
    // With a slow clock no key is usable yet, and the oldest is used.
    assert_eq!(keys.current(Timestamp::default()).kid, oldest.kid);
}

#[test]
fn the_newest_usable_key_is_used() {
    let keys = rotated(&[0, 100, 200]);
    assert_eq!(keys.current(at(699)).kid, keys.older[1].kid);
    assert_eq!(keys.current(at(700)).kid, keys.older[0].kid);
    assert_eq!(keys.current(at(800)).kid, keys.newest.kid);
}

#[test]
fn the_key_set_has_thumbprints_as_key_ids() {
    let keys = rotated(&[0, 1000]);
    let body = keys.jwks_json();
    let set = KeySet::parse(body.as_bytes(), None).unwrap();
    let read: Vec<_> = set
        .keys()
        .iter()
        .map(|key| key.thumbprint().to_string())
        .collect();
    let named: Vec<_> = keys.all().map(|key| key.kid.clone()).collect();
    assert_eq!(read, named);
    let json = Json::parse(body.as_bytes()).unwrap();
    for key in json.member("keys").unwrap().as_array().unwrap() {
        assert_eq!(key.member("use").unwrap().as_str(), Some("sig"));
        assert_eq!(key.member("alg").unwrap().as_str(), Some("ES256"));
        assert!(key.member("d").is_none());
    }
}

#[test]
fn the_hash_is_hmac_sha256() {
    // RFC 4231 section 4.3 has a key of four bytes, which is padded with zeros to a block.
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let hash = keyed_hash(&SecretKey::from(key), b"what do ya want for nothing?");
    assert_eq!(hash[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
}

#[test]
fn handles_differ_by_user_and_provider() {
    let keys = keys().load_full();
    let handle = keys.handle("sso", "ada");
    assert_eq!(handle, keys.handle("sso", "ada"));
    // CVE-2023-35941: no byte moves from one field to the next.
    assert_ne!(handle, keys.handle("ss", "oada"));
    assert_ne!(handle, keys.handle("ssoa", "da"));
    assert_ne!(handle, keys.handle("sso", "bob"));
    assert_ne!(
        keys.handle("sid", "sso"),
        keys.provider_session_by_sid("sso", "")
    );
    assert_ne!(
        keys.provider_session_by_sid("sso", "x"),
        keys.logout_token("sso", "x")
    );
    assert_ne!(handle, Keys::fresh(at(0)).handle("sso", "ada"));
}

#[test]
fn the_handles_of_one_provider_begin_alike() {
    let keys = keys().load_full();
    let provider = keys.provider("sso");
    for sub in ["ada", "bob", ""] {
        assert_eq!(keys.handle("sso", sub).provider(), provider, "{sub}");
        assert_ne!(keys.handle("other", sub).provider(), provider, "{sub}");
    }
    assert_ne!(Keys::fresh(at(0)).provider("sso"), provider);
}

#[test]
fn debug_output_has_no_secret() {
    let keys = Keys::fresh(at(0));
    let shown = format!("{keys:?} {:?}", keys.newest.sealing);
    let secret = bytes::encode(keys.newest.signing.scalar());
    assert!(!shown.contains(&secret));
    assert!(shown.contains("SecretKey(…)"), "{shown}");
    assert!(shown.contains(&keys.newest.kid));
}
