mod backchannel;
mod file_store;
mod formats;
mod forward_auth;
mod groups;
mod lifetimes;
mod lost_state;
mod redis;
mod redis_refreshes;
mod refreshes;
mod sign_in;
mod sign_out;
mod start;

use super::*;
use crate::provider::Authentication;
use crate::session::fixtures::{
    Browser, FakeProvider, Folder, SEALED, TOKEN, URL, ada, at, cookies, keys, settings,
};
use crate::session::outcome::{LogoutOutcome, SignedOut};

/// A companion with a store for a single replica, and a browser.
struct Fixture {
    folder: Folder,
    store: StoreSettings,
    keys: Arc<ArcSwap<Keys>>,
    settings: SessionSettings,
    sessions: Option<Arc<Sessions>>,
    browser: Browser,
    provider: Arc<FakeProvider>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With the cookie store.
    fn with(change: impl FnOnce(&mut SessionSettings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let folder = Folder::new();
        let store = folder.store();
        Self::in_store(folder, store, settings)
    }

    /// With the file store.
    fn with_file() -> Self {
        let folder = Folder::new();
        let path = folder.file("sessions");
        Self::in_store(folder, StoreSettings::File { path }, settings())
    }

    fn in_store(folder: Folder, store: StoreSettings, settings: SessionSettings) -> Self {
        let mut fixture = Self {
            folder,
            store,
            keys: keys(),
            settings,
            sessions: None,
            browser: Browser::default(),
            provider: FakeProvider::rotating(),
        };
        fixture.restart(at(0));
        fixture
    }

    fn restart(&mut self, now: Timestamp) {
        self.sessions = None;
        let sessions = Sessions::open(
            self.settings.clone(),
            Arc::clone(&self.keys),
            self.store.clone(),
            now,
        );
        self.sessions = Some(Arc::new(sessions.unwrap()));
    }

    fn sessions(&self) -> &Arc<Sessions> {
        self.sessions.as_ref().unwrap()
    }

    async fn start(&mut self, now: Timestamp) -> Session {
        self.start_for(ada(), now).await
    }

    async fn start_for(&mut self, signed_in: Authentication, now: Timestamp) -> Session {
        let header = self.browser.header();
        let rd = "https://app.example.com/";
        let (sessions, cookies) = (self.sessions(), cookies(&header));
        let known = sessions.known_revocations(now).await.unwrap();
        let started = sessions.start(&cookies, "sso", signed_in, rd, &known, now);
        let active = started.await.unwrap();
        self.browser.store(&active.set_cookies);
        active.session
    }

    /// A sign-in of Ada that may be refused.
    async fn try_start(&self, now: Timestamp) -> Result<(), StartError> {
        let header = self.browser.header();
        let (sessions, cookies) = (self.sessions(), cookies(&header));
        let known = sessions.known_revocations(now).await.unwrap();
        let rd = "https://app.example.com/";
        let started = sessions.start(&cookies, "sso", ada(), rd, &known, now);
        started.await.map(drop)
    }

    async fn read(&self, now: Timestamp) -> Result<Session, EndReason> {
        let header = self.browser.header();
        let read = self.sessions().read(&cookies(&header), now).await;
        read.map_err(|error| reason(&error))
    }

    async fn refresh(&mut self, now: Timestamp) -> Result<Session, EndReason> {
        let header = self.browser.header();
        let provider = Arc::clone(&self.provider);
        match self
            .sessions()
            .refresh(&cookies(&header), now, &provider)
            .await
        {
            Ok(active) => {
                self.browser.store(&active.set_cookies);
                Ok(active.session)
            }
            Err(error) => {
                if let NoSession::Ended { set_cookies, .. } = &error {
                    self.browser.store(set_cookies);
                }
                Err(reason(&error))
            }
        }
    }

    async fn sign_out(&mut self, now: Timestamp) -> SignedOut {
        let header = self.browser.header();
        let signed_out = self
            .sessions()
            .sign_out(&cookies(&header), now)
            .await
            .unwrap();
        self.browser.store(&signed_out.set_cookies);
        signed_out
    }

    /// A back-channel logout.
    async fn log_out(
        &self,
        logout: &LogoutClaims<'_>,
        now: Timestamp,
    ) -> Result<LogoutOutcome, Unavailable> {
        let logged_out = self.sessions().backchannel_logout(logout, now).await;
        logged_out.map(|logged_out| logged_out.outcome)
    }

    /// How many revocations there are.
    async fn revocations(&self, now: Timestamp) -> usize {
        self.sessions().stats(now).await.unwrap().revocations
    }

    /// Whether a filter with the current revocation list would accept the browser's session token.
    async fn is_accepted_by_filter(&self, now: Timestamp) -> bool {
        let header = self.browser.header();
        let keys = self.keys.load();
        let list = self.sessions().revocations_json(now).await.unwrap();
        let list = portcullis_core::session::Revocations::parse(list.as_bytes()).unwrap();
        let tokens = cookies(&header).candidates(TOKEN);
        let claims = tokens
            .iter()
            .filter_map(|text| keys.verify_token(URL, text));
        let mut good = claims.filter(|claims| now < claims.expires_at);
        good.any(|claims| !list.revokes(&claims.handles, now))
    }
}

/// Another browser at the same companion.
fn other_browser(fixture: &Fixture) -> Fixture {
    Fixture {
        folder: Folder::new(),
        store: fixture.store.clone(),
        keys: Arc::clone(&fixture.keys),
        settings: fixture.settings.clone(),
        sessions: fixture.sessions.clone(),
        browser: Browser::default(),
        provider: FakeProvider::rotating(),
    }
}

/// Why the session has ended.
fn reason(error: &NoSession) -> EndReason {
    match error {
        NoSession::Ended { reason, .. } => *reason,
        NoSession::Unavailable(error) => panic!("session unavailable: {error}"),
    }
}

#[tokio::test]
async fn a_session_begins_and_is_loaded() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    assert_eq!(fixture.read(at(1)).await, Ok(session));
    assert!(fixture.is_accepted_by_filter(at(1)).await);
    assert!(fixture.browser.names().contains(&TOKEN));
    assert!(fixture.browser.names().contains(&SEALED));
}

#[tokio::test]
async fn c05_the_session_token_alone_is_no_credential_for_the_next() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.browser.forget(SEALED);
    assert_eq!(fixture.read(at(1)).await, Err(EndReason::NoCookie));
    assert_eq!(fixture.refresh(at(1)).await, Err(EndReason::NoCookie));
}

#[tokio::test]
async fn c04_values_that_do_not_open_are_ignored_and_two_sessions_count_as_none() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    fixture.browser.add(SEALED, "tossed");
    assert_eq!(fixture.read(at(1)).await, Ok(session));
    let mut other = Fixture::new();
    other.keys = Arc::clone(&fixture.keys);
    other.restart(at(0));
    other.start(at(0)).await;
    fixture
        .browser
        .add(SEALED, other.browser.value(SEALED).unwrap());
    assert_eq!(fixture.read(at(1)).await, Err(EndReason::Ambiguous));
    // The cookies are deleted at all domains, so that the user can sign in again.
    assert_eq!(fixture.refresh(at(1)).await, Err(EndReason::Ambiguous));
    assert!(!fixture.browser.names().contains(&SEALED));
}

#[tokio::test]
async fn c04_of_two_values_of_one_session_the_later_counts() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let old = fixture.browser.value(SEALED).unwrap().to_owned();
    let error = fixture.refresh(at(3600)).await.unwrap_err();
    assert_eq!(error, EndReason::IdleTimeout);
    fixture.start(at(0)).await;
    let first = fixture.browser.value(SEALED).unwrap().to_owned();
    let later = fixture.refresh(at(300)).await.unwrap();
    for (one, other) in [(&first, true), (&old, false)] {
        let mut browser = fixture.browser.clone();
        browser.add(SEALED, one);
        let header = browser.header();
        let read = fixture.sessions().read(&cookies(&header), at(301)).await;
        assert_eq!(read.is_ok_and(|session| session == later), other);
    }
}

#[tokio::test]
async fn c03_a_session_with_many_groups_is_chunked_up_to_a_limit() {
    let mut fixture = Fixture::new();
    let mut ada = ada();
    ada.user.groups = (0..600)
        .map(|number| format!("group-{number:04}"))
        .collect();
    let session = fixture.start_for(ada, at(0)).await;
    assert!(fixture.browser.names().contains(&"__Secure-portcullis.1"));
    let seen = fixture.read(at(1)).await.unwrap();
    assert_eq!(seen.user, session.user);
    // The ID token, a hint for sign-out, is dropped first.
    assert_eq!(seen.tokens.id_token, None);
    assert!(fixture.is_accepted_by_filter(at(1)).await);

    let mut too_large = super::super::fixtures::ada();
    // Groups would be left out.
    too_large.user.preferred_username = Some("x".repeat(17_000));
    let header = fixture.browser.header();
    let sessions = fixture.sessions();
    let known = sessions.known_revocations(at(2)).await.unwrap();
    let started = sessions
        .start(&cookies(&header), "sso", too_large, "/", &known, at(2))
        .await;
    assert_eq!(started.unwrap_err(), StartError::TooLarge);
}

#[tokio::test]
async fn c02_the_cookies_live_as_long_as_the_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let header = fixture.browser.header();
    let provider = Arc::clone(&fixture.provider);
    let now = at(1000);
    let active = fixture
        .sessions()
        .refresh(&cookies(&header), now, &provider)
        .await
        .unwrap();
    for line in &active.set_cookies {
        let left = 12 * 3600 - 1000;
        assert!(
            line.header().contains(&format!("; Max-Age={left}; ")),
            "{}",
            line.header()
        );
    }
}

#[tokio::test]
async fn sessions_survive_key_rotation() {
    let mut fixture = Fixture::new();
    let path = fixture.folder.file("keys");
    crate::session::keys::make_or_rotate(&path, at(0)).unwrap();
    let load = |fixture: &Fixture| fixture.keys.store(Arc::new(Keys::load(&path).unwrap().0));
    load(&fixture);
    let session = fixture.start(at(0)).await;
    for time in 1..20 {
        let now = at(time * 900);
        crate::session::keys::make_or_rotate(&path, now).unwrap();
        load(&fixture);
        assert_eq!(
            fixture.refresh(now).await.unwrap().sid,
            session.sid,
            "{time}"
        );
        assert!(fixture.is_accepted_by_filter(now).await);
    }
}

#[tokio::test]
async fn debug_output_has_no_secret() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    let sealed = fixture.browser.value(SEALED).unwrap();
    let shown = format!("{:?} {session:?}", fixture.sessions());
    for secret in [sealed, "refresh-0", "an.id.token"] {
        assert!(!shown.contains(secret));
    }
}
