use serde::de::IgnoredAny;

use super::*;
use crate::session::fixtures::{Browser, URL, at, cookies, settings};
use crate::session::keys::Binding;

const RD: &str = "https://app.example.com/graph?g0=up";

struct Fixture {
    settings: SessionSettings,
    keys: Keys,
    browser: Browser,
}

impl Fixture {
    fn new() -> Self {
        Self {
            settings: settings(),
            keys: Keys::fresh(at(0)),
            browser: Browser::default(),
        }
    }

    fn with<T>(&self, now: Timestamp, act: impl FnOnce(SignInAttempts<'_>) -> T) -> T {
        let header = self.browser.header();
        act(SignInAttempts {
            settings: &self.settings,
            keys: &self.keys,
            cookies: &cookies(&header),
            now,
        })
    }

    fn begin(&mut self, id: &str, rd: &str, now: Timestamp) {
        let lines = self.with(now, |attempts| attempts.begin(id, rd, &("attempt", id)));
        self.browser.store(&lines);
    }

    fn delete(&mut self, id: &str) {
        let header = self.browser.header();
        let lines = SignInAttempts::delete(&self.settings, &cookies(&header), id);
        self.browser.store(&lines);
    }

    fn find(&self, id: &str, now: Timestamp) -> Option<SignInAttempt<(String, String)>> {
        self.with(now, |attempts| attempts.find(id))
    }
}

#[test]
fn r02_an_attempt_is_found_by_its_id_in_its_browser() {
    let mut fixture = Fixture::new();
    fixture.begin("one", RD, at(0));
    let attempt = fixture.find("one", at(0)).unwrap();
    assert_eq!(attempt.rd, RD);
    assert_eq!(attempt.data, ("attempt".to_owned(), "one".to_owned()));
    assert_eq!(fixture.find("two", at(0)), None);
    fixture.browser = Browser::default();
    assert_eq!(fixture.find("one", at(0)), None);
}

#[test]
fn r02_a_sign_in_takes_ten_minutes_at_most() {
    let mut fixture = Fixture::new();
    fixture.begin("one", RD, at(0));
    assert!(fixture.find("one", at(599)).is_some());
    assert!(fixture.find("one", at(600)).is_none());
    // A clock that is ahead by more than the skew.
    fixture.begin("one", RD, at(1061));
    assert!(fixture.find("one", at(1000)).is_none());
    assert!(fixture.find("one", at(1001)).is_some());
}

#[test]
fn c05_the_cookie_of_an_attempt_opens_under_no_other_name() {
    let mut fixture = Fixture::new();
    fixture.begin("one", RD, at(0));
    let names = fixture.settings.names.clone();
    let value = fixture
        .browser
        .value(&names.login("one"))
        .unwrap()
        .to_owned();
    fixture.browser.add(&names.login("two"), &value);
    assert_eq!(fixture.find("two", at(0)), None);
    fixture.browser.add(&names.login(COMPLETED), &value);
    assert!(!fixture.with(at(0), |attempts| attempts.is_loop(RD)));
}

#[test]
fn eight_attempts_are_kept_and_older_ones_deleted() {
    let mut fixture = Fixture::new();
    for number in 0..8 {
        fixture.begin(&format!("tab-{number}"), RD, at(number));
    }
    assert_eq!(fixture.browser.names().len(), 8);
    fixture.begin("tab-8", RD, at(8));
    assert_eq!(fixture.browser.names().len(), 8);
    assert!(fixture.find("tab-0", at(8)).is_none());
    assert!(fixture.find("tab-1", at(8)).is_some());
    assert!(fixture.find("tab-8", at(8)).is_some());
}

/// A redirect target of this length, in bytes.
fn long(bytes: usize) -> String {
    let start = "https://app.example.com/?";
    [start, &"x".repeat(bytes - start.len())].concat()
}

#[test]
fn of_attempts_of_one_second_the_latest_are_kept() {
    let mut fixture = Fixture::new();
    for number in 0..12 {
        fixture.begin(&format!("tab-{number}"), RD, at(0));
    }
    for number in 0..12 {
        let found = fixture.find(&format!("tab-{number}"), at(0));
        assert_eq!(found.is_some(), number >= 4, "{number}");
    }
}

#[test]
fn c03_cookies_of_attempts_leave_room_for_others() {
    for bytes in [2_000, 4_000, 8_192] {
        let mut fixture = Fixture::new();
        for number in 0..8 {
            fixture.begin(&number.to_string(), &long(bytes), at(number));
            assert!(fixture.find(&number.to_string(), at(number)).is_some());
        }
        let size = fixture.browser.header().len();
        assert!(size <= MAX_BYTES + 100, "{bytes}: {size}");
        // Short ones still fit beside it.
        fixture.begin("short", RD, at(9));
        assert!(fixture.find("short", at(9)).is_some());
        assert!(fixture.find("7", at(9)).is_some(), "{bytes}");
    }
}

#[test]
fn c03_an_rd_of_any_length_is_kept_and_all_of_its_cookies_are_deleted() {
    // `Browser::store` checks the size of each cookie.
    for (bytes, count) in [
        (100, 1),
        (2_700, 1),
        (2_900, 2),
        (5_000, 2),
        (6_000, 3),
        (8_192, 3),
    ] {
        let mut fixture = Fixture::new();
        fixture.begin("one", &long(bytes), at(0));
        fixture.begin("two", RD, at(0));
        assert_eq!(fixture.browser.names().len(), count + 1, "{bytes}");
        assert_eq!(
            fixture.find("one", at(1)).unwrap().rd,
            long(bytes),
            "{bytes}"
        );
        fixture.delete("one");
        let two = fixture.settings.names.login("two");
        assert_eq!(fixture.browser.names(), [two], "{bytes}");
    }
}

#[test]
fn c03_an_attempt_without_one_of_its_cookies_is_unknown_and_deleted_by_the_next() {
    for missing in 0..3 {
        let mut fixture = Fixture::new();
        fixture.begin("one", &long(8_192), at(0));
        let name = fixture.settings.names.login("one");
        fixture.browser.forget(&format!("{name}.{missing}"));
        assert_eq!(fixture.find("one", at(0)), None, "{missing}");
        fixture.begin("two", RD, at(1));
        let two = fixture.settings.names.login("two");
        assert_eq!(fixture.browser.names(), [two], "{missing}");
    }
}

#[test]
fn expired_and_foreign_attempts_are_deleted_by_the_next() {
    let mut fixture = Fixture::new();
    let names = fixture.settings.names.clone();
    fixture.begin("old", RD, at(0));
    fixture
        .browser
        .add(&names.login("tossed"), "by a neighbour");
    fixture.begin("new", RD, at(600));
    assert_eq!(fixture.browser.names(), [names.login("new")]);
}

#[test]
fn c02_the_cookie_of_an_attempt_is_for_the_companions_host_alone() {
    let fixture = Fixture::new();
    let lines = fixture.with(at(0), |attempts| attempts.begin("one", RD, &()));
    let attributes = "; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax";
    assert!(
        lines[0].header().ends_with(attributes),
        "{}",
        lines[0].header()
    );
    let header = "__Host-portcullis-login-one=x; __Host-portcullis-login-two=x";
    let deleted = SignInAttempts::delete(&fixture.settings, &cookies(header), "one");
    let [deleted] = &deleted[..] else {
        panic!("{deleted:?}");
    };
    let attributes = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax";
    assert!(
        deleted
            .header()
            .starts_with("__Host-portcullis-login-one=; Path=/; Max-Age=0")
    );
    assert!(deleted.header().ends_with(attributes));
}

#[test]
fn a_second_sign_in_for_one_rd_within_ten_seconds_is_a_loop() {
    let mut fixture = Fixture::new();
    let done = fixture.with(at(0), |attempts| attempts.completed(RD));
    fixture.browser.store(&[done]);
    let is_loop = |fixture: &Fixture, rd, now| fixture.with(now, |attempts| attempts.is_loop(rd));
    assert!(is_loop(&fixture, RD, at(9)));
    assert!(!is_loop(&fixture, RD, at(10)));
    assert!(!is_loop(&fixture, "https://app.example.com/", at(9)));
    // A new attempt keeps that cookie.
    fixture.begin("one", RD, at(1));
    assert!(is_loop(&fixture, RD, at(9)));
    // It is no attempt.
    assert!(
        fixture
            .with(at(1), |attempts| attempts.find::<IgnoredAny>(COMPLETED))
            .is_none()
    );
}

#[test]
fn c05_a_forged_login_cookie_is_no_loop() {
    let mut fixture = Fixture::new();
    let binding = Binding {
        purpose: Purpose::CompletedSignIn,
        name: "__Host-portcullis-login-done",
        url: URL,
    };
    let forged = Keys::fresh(at(0)).seal(binding, br#"{"made":0,"rd":"","attempt":null}"#, at(0));
    fixture.browser.add("__Host-portcullis-login-done", &forged);
    assert!(!fixture.with(at(0), |attempts| attempts.is_loop(RD)));
}
