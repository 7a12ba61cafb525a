//! The Redis store and several replicas, with the real Redis of `make tools`.

use portcullis_tests::lab;
use tokio::task::JoinHandle;

use super::*;
use crate::session::fixtures::redis_settings;
use crate::session::outcome::{ActiveSession, LogoutOutcome};
use crate::session::record::RefreshFailure;
use crate::session::sessions::LogoutClaims;

/// Two replicas of a companion, and a browser that reaches either.
pub(super) struct Replicas {
    pub(super) server: lab::Redis,
    pub(super) keys: Arc<ArcSwap<Keys>>,
    pub(super) replicas: [Arc<Sessions>; 2],
    pub(super) browser: Browser,
    pub(super) provider: Arc<FakeProvider>,
}

impl Replicas {
    pub(super) async fn new() -> Self {
        let server = lab::Redis::start().await;
        let keys = keys();
        let replica = || {
            let store = StoreSettings::Redis(redis_settings(&server.session()));
            let sessions = Sessions::open(settings(), Arc::clone(&keys), store, at(0));
            Arc::new(sessions.unwrap())
        };
        Self {
            replicas: [replica(), replica()],
            server,
            keys,
            browser: Browser::default(),
            provider: FakeProvider::rotating(),
        }
    }

    pub(super) async fn start(&mut self, replica: usize, now: Timestamp) -> Session {
        let header = self.browser.header();
        let cookies = cookies(&header);
        let sessions = &self.replicas[replica];
        let known = sessions.known_revocations(now).await.unwrap();
        let started = sessions.start(&cookies, "sso", ada(), "/", &known, now);
        let active = started.await.unwrap();
        self.browser.store(&active.set_cookies);
        active.session
    }

    /// A refresh at one replica while the test continues.
    pub(super) fn refreshing(
        &self,
        replica: usize,
        now: Timestamp,
    ) -> JoinHandle<Result<ActiveSession, NoSession>> {
        let (header, provider) = (self.browser.header(), Arc::clone(&self.provider));
        let sessions = Arc::clone(&self.replicas[replica]);
        tokio::spawn(async move { sessions.refresh(&cookies(&header), now, &provider).await })
    }

    /// Waits until the provider has been asked so many times.
    pub(super) async fn wait_for_redemptions(&self, times: usize) {
        let asked = async || self.provider.requests() == times;
        lab::wait::until_true("a redemption", lab::wait::LONG, asked).await;
    }

    /// How often a replica has tried to take or release the lock, which the script does by `GET`.
    pub(super) fn uses_of_lock(&self) -> u64 {
        let stats = self.server.command(&["INFO", "commandstats"]);
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_get:calls="));
        let calls = line.and_then(|line| line.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }

    pub(super) async fn read(&self, replica: usize, now: Timestamp) -> Result<Session, NoSession> {
        let header = self.browser.header();
        self.replicas[replica].read(&cookies(&header), now).await
    }

    pub(super) async fn refresh(
        &mut self,
        replica: usize,
        now: Timestamp,
    ) -> Result<Session, NoSession> {
        let header = self.browser.header();
        let provider = Arc::clone(&self.provider);
        let active = self.replicas[replica]
            .refresh(&cookies(&header), now, &provider)
            .await?;
        self.browser.store(&active.set_cookies);
        Ok(active.session)
    }
}

#[tokio::test]
async fn a_session_of_one_replica_is_refreshed_at_the_other() {
    let mut fixture = Replicas::new().await;
    let session = fixture.start(0, at(0)).await;
    assert_eq!(fixture.read(1, at(1)).await.unwrap(), session);
    let refreshed = fixture.refresh(1, at(3600)).await.unwrap_err();
    assert_eq!(reason(&refreshed), EndReason::IdleTimeout);
    for (replica, now) in [(1, 3000), (0, 6000), (1, 9000)] {
        assert_eq!(
            fixture.refresh(replica, at(now)).await.unwrap().sid,
            session.sid
        );
    }
    assert_eq!(fixture.provider.redeemed(), ["refresh-0", "refresh-1"]);
}

#[tokio::test]
async fn the_cookie_of_a_ticket_is_small() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    assert!(fixture.browser.value(SEALED).unwrap().len() < 400);
}

#[tokio::test]
async fn a_sign_in_of_one_replica_is_completed_once_at_the_other() {
    let fixture = Replicas::new().await;
    let [one, other] = &fixture.replicas;
    let begun = one.begin_attempt(
        &cookies(""),
        ("id", "/"),
        &"attempt",
        Initiator::User,
        at(0),
    );
    let mut browser = Browser::default();
    browser.store(&begun);
    let header = browser.header();
    let cookies = cookies(&header);
    let attempt = other
        .finish_attempt::<String>(&cookies, "id", at(1))
        .await
        .unwrap();
    assert_eq!(attempt.data, "attempt");
    let again = one.finish_attempt::<String>(&cookies, "id", at(2)).await;
    assert_eq!(again, Err(AttemptError::AlreadyFinished));
}

#[tokio::test]
async fn l01_a_sign_out_at_one_replica_takes_effect_at_the_other() {
    let mut fixture = Replicas::new().await;
    let session = fixture.start(0, at(0)).await;
    let old = fixture.browser.clone();
    let header = fixture.browser.header();
    let signed_out = fixture.replicas[1]
        .sign_out(&cookies(&header), at(100))
        .await
        .unwrap();
    assert_eq!(signed_out.session, Some(session));
    fixture.browser = old;
    assert_eq!(
        reason(&fixture.read(0, at(101)).await.unwrap_err()),
        EndReason::RecordMissing
    );
    assert_eq!(
        reason(&fixture.refresh(0, at(101)).await.unwrap_err()),
        EndReason::RecordMissing
    );
    let [one, other] = &fixture.replicas;
    let list = one.revocations_json(at(101)).await.unwrap();
    assert_eq!(list, other.revocations_json(at(101)).await.unwrap());
    let handles = fixture
        .keys
        .load()
        .verify_token(URL, fixture.browser.value(TOKEN).unwrap())
        .unwrap()
        .handles;
    assert!(list.contains(&handles.sid.to_string()), "{list}");
    // Its record is deleted, so the revocation is needed until its session tokens have expired only.
    let ends = at(100).after(settings().token).secs() + 60;
    assert!(list.contains(&format!(r#""ends":{ends}"#)), "{list}");
}

#[tokio::test]
async fn b06_a_logout_at_one_replica_ends_sessions_of_the_other() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    let logout = LogoutClaims {
        provider: "sso",
        sub: Some("ada"),
        sid: Some("session at the provider"),
        jti: "one",
        until: at(1000),
    };
    let [one, other] = &fixture.replicas;
    let logged_out = other.backchannel_logout(&logout, at(100)).await;
    let logged_out = logged_out.map(|logged_out| logged_out.outcome);
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert_eq!(
        one.backchannel_logout(&logout, at(110)).await,
        Ok(LogoutOutcome::Replayed.into())
    );
    assert_eq!(
        reason(&fixture.refresh(0, at(101)).await.unwrap_err()),
        EndReason::Revoked
    );
}

#[tokio::test]
async fn b06_a_sid_alone_ends_its_session_at_both_replicas_and_an_unknown_one_nothing() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    let [one, other] = &fixture.replicas;
    let unknown = LogoutClaims {
        provider: "sso",
        sub: None,
        sid: Some("unknown"),
        jti: "zero",
        until: at(1000),
    };
    let logged_out = other.backchannel_logout(&unknown, at(100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession.into()));
    assert_eq!(one.stats(at(100)).await.unwrap().revocations, 0);
    let logout = LogoutClaims {
        sid: Some("session at the provider"),
        jti: "one",
        ..unknown
    };
    let logged_out = other.backchannel_logout(&logout, at(100)).await;
    let logged_out = logged_out.map(|logged_out| logged_out.outcome);
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    // The entry has the handle of the user.
    let list = one.revocations_json(at(101)).await.unwrap();
    let user = fixture.keys.load().handle("sso", "ada");
    assert!(list.contains(&format!(r#".{user}""#)), "{list}");
    let known = one.known_revocations(at(99)).await.unwrap();
    let started = one
        .start(&cookies(""), "sso", ada(), "/", &known, at(99))
        .await;
    assert_eq!(started.unwrap_err(), StartError::EndedAtProvider);
    assert_eq!(
        reason(&fixture.refresh(0, at(101)).await.unwrap_err()),
        EndReason::Revoked
    );
}

#[tokio::test]
async fn while_redis_is_down_sessions_are_unavailable() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    let sessions = Arc::clone(&fixture.replicas[0]);
    let known = sessions.known_revocations(at(1)).await.unwrap();
    fixture.server.kill();
    let header = fixture.browser.header();
    let cookies = cookies(&header);
    assert!(matches!(
        fixture.read(0, at(1)).await,
        Err(NoSession::Unavailable(_))
    ));
    assert!(matches!(
        fixture.refresh(0, at(1)).await,
        Err(NoSession::Unavailable(_))
    ));
    let started = sessions
        .start(&cookies, "sso", ada(), "/", &known, at(1))
        .await;
    assert!(
        matches!(started, Err(StartError::Unavailable(_))),
        "{started:?}"
    );
    sessions.sign_out(&cookies, at(1)).await.unwrap_err();
    sessions.revocations_json(at(1)).await.unwrap_err();
    sessions.stats(at(1)).await.unwrap_err();
    // When it is back, so is the session.
    fixture.server.restart().await;
    let ready = async || sessions.stats(at(2)).await.is_ok();
    lab::wait::until_true("Redis is back", lab::wait::LONG, ready).await;
    assert!(fixture.read(0, at(2)).await.is_ok());
}

#[tokio::test]
async fn a_redis_that_lost_its_data_ends_all_sessions() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    fixture.server.flush();
    assert_eq!(
        reason(&fixture.refresh(0, at(1)).await.unwrap_err()),
        EndReason::RecordMissing
    );
}

#[tokio::test]
async fn a_session_that_its_provider_ends_is_revoked_at_all_replicas() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|_, _| Err(RefreshFailure::Ended));
    assert_eq!(
        reason(&fixture.refresh(0, at(3600)).await.unwrap_err()),
        EndReason::RefreshRejected
    );
    assert_eq!(
        reason(&fixture.refresh(1, at(3600)).await.unwrap_err()),
        EndReason::Revoked
    );
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn the_record_of_an_unused_session_expires() {
    let mut fixture = Replicas::new().await;
    let session = fixture.start(0, at(0)).await;
    let keys = fixture
        .server
        .keys(&format!("portcullis:*:session:*{}*", session.sid));
    let left: u64 = fixture.server.command(&["TTL", &keys[0]]).parse().unwrap();
    assert!((3600..=3630).contains(&left), "{left}");
}

#[tokio::test]
async fn anything_but_a_record_of_bounded_size_counts_as_absent() {
    let mut fixture = Replicas::new().await;
    let session = fixture.start(0, at(0)).await;
    let record = format!("*:session:*{}*", session.sid);
    let keys = fixture.server.keys(&record);
    let [key] = &*keys else { panic!("{keys:?}") };
    for change in [
        &["HSET", key, "sealed", &"x".repeat(64 * 1024 + 1)][..],
        &["HSET", key, "generation", "x"],
        &["DEL", key],
        &["SET", key, "x"],
    ] {
        let _ = fixture.server.command(change);
        let read = fixture.read(1, at(1)).await.unwrap_err();
        assert_eq!(reason(&read), EndReason::RecordMissing, "{}", change[0]);
    }
}
