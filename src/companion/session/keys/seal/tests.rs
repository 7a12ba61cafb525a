use super::*;
use crate::session::fixtures::{URL, at};
use crate::session::keys::file::Document;

const NAME: &str = "__Secure-portcullis-session";

fn binding() -> Binding<'static> {
    Binding {
        purpose: Purpose::Session,
        name: NAME,
        url: URL,
    }
}

#[test]
fn c05_what_is_sealed_opens_again() {
    let keys = Keys::fresh(at(0));
    for content in [&b""[..], b"a session", &[0xff; 5000]] {
        let sealed = keys.seal(binding(), content, at(0));
        assert_eq!(keys.open(binding(), &sealed).unwrap().as_slice(), content);
    }
}

#[test]
fn c05_a_value_opens_only_for_its_purpose() {
    let keys = Keys::fresh(at(0));
    let sealed = keys.seal(binding(), b"a session", at(0));
    let wrong = [
        Binding {
            purpose: Purpose::Attempt,
            ..binding()
        },
        Binding {
            purpose: Purpose::Ticket,
            ..binding()
        },
        Binding {
            purpose: Purpose::CompletedSignIn,
            ..binding()
        },
        Binding {
            name: "__Secure-portcullis",
            ..binding()
        },
        Binding {
            url: "https://auth.example.net",
            ..binding()
        },
    ];
    for wrong in wrong {
        assert!(keys.open(wrong, &sealed).is_none(), "{wrong:?}");
    }
    assert!(Keys::fresh(at(0)).open(binding(), &sealed).is_none());
}

#[test]
fn cve_2023_35941_no_byte_moves_from_one_field_to_the_next() {
    let keys = Keys::fresh(at(0));
    let one = Binding {
        name: "name-x",
        url: "y",
        ..binding()
    };
    let other = Binding {
        name: "name-",
        url: "xy",
        ..binding()
    };
    let sealed = keys.seal(one, b"a session", at(0));
    assert!(keys.open(one, &sealed).is_some());
    assert!(keys.open(other, &sealed).is_none());
    assert_ne!(bytes::fields(&[b"ab", b"c"]), bytes::fields(&[b"a", b"bc"]));
    assert_ne!(bytes::fields(&[b"a", b""]), bytes::fields(&[b"a"]));
    assert_ne!(bytes::fields(&[b""]), bytes::fields(&[]));
}

#[test]
fn cve_2026_47775_every_altered_value_fails_alike() {
    let keys = Keys::fresh(at(0));
    let sealed = keys.seal(binding(), b"a session", at(0));
    let bytes = bytes::decode(&sealed).unwrap();
    // Every bit: version, key id, nonce, ciphertext, tag.
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(
            keys.open(binding(), &bytes::encode(&altered)).is_none(),
            "{bit}"
        );
    }
    for length in 0..bytes.len() {
        assert!(
            keys.open(binding(), &bytes::encode(&bytes[..length]))
                .is_none(),
            "{length}"
        );
    }
    let other_encodings = [
        format!("{sealed}="),
        format!(" {sealed}"),
        format!("{sealed}A"),
        sealed.replace('_', "/") + "!",
    ];
    for text in other_encodings {
        assert!(keys.open(binding(), &text).is_none(), "{text}");
    }
}

#[test]
fn c05_sealed_values_survive_key_rotation() {
    let mut document = Document::rotated(&[0]);
    let sealed = document
        .keys()
        .unwrap()
        .seal(binding(), b"a session", at(0));
    for time in 1..8 {
        document.rotate(at(time * 1000));
        let keys = document.keys().unwrap();
        assert!(keys.open(binding(), &sealed).is_some(), "{time}");
    }
    document.rotate(at(8000));
    assert!(document.keys().unwrap().open(binding(), &sealed).is_none());
}

#[test]
fn c05_replicas_that_reload_at_different_times_agree() {
    let mut document = Document::rotated(&[0]);
    let slow = document.keys().unwrap();
    document.rotate(at(1000));
    let quick = document.keys().unwrap();
    // Until the new key is used, a replica with the old file opens what the other seals.
    let sealed = quick.seal(binding(), b"a session", at(1599));
    assert!(slow.open(binding(), &sealed).is_some());
    assert!(
        quick
            .open(binding(), &slow.seal(binding(), b"a session", at(1599)))
            .is_some()
    );
    let sealed = quick.seal(binding(), b"a session", at(1600));
    assert!(slow.open(binding(), &sealed).is_none());
}

#[test]
fn sealing_twice_gives_different_values() {
    let keys = Keys::fresh(at(0));
    let one = keys.seal(binding(), b"a session", at(0));
    assert_ne!(one, keys.seal(binding(), b"a session", at(0)));
}
