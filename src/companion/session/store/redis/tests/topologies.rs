//! One server, sentinels and a cluster.

use super::*;

/// Runs every operation of the store.
async fn everything(redis: &RedisStore) -> Result<(), Unavailable> {
    let session = session();
    let ticket = Ticket::new(&session);
    redis.create_record(&ticket, &session, HOUR).await?;
    assert!(redis.lock(session.sid, "me", HOUR).await?);
    assert!(
        redis
            .replace_record(&ticket, (0, 1), &session, HOUR)
            .await?
    );
    redis.unlock(session.sid, "me").await?;
    assert_eq!(redis.get_record(&ticket).await?.unwrap().generation, 1);
    redis.delete_record(session.sid).await?;
    let of = ProviderSession {
        id: session.sid,
        ..of(9)
    };
    let ended = redis.add_linked_session(of, session.sid, at(3600), at(0));
    assert_eq!(ended.await?, None);
    let listed = redis.list_linked_sessions(of.id, at(0)).await?;
    assert_eq!(listed.sessions.len(), 1);
    let listed = redis.set_provider_session_ended(of.id, at(1)).await?;
    assert_eq!(listed.sessions[0].sid, session.sid);
    let ended = redis.add_linked_session(of, session.sid, at(3600), at(2));
    assert_eq!(ended.await?, Some(at(1)));
    assert!(
        redis
            .set_attempt_finished(&session.sid.to_string(), HOUR)
            .await?
    );
    assert!(
        !redis
            .set_attempt_finished(&session.sid.to_string(), HOUR)
            .await?
    );
    redis.add_revocations(&revocation_of(1), at(0)).await?;
    assert!(is_revoked(redis, 1).await);
    Ok(())
}

#[tokio::test]
async fn a_server() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    everything(&redis).await.unwrap();
}

#[tokio::test]
async fn a_cluster() {
    let cluster = lab::redis::Cluster::start().await;
    let redis = RedisStore::new(redis_settings(&cluster.session()), URL);
    for _ in 0..10 {
        everything(&redis).await.unwrap();
    }
    // All servers of the cluster have keys.
    for server in &cluster.servers {
        assert!(!server.keys("portcullis:*").is_empty());
    }
}

#[tokio::test]
async fn a_primary_behind_a_sentinel_and_its_successor() {
    let mut sentinel = lab::redis::Sentinel::start().await;
    let redis = RedisStore::new(redis_settings(&sentinel.session()), URL);
    everything(&redis).await.unwrap();
    // The sentinel has a password of its own.
    let settings = redis_settings(&sentinel.session());
    let without = RedisSettings {
        sentinel_password_file: None,
        ..settings.clone()
    };
    let wrong = RedisSettings {
        sentinel_password_file: settings.password_file.clone(),
        ..settings
    };
    for settings in [without, wrong] {
        let refused = everything(&RedisStore::new(settings, URL)).await;
        assert!(refused.is_err());
    }
    let old = sentinel.primary().unwrap();
    let other = &sentinel.servers[1 - old];
    let replicated = async || other.keys("portcullis:*:ended").len() == 1;
    lab::wait::until_true("replication", lab::wait::LONG, replicated).await;
    sentinel.fail_over().await;
    let is_available = async || everything(&redis).await.is_ok();
    lab::wait::until_true("the new primary", lab::wait::LONG, is_available).await;
    assert!(is_revoked(&redis, 1).await);
}

#[tokio::test]
async fn the_configured_database_is_used() {
    let server = lab::Redis::start().await;
    let settings = RedisSettings {
        database: 3,
        ..redis_settings(&server.session())
    };
    everything(&RedisStore::new(settings, URL)).await.unwrap();
    assert_eq!(server.keys("*"), Vec::<String>::new());
    assert!(server.command(&["INFO", "keyspace"]).contains("db3:"));
}
