//! The file store, with a file that can be made to fail.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_core::session::SessionHandles;
use redb::StorageBackend;
use redb::backends::FileBackend;

use super::*;
use crate::session::clock::Clock;
use crate::session::fixtures::{Folder, URL, ada, at};
use crate::session::revocations::Revocation;
use crate::session::store::LinkedSession;

const HOUR: Duration = Duration::from_secs(3600);
const TOKEN: Duration = Duration::from_secs(300);

/// Whether writes to the file fail.
pub(super) type Faults = Arc<AtomicBool>;

/// A file whose writes fail while its faults are set.
#[derive(Debug)]
pub(super) struct FaultyBackend {
    file: FileBackend,
    faults: Faults,
}

impl FaultyBackend {
    pub(super) fn new(file: FileBackend, faults: &Faults) -> Self {
        Self {
            file,
            faults: Arc::clone(faults),
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.faults.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for FaultyBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

struct Fixture {
    folder: Folder,
    store: Option<FileStore>,
}

impl Fixture {
    fn new() -> Self {
        let mut fixture = Self {
            folder: Folder::new(),
            store: None,
        };
        fixture.restart(at(0));
        fixture
    }

    fn restart(&mut self, now: Timestamp) {
        self.store = None;
        self.store = Some(open(&self.folder, now).unwrap());
    }

    fn store(&self) -> &FileStore {
        self.store.as_ref().unwrap()
    }

    fn fail(&self, fails: bool) {
        let faults = &self.store().shared.database.faults;
        faults.store(fails, Ordering::SeqCst);
    }

    async fn create(&self) -> StoredSession {
        let ada = ada();
        let session = Session::new("sso", ada.user, ada.tokens, at(0), HOUR);
        self.store().create(session, HOUR).await.unwrap().unwrap()
    }

    async fn load(&self, stored: &StoredSession) -> Result<Option<StoredSession>, Unavailable> {
        let ticket = stored.record.as_ref().unwrap().ticket.clone();
        self.store().load(SealedContent::Ticket(ticket)).await
    }

    async fn is_revoked(&self, sid: u8) -> bool {
        let handles = SessionHandles {
            sid: id(sid),
            handle: id(0),
            began: at(0),
        };
        let state = self.store().revocations(at(100)).await.unwrap();
        state.is_revoked(&handles, None, at(100))
    }

    async fn link(&self, provider: u8, sid: u8, now: u64) -> Option<Timestamp> {
        let of = ProviderSession {
            id: id(provider),
            user: id(7),
        };
        let lifetime = Lifetime {
            unused_ends: at(1000),
            session_ends: at(2000),
        };
        let linked = self.store().link_session(of, id(sid), lifetime, at(now));
        linked.await.unwrap()
    }

    async fn linked(&self, provider: u8, now: u64) -> LinkedSessions {
        let listed = self.store().linked_sessions(id(provider), at(now));
        listed.await.unwrap()
    }

    fn count(&self) -> (u64, u64) {
        self.store().shared.database.read(tables::count).unwrap()
    }

    /// Refreshes a session, and returns the new refresh token.
    async fn refresh(&self, stored: &StoredSession) -> Result<String, RefreshFailure> {
        let mut refreshed = stored.session.clone();
        refreshed.tokens.refresh_token = Some(crate::provider::Secret::new("refresh-1"));
        refreshed.last_used = at(1000);
        let refresh = PendingRefresh {
            redeem: Box::pin(async { Ok(refreshed) }),
            idle: HOUR,
            clock: Clock::starting_at(at(1000)),
        };
        let session = self.store().refresh_exclusively(stored, refresh).await?;
        Ok(refresh_token(&session))
    }
}

fn open(folder: &Folder, now: Timestamp) -> Result<FileStore, StateFileError> {
    FileStore::open(&folder.file("sessions"), URL, TOKEN, now)
}

fn id(byte: u8) -> Id {
    Id::from_bytes([byte; 16])
}

fn refresh_token(session: &Session) -> String {
    let token = session.tokens.refresh_token.as_ref().unwrap();
    token.expose().to_owned()
}

fn revocation_of(sid: u8, token: u8) -> RevocationBatch {
    RevocationBatch {
        revocations: vec![Revocation::session(id(sid), at(10_000))],
        logout_token: Some((id(token), at(10_000))),
        ..RevocationBatch::default()
    }
}

#[tokio::test]
async fn a_record_survives_a_restart_and_is_replaced_only_in_the_generation_that_was_read() {
    let mut fixture = Fixture::new();
    let first = fixture.create().await;
    fixture.restart(at(10));
    let mut loaded = fixture.load(&first).await.unwrap().unwrap();
    assert_eq!(loaded.session, first.session);
    loaded.session.last_used = at(20);
    assert!(fixture.store().save(&loaded, HOUR).await.unwrap());
    assert_eq!(fixture.refresh(&loaded).await.unwrap(), "refresh-1");
    // The former generation is not written again, and not redeemed again.
    assert!(!fixture.store().save(&loaded, HOUR).await.unwrap());
    let again = fixture.refresh(&loaded).await.unwrap();
    assert_eq!(again, "refresh-1");
    fixture.restart(at(30));
    let loaded = fixture.load(&first).await.unwrap().unwrap();
    assert_eq!(refresh_token(&loaded.session), "refresh-1");

    fixture.store().delete(first.session.sid).await.unwrap();
    assert!(fixture.load(&first).await.unwrap().is_none());
    assert!(!fixture.store().save(&loaded, HOUR).await.unwrap());
    let refused = fixture.refresh(&loaded).await.unwrap_err();
    assert_eq!(refused, RefreshFailure::Ended);
    assert_eq!(fixture.count(), (0, 0));
}

#[tokio::test]
async fn the_file_has_mode_0600_and_nothing_in_plain_text() {
    let fixture = Fixture::new();
    let stored = fixture.create().await;
    let path = fixture.folder.file("sessions");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(&path).unwrap();
    for secret in ["refresh-0", "ada@example.com", "an.id.token"] {
        let found = bytes
            .windows(secret.len())
            .any(|text| text == secret.as_bytes());
        assert!(!found, "{secret}");
    }
    // Another ticket for the same session does not open it.
    let other = Ticket::new(&stored.session);
    let loaded = fixture.store().load(SealedContent::Ticket(other)).await;
    assert!(loaded.unwrap().is_none());
}

#[test]
fn a_missing_folder_is_created_for_this_user_alone() {
    let volume = Folder::new();
    // Like a volume of Kubernetes, which more than this user may write to.
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(0o2777)).unwrap();
    let open = |name: &str| FileStore::open(&volume.file(name), URL, TOKEN, at(0));
    assert!(open("sessions").is_err());
    drop(open("state/sessions").unwrap());
    let mode = fs::metadata(volume.file("state"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(open("state/sessions").unwrap());
    // Not more than one: the path may be mistyped, or the volume missing.
    assert!(open("a/b/sessions").is_err());
}

#[test]
fn a_file_that_others_may_write_to_is_refused() {
    let folder = Folder::new();
    drop(open(&folder, at(0)).unwrap());
    let path = folder.file("sessions");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    let error = open(&folder, at(0)).unwrap_err().to_string();
    assert!(error.contains("it is writable by its group"), "{error}");
    assert!(error.contains("help: `chmod go-w "), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = open(&folder, at(0)).unwrap_err().to_string();
    assert!(error.contains("is writable by every user"), "{error}");
}

#[test]
fn a_second_companion_is_refused() {
    let folder = Folder::new();
    let first = open(&folder, at(0)).unwrap();
    let error = open(&folder, at(0)).unwrap_err().to_string();
    assert!(error.contains("in use by another companion"), "{error}");
    assert!(error.contains("help: stop the other companion"), "{error}");
    drop(first);
    open(&folder, at(0)).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_not_replaced() {
    let folder = Folder::new();
    let path = folder.file("sessions");
    for content in [&b"no database"[..], &[0; 4096]] {
        fs::write(&path, content).unwrap();
        let error = open(&folder, at(0)).unwrap_err().to_string();
        assert!(error.contains("not a valid session store"), "{error}");
        assert!(error.contains("all users sign in again"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::remove_file(&path).unwrap();
    let database = Database::open(&path).unwrap();
    let written = database.write(|to| {
        let documents = redb::TableDefinition::<&str, &[u8]>::new("documents");
        to.open_table(documents)?.insert("version", &b"2"[..])?;
        Ok(())
    });
    written.unwrap();
    drop(database);
    let error = open(&folder, at(0)).unwrap_err().to_string();
    assert!(error.contains("another release has created it"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let mut fixture = Fixture::new();
    for _ in 0..20 {
        fixture.create().await;
    }
    fixture.store = None;
    let path = fixture.folder.file("sessions");
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    // All of the content, but not the header.
    damaged[4096..].iter_mut().for_each(|byte| *byte ^= 0x55);
    for content in [&damaged[..], &whole[..whole.len() / 2]] {
        fs::write(&path, content).unwrap();
        let error = open(&fixture.folder, at(0)).unwrap_err().to_string();
        assert!(error.contains("not a valid session store"), "{error}");
    }
    fs::write(&path, whole).unwrap();
    open(&fixture.folder, at(0)).unwrap();
}

#[tokio::test]
async fn revocations_and_used_logout_tokens_survive_a_restart() {
    let mut fixture = Fixture::new();
    let store = fixture.store();
    assert!(store.revoke(&revocation_of(1, 1), at(50)).await.unwrap());
    assert!(!store.revoke(&revocation_of(2, 1), at(50)).await.unwrap());
    let since = store.revocations(at(50)).await.unwrap().known_since();
    fixture.restart(at(60));
    assert!(fixture.is_revoked(1).await);
    assert!(!fixture.is_revoked(2).await);
    let store = fixture.store();
    assert!(!store.revoke(&revocation_of(2, 1), at(60)).await.unwrap());
    assert_eq!(
        store.revocations(at(60)).await.unwrap().known_since(),
        since
    );
}

#[tokio::test]
async fn links_and_ended_provider_sessions_survive_a_restart_until_they_expire() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.link(1, 10, 0).await, None);
    assert_eq!(fixture.link(1, 11, 0).await, None);
    assert_eq!(fixture.link(2, 12, 0).await, None);
    let linked = |sid| LinkedSession {
        sid: id(sid),
        user: Some(id(7)),
    };
    fixture.restart(at(1));
    assert_eq!(
        fixture.linked(1, 1).await.sessions,
        [linked(10), linked(11)]
    );
    let ended = fixture.store().end_provider_session(id(1), at(100)).await;
    assert_eq!(ended.unwrap().sessions, [linked(10), linked(11)]);
    fixture.restart(at(200));
    assert_eq!(fixture.link(1, 10, 200).await, Some(at(100)));
    assert_eq!(fixture.link(2, 12, 200).await, None);
    assert_eq!(fixture.link(1, 13, 200).await, Some(at(100)));
    assert_eq!(fixture.link(1, 13, 760).await, None, "the end is forgotten");
    assert_eq!(fixture.linked(1, 2060).await.sessions, []);
}

#[tokio::test]
async fn a_limited_number_of_linked_sessions_is_listed() {
    let fixture = Fixture::new();
    for sid in 0..64 {
        fixture.link(1, sid, 0).await;
    }
    assert!(!fixture.linked(1, 1).await.has_more);
    fixture.link(1, 64, 0).await;
    let listed = fixture.linked(1, 1).await;
    assert!(listed.has_more);
    assert_eq!(listed.sessions.len(), 64);
}

#[tokio::test]
async fn after_its_creation_links_of_a_lost_database_may_be_missing() {
    let mut fixture = Fixture::new();
    let until = TOKEN + CLOCK_SKEW;
    assert!(!fixture.linked(1, until.as_secs() - 1).await.complete);
    assert!(fixture.linked(1, until.as_secs()).await.complete);
    fixture.restart(at(1000));
    assert!(fixture.linked(1, 1000).await.complete);
}

#[tokio::test]
async fn expired_entries_are_deleted() {
    let fixture = Fixture::new();
    let stored = fixture.create().await;
    fixture.link(1, 10, 0).await;
    fixture
        .store()
        .end_provider_session(id(1), at(0))
        .await
        .unwrap();
    assert_eq!(fixture.count(), (3, 3));
    // The end of the provider session has expired, then the link, then the record.
    fixture.link(2, 11, 1000).await;
    assert_eq!(fixture.count(), (3, 3));
    fixture
        .store()
        .end_provider_session(id(3), at(3599))
        .await
        .unwrap();
    assert_eq!(fixture.count(), (2, 2));
    assert!(fixture.load(&stored).await.unwrap().is_some());
    fixture
        .store()
        .end_provider_session(id(3), at(3600))
        .await
        .unwrap();
    assert!(fixture.load(&stored).await.unwrap().is_none());
    assert_eq!(fixture.count(), (1, 1));
}

#[tokio::test]
async fn while_the_file_fails_nothing_succeeds_and_nothing_is_lost() {
    let fixture = Fixture::new();
    let stored = fixture.create().await;
    fixture.fail(true);
    let store = fixture.store();
    store
        .revoke(&revocation_of(1, 1), at(50))
        .await
        .unwrap_err();
    store
        .revoke(&revocation_of(1, 1), at(50))
        .await
        .unwrap_err();
    fixture.load(&stored).await.unwrap_err();
    store.save(&stored, HOUR).await.unwrap_err();
    store.delete(stored.session.sid).await.unwrap_err();
    store
        .create(stored.session.clone(), HOUR)
        .await
        .unwrap_err();
    store.revocations(at(50)).await.unwrap_err();
    fixture.fail(false);
    assert_eq!(
        fixture.load(&stored).await.unwrap().unwrap().session,
        stored.session
    );
    assert!(!fixture.is_revoked(1).await);
    let store = fixture.store();
    assert!(
        store.revoke(&revocation_of(1, 1), at(50)).await.unwrap(),
        "not used yet"
    );
    assert!(fixture.is_revoked(1).await);
}

#[tokio::test]
async fn new_tokens_are_kept_while_the_file_fails() {
    let mut fixture = Fixture::new();
    let stored = fixture.create().await;
    let faults = Arc::clone(&fixture.store().shared.database.faults);
    let mut refreshed = stored.session.clone();
    refreshed.tokens.refresh_token = Some(crate::provider::Secret::new("refresh-1"));
    let refresh = PendingRefresh {
        redeem: Box::pin(async move {
            // The disk is full when the provider has responded.
            faults.store(true, Ordering::SeqCst);
            Ok(refreshed)
        }),
        idle: HOUR,
        clock: Clock::starting_at(at(100)),
    };
    let failed = fixture.store().refresh_exclusively(&stored, refresh).await;
    assert_eq!(failed.unwrap_err(), RefreshFailure::Unavailable);
    fixture.load(&stored).await.unwrap_err();
    fixture.fail(false);
    let loaded = fixture.load(&stored).await.unwrap().unwrap();
    assert_eq!(refresh_token(&loaded.session), "refresh-1");
    fixture.restart(at(200));
    let loaded = fixture.load(&stored).await.unwrap().unwrap();
    assert_eq!(refresh_token(&loaded.session), "refresh-1");
}

#[tokio::test]
async fn a_file_that_disappeared_is_not_replaced_by_an_empty_one() {
    let fixture = Fixture::new();
    let stored = fixture.create().await;
    let path = fixture.folder.file("sessions");
    let aside = fixture.folder.file("aside");
    fixture.fail(true);
    fixture.store().save(&stored, HOUR).await.unwrap_err();
    fs::rename(&path, &aside).unwrap();
    fixture.fail(false);
    fixture.load(&stored).await.unwrap_err();
    assert!(!path.exists());
    fs::rename(&aside, &path).unwrap();
    assert!(fixture.load(&stored).await.unwrap().is_some());
}

#[tokio::test]
async fn a_sign_in_attempt_is_not_written_to_the_file() {
    let fixture = Fixture::new();
    assert!(fixture.store().finish_attempt("one", at(0)).await.unwrap());
    assert!(!fixture.store().finish_attempt("one", at(1)).await.unwrap());
    assert_eq!(fixture.count(), (0, 0), "a client can't fill the file");
}
