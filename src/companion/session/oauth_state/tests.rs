use super::*;
use crate::session::fixtures::{at, settings};

const RD: &str = "https://app.example.com/graph?g0=up#x";

fn return_to(rd: &str, is_repeated: bool) -> ReturnTo {
    ReturnTo {
        rd: rd.to_owned(),
        is_repeated,
    }
}

#[test]
fn r02_a_state_opens_as_it_was_sealed_and_reveals_nothing() {
    let (settings, keys) = (settings(), Keys::fresh(at(0)));
    for rd in ["", "https://app.example.com/", RD] {
        for is_repeated in [false, true] {
            let sealed = return_to(rd, is_repeated).seal(&settings, &keys, at(0));
            let opened = ReturnTo::open(&settings, &keys, &sealed);
            assert_eq!(opened, Some(return_to(rd, is_repeated)));
            assert!(!sealed.contains("example"), "{sealed}");
            // 128 bits take 22 characters of base64url.
            assert_eq!(sealed.find('.'), Some(22), "{sealed}");
            let again = return_to(rd, is_repeated).seal(&settings, &keys, at(0));
            assert_ne!(again[..22], sealed[..22]);
        }
    }
}

#[test]
fn r02_a_state_fits_into_the_query_of_an_authorization_request() {
    let rd = format!(
        "https://app.example.com/{}",
        "x".repeat(ReturnTo::MAX_RD - 24)
    );
    assert_eq!(rd.len(), ReturnTo::MAX_RD);
    let sealed = return_to(&rd, false).seal(&settings(), &Keys::fresh(at(0)), at(0));
    assert!(sealed.len() < 1_200, "{}", sealed.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    assert!(sealed.bytes().all(plain), "{sealed}");
}

#[test]
fn r02_a_changed_or_foreign_state_does_not_open() {
    let (settings, keys) = (settings(), Keys::fresh(at(0)));
    let one = return_to(RD, false).seal(&settings, &keys, at(0));
    let other = return_to("https://other.example.com/", true).seal(&settings, &keys, at(0));
    let foreign = return_to(RD, false).seal(&settings, &Keys::fresh(at(0)), at(0));
    let ((random, sealed), (other_random, _)) =
        (one.split_once('.').unwrap(), other.split_once('.').unwrap());
    let mut changed = one.clone();
    changed.pop();
    for state in [
        "",
        "abc",
        ".",
        "abc.def",
        random,
        &format!("{random}."),
        &format!("{other_random}.{sealed}"),
        &format!("{one}A"),
        &changed,
        &foreign,
        RD,
    ] {
        assert_eq!(ReturnTo::open(&settings, &keys, state), None, "{state}");
    }
}

#[test]
fn c05_no_other_sealed_value_opens_as_a_state() {
    let (settings, keys) = (settings(), Keys::fresh(at(0)));
    for purpose in [
        Purpose::Attempt,
        Purpose::CompletedSignIn,
        Purpose::Session,
        Purpose::Ticket,
    ] {
        let value = keys.seal(
            settings.binding(purpose, "abc"),
            b"1https://app.example.com/",
            at(0),
        );
        let state = format!("abc.{value}");
        assert_eq!(
            ReturnTo::open(&settings, &keys, &state),
            None,
            "{purpose:?}"
        );
    }
}
