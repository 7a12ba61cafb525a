//! The Redis store, with the real Redis of `make tools`.

mod client;
mod topologies;

use portcullis_core::session::{Id, SessionHandles};
use portcullis_tests::lab;

use super::*;
use crate::session::fixtures::{URL, ada, at, redis_settings};
use crate::session::record::Session;
use crate::session::revocations::{Revocation, RevocationBatch};
use crate::session::store::{LinkedSession, MAX_LISTED};
use crate::session::unavailable::Unavailable;

const HOUR: Duration = Duration::from_secs(3600);

fn session() -> Session {
    let ada = ada();
    Session::new("sso", ada.user, ada.tokens, at(0), HOUR)
}

fn revocation_of(sid: u8) -> RevocationBatch {
    RevocationBatch {
        revocations: vec![Revocation::session(id(sid), at(10_000))],
        ..RevocationBatch::default()
    }
}

fn id(byte: u8) -> Id {
    Id::from_bytes([byte; 16])
}

async fn is_revoked(redis: &RedisStore, sid: u8) -> bool {
    let handles = SessionHandles {
        sid: id(sid),
        handle: id(0),
        began: at(0),
    };
    let state = redis.read_revocations(at(100)).await.unwrap();
    state.is_revoked(&handles, None, at(100))
}

#[tokio::test]
async fn a_record_is_replaced_only_by_a_writer_that_has_read_its_generation() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let first = session();
    let ticket = Ticket::new(&first);
    assert!(redis.get_record(&ticket).await.unwrap().is_none());
    redis.create_record(&ticket, &first, HOUR).await.unwrap();
    let record = redis.get_record(&ticket).await.unwrap().unwrap();
    assert_eq!((record.session, record.generation), (first.clone(), 0));

    let mut second = first.clone();
    second.last_used = at(10);
    let replace = async |from, to, session| {
        let replaced = redis.replace_record(&ticket, (from, to), session, HOUR);
        replaced.await.unwrap()
    };
    assert!(replace(0, 1, &second).await);
    // Another replica that has read the first generation is too late.
    assert!(!replace(0, 0, &first).await);
    assert!(replace(1, 1, &second).await);
    let record = redis.get_record(&ticket).await.unwrap().unwrap();
    assert_eq!((record.session, record.generation), (second.clone(), 1));

    redis.delete_record(first.sid).await.unwrap();
    assert!(!replace(1, 1, &second).await);
    assert!(redis.get_record(&ticket).await.unwrap().is_none());
}

#[tokio::test]
async fn redis_holds_nothing_in_plain_text() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let session = session();
    let ticket = Ticket::new(&session);
    redis.create_record(&ticket, &session, HOUR).await.unwrap();
    redis
        .add_revocations(&revocation_of(1), at(10))
        .await
        .unwrap();
    for key in server.keys("*") {
        let content = server.command(&["HGETALL", &key]) + &key;
        for word in ["ada", "example.com", "sso", "refresh", "sre"] {
            assert!(!content.contains(word), "{key} contains `{word}`");
        }
    }
    // Write access can't forge a session either: a record opens only with its own ticket.
    let other = Ticket::new(&super::tests::session());
    let [from, to] = [ticket.sid, other.sid].map(|sid| redis.names.session(sid));
    assert_eq!(server.command(&["RENAME", &from, &to]), "OK");
    assert!(redis.get_record(&other).await.unwrap().is_none());
    let beside = RedisStore::new(
        redis_settings(&server.session()),
        "https://auth.example.net",
    );
    assert!(beside.get_record(&ticket).await.unwrap().is_none());
}

#[tokio::test]
async fn all_keys_in_redis_expire() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let session = session();
    let ticket = Ticket::new(&session);
    redis.create_record(&ticket, &session, HOUR).await.unwrap();
    redis.lock(session.sid, "me", HOUR).await.unwrap();
    redis.set_attempt_finished("attempt", HOUR).await.unwrap();
    redis
        .add_linked_session(of(9), session.sid, at(3600), at(0))
        .await
        .unwrap();
    let keys = server.keys("portcullis:*");
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        let left: u64 = server.command(&["TTL", &key]).parse().unwrap();
        assert!((3500..=3600).contains(&left), "{key}: {left}");
    }
    // Several sessions can belong to one provider session: the longest decides.
    redis
        .add_linked_session(of(9), id(1), at(1), at(0))
        .await
        .unwrap();
    let key = redis.names.linked_sessions(id(9));
    let left: u64 = server.command(&["TTL", &key]).parse().unwrap();
    assert!(left > 3500, "{left}");
    let listed = async |provider, now| {
        let listed = redis.list_linked_sessions(id(provider), at(now)).await;
        listed.unwrap().sessions
    };
    let own = LinkedSession {
        sid: session.sid,
        user: Some(id(7)),
    };
    assert_eq!(listed(9, 0).await.len(), 2);
    assert_eq!(listed(9, 1).await, [own]);
    assert_eq!(listed(9, 3600).await, []);
    assert_eq!(listed(8, 0).await, []);
}

/// A provider session, of the user 7.
fn of(number: u8) -> ProviderSession {
    ProviderSession {
        id: id(number),
        user: id(7),
    }
}

#[tokio::test]
async fn b06_the_end_of_a_provider_session_applies_to_sessions_that_are_linked_later() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let add = async |provider, sid, now| {
        let added = redis.add_linked_session(of(provider), id(sid), at(5000), at(now));
        added.await.unwrap()
    };
    assert_eq!(add(9, 1, 0).await, None);
    let ended = redis.set_provider_session_ended(id(9), at(100)).await;
    assert_eq!(ended.unwrap().sessions.len(), 1);
    assert_eq!(add(9, 2, 101).await, Some(at(100)));
    assert_eq!(add(8, 3, 101).await, None);
    let key = redis.names.ended_provider_session(id(9));
    let left: u64 = server.command(&["TTL", &key]).parse().unwrap();
    assert!((600..=660).contains(&left), "{left}");
    assert!(key.starts_with("portcullis:"), "{key}");
}

#[tokio::test]
async fn a_session_that_an_older_release_recorded_is_listed_once() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let key = redis.names.linked_sessions(id(9));
    let end = at(5000).secs().to_string();
    for sid in [id(1), id(2)] {
        assert_eq!(server.command(&["ZADD", &key, &end, &sid.to_string()]), "1");
    }
    let added = redis
        .add_linked_session(of(9), id(1), at(5000), at(0))
        .await;
    added.unwrap();
    let listed = redis.list_linked_sessions(id(9), at(1)).await.unwrap();
    let mut users: Vec<_> = listed
        .sessions
        .iter()
        .map(|one| (one.sid, one.user))
        .collect();
    users.sort_unstable();
    assert_eq!(users, [(id(1), Some(id(7))), (id(2), None)]);
}

#[tokio::test]
async fn a_limited_number_of_linked_sessions_is_listed() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    for number in 1..=MAX_LISTED + 1 {
        let sid = id(u8::try_from(number).unwrap());
        let added = redis.add_linked_session(of(0), sid, at(5000), at(0)).await;
        added.unwrap();
        let listed = redis.list_linked_sessions(id(0), at(1)).await.unwrap();
        assert_eq!(listed.has_more, MAX_LISTED < number, "{number}");
    }
}

#[tokio::test]
async fn repeated_sign_ins_do_not_grow_the_set() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let key = redis.names.linked_sessions(id(9));
    // Each ends ten seconds after the next has begun.
    for number in 1..=100_u8 {
        let now = u64::from(number) * 10;
        let noted = redis.add_linked_session(of(9), id(number), at(now + 20), at(now));
        noted.await.unwrap();
        let kept: u8 = server.command(&["ZCARD", &key]).parse().unwrap();
        assert_eq!(kept, number.min(2), "{number}");
    }
    // A session that is recorded several times is one entry.
    for now in [1010, 1011] {
        let noted = redis.add_linked_session(of(9), id(100), at(1020), at(now));
        noted.await.unwrap();
        assert_eq!(server.command(&["ZCARD", &key]), "1");
    }
    let known = redis.list_linked_sessions(id(9), at(1012)).await.unwrap();
    let sids: Vec<Id> = known.sessions.iter().map(|one| one.sid).collect();
    assert_eq!(sids, [id(100)]);
}

#[tokio::test]
async fn a_lock_has_one_owner() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    let sid = id(1);
    assert!(redis.lock(sid, "one", HOUR).await.unwrap());
    // Its owner may repeat the command after a lost reply.
    assert!(redis.lock(sid, "one", HOUR).await.unwrap());
    assert!(!redis.lock(sid, "two", HOUR).await.unwrap());
    redis.unlock(sid, "two").await.unwrap();
    assert!(!redis.lock(sid, "two", HOUR).await.unwrap());
    redis.unlock(sid, "one").await.unwrap();
    assert!(
        redis
            .lock(sid, "two", Duration::from_millis(1))
            .await
            .unwrap()
    );
    let is_expired = async || redis.lock(sid, "three", HOUR).await.unwrap();
    lab::wait::until_true("an expired lock", lab::wait::LONG, is_expired).await;
}

#[tokio::test]
async fn r02_a_sign_in_is_completed_once_over_all_replicas() {
    let server = lab::Redis::start().await;
    let [one, other] = [(); 2].map(|()| RedisStore::new(redis_settings(&server.session()), URL));
    assert!(one.set_attempt_finished("attempt", HOUR).await.unwrap());
    assert!(!other.set_attempt_finished("attempt", HOUR).await.unwrap());
    assert!(other.set_attempt_finished("another", HOUR).await.unwrap());
}

#[tokio::test]
async fn concurrent_revocations_of_replicas_are_all_kept() {
    let server = lab::Redis::start().await;
    let replicas: Vec<_> = (0..4)
        .map(|_| std::sync::Arc::new(RedisStore::new(redis_settings(&server.session()), URL)))
        .collect();
    let tasks = (1..=40_u8).map(|sid| {
        let redis = std::sync::Arc::clone(&replicas[usize::from(sid) % 4]);
        tokio::spawn(async move { redis.add_revocations(&revocation_of(sid), at(10)).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), Ok(true));
    }
    for redis in &replicas {
        for sid in 1..=40 {
            assert!(is_revoked(redis, sid).await, "{sid}");
        }
        assert!(!is_revoked(redis, 41).await);
        assert_eq!(
            redis.read_revocations(at(100)).await.unwrap().known_since(),
            at(10)
        );
    }
}

#[tokio::test]
async fn after_redis_lost_its_data_the_list_is_complete_from_now_on_for_all_replicas() {
    let server = lab::Redis::start().await;
    let [one, other] = [(); 2].map(|()| RedisStore::new(redis_settings(&server.session()), URL));
    one.add_revocations(&revocation_of(1), at(10))
        .await
        .unwrap();
    assert!(is_revoked(&other, 1).await);
    server.flush();
    let begins =
        async |redis: &RedisStore, now| redis.read_revocations(now).await.unwrap().known_since();
    assert_eq!(begins(&one, at(50)).await, at(50));
    assert_eq!(begins(&other, at(60)).await, at(50));
}

#[tokio::test]
async fn an_invalid_state_is_an_error_and_not_replaced() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    redis
        .add_revocations(&revocation_of(1), at(10))
        .await
        .unwrap();
    let key = redis.names.revocations();
    assert_eq!(
        server.command(&["HSET", &key, "version", "x", "state", "{}"]),
        "0"
    );
    let error = redis
        .read_revocations(at(20))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&key) && error.contains("help: delete this key"),
        "{error}"
    );
    redis
        .add_revocations(&revocation_of(2), at(20))
        .await
        .unwrap_err();
    assert_eq!(server.command(&["DEL", &key]), "1");
    assert_eq!(
        redis.read_revocations(at(30)).await.unwrap().known_since(),
        at(30)
    );
}
