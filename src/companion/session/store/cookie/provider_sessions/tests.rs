use super::*;
use crate::session::fixtures::{Folder, at};

const TOKEN: Duration = Duration::from_secs(300);
const IDLE: Duration = Duration::from_secs(3600);

fn id(number: u32) -> Id {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

struct Fixture {
    folder: Folder,
    index: ProviderSessionIndex,
}

impl Fixture {
    fn new() -> Self {
        let folder = Folder::new();
        Self {
            index: open(&folder, true, at(0)),
            folder,
        }
    }

    fn restart(&mut self, now: Timestamp) {
        self.index = open(&self.folder, false, now);
    }

    /// Links a session of this user, which ends at 10,000.
    fn link(&mut self, provider: u32, sid: u32, user: u32, times: (u64, u64)) -> Linked {
        let (unused_ends, now) = times;
        let of = ProviderSession {
            id: id(provider),
            user: id(user),
        };
        let lifetime = Lifetime {
            unused_ends: at(unused_ends),
            session_ends: at(10_000),
        };
        self.index.link(of, id(sid), lifetime, at(now)).unwrap()
    }

    fn sids(&self, provider: u32, now: u64) -> Vec<Id> {
        let listed = self.index.list(id(provider), at(now)).sessions;
        listed.iter().map(|session| session.sid).collect()
    }

    fn is_complete(&self, now: u64) -> bool {
        self.index.list(id(1), at(now)).complete
    }
}

fn open(folder: &Folder, is_new: bool, now: Timestamp) -> ProviderSessionIndex {
    let path = folder.file("state.sessions");
    ProviderSessionIndex::open(&path, is_new, (TOKEN, IDLE), now).unwrap()
}

#[test]
fn sessions_are_linked_with_their_user_until_they_expire() {
    let mut fixture = Fixture::new();
    fixture.link(1, 10, 7, (300, 0));
    fixture.link(1, 11, 7, (300, 0));
    fixture.link(1, 10, 7, (600, 300));
    fixture.link(2, 12, 8, (300, 0));
    assert_eq!(fixture.sids(1, 1), [id(10), id(11)]);
    let user = fixture.index.list(id(2), at(1)).sessions[0].user;
    assert_eq!(user, Some(id(8)));
    fixture.link(3, 13, 8, (900, 400));
    assert_eq!(fixture.sids(1, 400), [id(10)]);
    assert_eq!(fixture.sids(2, 400), []);
    assert_eq!(fixture.index.count, 2);
}

#[test]
fn a_restart_forgets_no_session() {
    let mut fixture = Fixture::new();
    fixture.link(1, 10, 7, (3600, 0));
    fixture.link(1, 11, 7, (3600, 0));
    fixture.restart(at(100));
    assert_eq!(fixture.sids(1, 3000), [id(10), id(11)]);
    fixture.link(2, 12, 7, (3600, 200));
    fixture.restart(at(300));
    assert_eq!(fixture.index.count, 3);
    assert_eq!(fixture.index.users.get(&id(7)), Some(&3));
    // By then none can be active.
    assert_eq!(fixture.sids(1, 300 + 3660), []);
    fixture.restart(at(10_060));
    assert_eq!(fixture.index.count, 0);
}

#[test]
fn without_the_journal_sessions_may_be_missing() {
    let mut fixture = Fixture::new();
    assert!(!fixture.is_complete(359), "session tokens may be valid");
    assert!(fixture.is_complete(360));
    fixture.link(1, 10, 7, (3600, 0));
    fixture.restart(at(1000));
    assert!(fixture.is_complete(1000));
    let path = fixture.folder.file("state.sessions");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    fixture.restart(at(1000));
    assert!(!fixture.is_complete(4659), "sessions may be active");
    assert!(fixture.is_complete(4660));
    for broken in ["x\n", "a b c 1\n", "\u{0}\n"] {
        std::fs::write(&path, format!("{broken}{whole}")).unwrap();
        fixture.restart(at(1000));
        assert_eq!(fixture.sids(1, 1000), [id(10)], "{broken:?}");
        assert!(!fixture.is_complete(4659), "{broken:?}");
    }
}

#[test]
fn lines_of_another_version_count_as_missing() {
    let mut fixture = Fixture::new();
    fixture.link(1, 10, 7, (3600, 0));
    let path = fixture.folder.file("state.sessions");
    let line = std::fs::read_to_string(&path).unwrap();
    let without_version = line.strip_prefix("2 ").unwrap();
    for old in [
        without_version,
        &format!("1 {without_version}"),
        &format!("3 {without_version}"),
    ] {
        std::fs::write(&path, old).unwrap();
        fixture.restart(at(1000));
        assert_eq!(fixture.sids(1, 1000), [], "{old}");
        assert!(!fixture.is_complete(1000), "{old}");
    }
    std::fs::write(&path, line).unwrap();
    fixture.restart(at(1000));
    assert_eq!(fixture.sids(1, 1000), [id(10)]);
    assert!(fixture.is_complete(1000));
}

#[test]
fn a_journal_of_expired_sessions_is_replaced() {
    let mut fixture = Fixture::new();
    let path = fixture.folder.file("state.sessions");
    for number in 0..20_000 {
        let now = u64::from(number);
        fixture.link(number, number, number, (now + 10, now));
    }
    let lines = std::fs::read_to_string(&path).unwrap().lines().count();
    assert!(lines < 5000, "{lines}");
    assert!(fixture.index.count < 200, "{}", fixture.index.count);
}

#[test]
fn one_user_evicts_no_sessions_of_others() {
    let mut fixture = Fixture::new();
    let users = 1000;
    for user in 0..users {
        fixture.link(100_000 + user, 100_000 + user, user, (3600, 0));
    }
    let mut evicted = None;
    for number in 0..u32::try_from(MAX_SESSIONS).unwrap() - users + 1 {
        assert_eq!(evicted, None, "{number}");
        evicted = fixture.link(number, number, 7777, (3600, 0)).evicted;
    }
    assert_eq!(evicted, Some((id(7777), at(10_000))));
    assert!(fixture.is_complete(1000), "and no other session is missing");
    for user in 0..users {
        assert_eq!(fixture.sids(100_000 + user, 1), [id(100_000 + user)]);
    }
}

#[test]
fn an_index_full_of_different_users_is_incomplete() {
    let mut fixture = Fixture::new();
    for number in 0..u32::try_from(MAX_SESSIONS).unwrap() {
        fixture.link(number, number, number, (1300, 1000));
    }
    assert!(fixture.is_complete(1000));
    let linked = fixture.link(70_000, 70_000, 70_000, (1300, 1000));
    assert!(linked.became_incomplete && linked.evicted.is_none());
    let linked = fixture.link(70_001, 70_001, 70_001, (1300, 1000));
    assert!(!linked.became_incomplete, "it was incomplete already");
    assert!(!fixture.is_complete(1299));
    assert!(fixture.is_complete(1300));
    // Once there is room, the index is complete again.
    fixture.link(70_000, 70_000, 70_000, (1700, 1400));
    assert_eq!(fixture.sids(70_000, 1400), [id(70_000)]);
}

/// Unused sessions leave the index before their lines leave the journal.
#[test]
fn after_a_restart_a_full_index_has_the_newest_sessions_of_the_journal() {
    let mut fixture = Fixture::new();
    let full = u32::try_from(MAX_SESSIONS).unwrap();
    let lines = (0..full + 100).map(|number| {
        let line = Line {
            provider_session: id(number),
            sid: id(number),
            user: id(number),
            ends: at(10_000),
        };
        line.to_string()
    });
    std::fs::write(
        fixture.folder.file("state.sessions"),
        lines.collect::<String>(),
    )
    .unwrap();
    fixture.restart(at(101));
    assert_eq!(fixture.index.count, MAX_SESSIONS);
    for number in full..full + 100 {
        assert_eq!(fixture.sids(number, 101), [id(number)]);
    }
    assert!(!fixture.is_complete(102), "older sessions are missing");
    assert!(fixture.is_complete(101 + 3600 + CLOCK_SKEW.as_secs()));
}

#[test]
fn a_limited_number_of_linked_sessions_is_listed() {
    let mut fixture = Fixture::new();
    for sid in 0..u32::try_from(MAX_LISTED).unwrap() {
        fixture.link(1, sid, 7, (3600, 0));
    }
    assert!(!fixture.index.list(id(1), at(1)).has_more);
    fixture.link(1, 1000, 7, (3600, 0));
    let listed = fixture.index.list(id(1), at(1));
    assert!(listed.has_more);
    assert_eq!(listed.sessions.len(), MAX_LISTED);
}

#[test]
fn the_end_of_a_provider_session_applies_to_sessions_that_are_linked_later() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.link(1, 10, 7, (3600, 0)).ended, None);
    fixture.index.end(id(1), at(1000));
    assert_eq!(fixture.link(1, 11, 7, (3600, 1001)).ended, Some(at(1000)));
    assert_eq!(fixture.link(2, 12, 7, (3600, 1001)).ended, None);
    fixture.index.end(id(1), at(1500));
    fixture.index.end(id(3), at(1700));
    assert_eq!(fixture.link(1, 11, 7, (3600, 1701)).ended, Some(at(1500)));
    fixture.index.end(id(3), at(1500 + 660));
    assert_eq!(fixture.link(1, 11, 7, (3600, 2200)).ended, None);
    for number in 0..u32::try_from(MAX_ENDED).unwrap() + 10 {
        fixture.index.end(id(number), at(3000));
    }
    assert!(fixture.index.ended.len() <= MAX_ENDED);
    assert_eq!(fixture.index.ended.len(), fixture.index.ended_order.len());
}
