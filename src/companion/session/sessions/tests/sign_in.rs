//! Sign-ins, from the attempt to the session.

use super::*;

const RD: &str = "https://app.example.com/graph";

impl Fixture {
    fn begin_attempt(&mut self, id: &str, now: Timestamp) {
        self.begin_attempt_of(Initiator::User, id, now);
    }

    fn begin_attempt_of(&mut self, initiator: Initiator, id: &str, now: Timestamp) {
        let header = self.browser.header();
        let lines = self
            .sessions()
            .begin_attempt(&cookies(&header), (id, RD), &id, initiator, now);
        self.browser.store(&lines);
    }

    async fn finish_attempt(&self, id: &str, now: Timestamp) -> Result<String, AttemptError> {
        let header = self.browser.header();
        let attempt = self
            .sessions()
            .finish_attempt::<String>(&cookies(&header), id, now)
            .await?;
        assert_eq!(attempt.rd, RD);
        Ok(attempt.data)
    }
}

#[tokio::test]
async fn r02_a_sign_in_is_completed_once_and_in_its_browser() {
    let mut fixture = Fixture::new();
    fixture.begin_attempt("one", at(0));
    fixture.begin_attempt("two", at(1));
    assert_eq!(
        fixture.finish_attempt("three", at(10)).await,
        Err(AttemptError::Unknown)
    );
    assert_eq!(
        fixture.finish_attempt("one", at(10)).await,
        Ok("one".to_owned())
    );
    assert_eq!(
        fixture.finish_attempt("one", at(11)).await,
        Err(AttemptError::AlreadyFinished)
    );
    assert_eq!(
        fixture.finish_attempt("two", at(600)).await,
        Ok("two".to_owned())
    );
    let header = fixture.browser.header();
    let forgotten = fixture.sessions().delete_attempt(&cookies(&header), "one");
    fixture.browser.store(&forgotten);
    assert_eq!(
        fixture.finish_attempt("one", at(12)).await,
        Err(AttemptError::Unknown)
    );
}

#[tokio::test]
async fn r11_a_new_sign_in_deletes_the_old_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.begin_attempt("one", at(1));
    assert_eq!(fixture.read(at(2)).await, Err(EndReason::NoCookie));
    assert!(!fixture.browser.names().contains(&TOKEN));
}

#[tokio::test]
async fn r11_a_sign_in_that_another_site_begins_deletes_no_session() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    fixture.begin_attempt_of(Initiator::OtherSite, "one", at(1));
    assert_eq!(fixture.read(at(2)).await, Ok(session.clone()));
    assert_eq!(
        fixture.finish_attempt("one", at(2)).await.as_deref(),
        Ok("one")
    );
    let new = fixture.start(at(3)).await;
    assert_ne!(new.sid, session.sid);
    assert_eq!(fixture.read(at(4)).await, Ok(new), "it is replaced");
}

#[tokio::test]
async fn t19_invalid_cookies_before_the_valid_ones_lock_no_user_out() {
    for junk in [1, 8, 9, 40] {
        let mut fixture = Fixture::new();
        let session = fixture.start(at(0)).await;
        fixture.begin_attempt_of(Initiator::OtherSite, "one", at(0));
        let good = fixture.browser.clone();
        let mut browser = Browser::default();
        for name in good.names() {
            for number in 0..junk {
                browser.add(name, &format!("junk-{number}"));
                browser.add(&format!("{name}.{number}"), "junk");
                browser.add(
                    &format!("{}{number}", settings().names.login("junk")),
                    "junk",
                );
            }
            browser.add(name, good.value(name).unwrap());
        }
        fixture.browser = browser;
        assert_eq!(fixture.read(at(1)).await, Ok(session), "{junk}");
        assert!(fixture.is_accepted_by_filter(at(1)).await, "{junk}");
        let attempt = fixture.finish_attempt("one", at(1)).await;
        assert_eq!(attempt.as_deref(), Ok("one"), "{junk}");
        // The next attempt deletes no valid one.
        fixture.begin_attempt_of(Initiator::OtherSite, "two", at(2));
        let names = settings().names;
        assert!(
            fixture.browser.names().contains(&&*names.login("one")),
            "{junk}"
        );
        assert!(fixture.refresh(at(3)).await.is_ok(), "{junk}");
    }
}

#[tokio::test]
async fn r11_each_sign_in_begins_a_session_with_its_own_id() {
    let mut fixture = Fixture::new();
    let first = fixture.start(at(0)).await;
    let second = fixture.start(at(1)).await;
    assert_ne!(first.sid, second.sid);
    assert_eq!(fixture.read(at(2)).await.unwrap().sid, second.sid);
}

#[tokio::test]
async fn a_sign_in_right_after_another_is_a_loop() {
    let mut fixture = Fixture::new();
    let is_loop = |fixture: &Fixture, rd, now| {
        let header = fixture.browser.header();
        fixture.sessions().is_loop(&cookies(&header), rd, now)
    };
    assert!(!is_loop(&fixture, "https://app.example.com/", at(0)));
    fixture.start(at(0)).await;
    assert!(is_loop(&fixture, "https://app.example.com/", at(5)));
    assert!(!is_loop(&fixture, RD, at(5)));
    assert!(!is_loop(&fixture, "https://app.example.com/", at(10)));
    fixture.sign_out(at(6)).await;
    let again = is_loop(&fixture, "https://app.example.com/", at(7));
    assert!(!again, "after a sign-out it is no loop");
}

#[tokio::test]
async fn c05_no_cookie_is_accepted_for_another() {
    let mut fixture = Fixture::new();
    fixture.begin_attempt("one", at(0));
    let login = fixture
        .browser
        .value("__Host-portcullis-login-one")
        .unwrap()
        .to_owned();
    fixture.browser.add(SEALED, &login);
    assert_eq!(fixture.read(at(1)).await, Err(EndReason::NoCookie));
    fixture.start(at(1)).await;
    let sealed = fixture.browser.value(SEALED).unwrap().to_owned();
    fixture.browser.add("__Host-portcullis-login-two", &sealed);
    assert_eq!(
        fixture.finish_attempt("two", at(2)).await,
        Err(AttemptError::Unknown)
    );
}
