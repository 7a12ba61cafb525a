//! A Redis that is down, hangs, or refuses the connection.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::*;
use crate::session::fixtures::Folder;

async fn read(redis: &RedisStore) -> Result<(), Unavailable> {
    redis.read_revocations(at(0)).await.map(drop)
}

async fn wait_for_redis(redis: &RedisStore) {
    let is_available = async || read(redis).await.is_ok();
    lab::wait::until_true("Redis", lab::wait::LONG, is_available).await;
}

#[tokio::test]
async fn commands_fail_while_redis_is_down_and_succeed_after_its_restart() {
    let mut server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    redis
        .add_revocations(&revocation_of(1), at(0))
        .await
        .unwrap();
    server.kill();
    for _ in 0..5 {
        read(&redis).await.unwrap_err();
    }
    redis
        .add_revocations(&revocation_of(2), at(0))
        .await
        .unwrap_err();
    server.restart().await;
    wait_for_redis(&redis).await;
    assert!(is_revoked(&redis, 1).await);
    assert!(!is_revoked(&redis, 2).await);
}

#[tokio::test]
async fn a_broken_connection_fails_no_command() {
    let mut server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    read(&redis).await.unwrap();
    server.kill();
    server.restart().await;
    read(&redis).await.unwrap();
    assert_eq!(server.command(&["CLIENT", "KILL", "TYPE", "normal"]), "1");
    read(&redis).await.unwrap();
}

#[tokio::test]
async fn a_command_to_a_redis_that_hangs_times_out() {
    let server = lab::Redis::start().await;
    let redis = RedisStore::new(redis_settings(&server.session()), URL);
    read(&redis).await.unwrap();
    server.pause().await;
    for _ in 0..3 {
        let before = Instant::now();
        read(&redis).await.unwrap_err();
        assert!(
            before.elapsed() < Duration::from_millis(1500),
            "{:?}",
            before.elapsed()
        );
    }
    // Concurrent commands wait no longer than one.
    let before = Instant::now();
    let all = std::sync::Arc::new(redis);
    let commands: Vec<_> = (0..50)
        .map(|_| {
            let redis = std::sync::Arc::clone(&all);
            tokio::spawn(async move { read(&redis).await })
        })
        .collect();
    for command in commands {
        command.await.unwrap().unwrap_err();
    }
    assert!(
        before.elapsed() < Duration::from_millis(2500),
        "{:?}",
        before.elapsed()
    );
    server.resume();
    wait_for_redis(&all).await;
}

#[tokio::test]
async fn clients_that_disconnect_cancel_no_attempt_to_connect() {
    let server = lab::Redis::start().await;
    let mut settings = redis_settings(&server.session());
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.nodes[0].1 = relay.local_addr().unwrap().port();
    let redis = RedisStore::new(settings, URL);
    let (accepted, release) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let relaying = {
        let (accepted, release) = (Arc::clone(&accepted), Arc::clone(&release));
        let server = server.address();
        async move {
            let (mut client, _) = relay.accept().await.unwrap();
            accepted.fetch_add(1, Ordering::SeqCst);
            // Any other attempt would be counted.
            let more = tokio::spawn(async move {
                while relay.accept().await.is_ok() {
                    accepted.fetch_add(1, Ordering::SeqCst);
                }
            });
            release.notified().await;
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
            more.abort();
        }
    };
    tokio::spawn(relaying);
    for _ in 0..10 {
        let request = read(&redis);
        let disconnected = tokio::time::timeout(Duration::from_millis(50), request).await;
        disconnected.unwrap_err();
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    release.notify_one();
    read(&redis).await.unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_corrected_password_needs_no_restart() {
    let server = lab::Redis::start().await;
    let folder = Folder::new();
    let mut settings = redis_settings(&server.session());
    let right = settings
        .password_file
        .replace(folder.file("password"))
        .unwrap();
    let redis = RedisStore::new(settings, URL);
    let error = read(&redis).await.unwrap_err().to_string();
    assert!(error.contains("file not found"), "{error}");

    fs::write(folder.file("password"), "wrong-password\n").unwrap();
    let refused = async || {
        read(&redis)
            .await
            .is_err_and(|error| error.to_string().contains("Redis: "))
    };
    lab::wait::until_true("a refusal", lab::wait::LONG, refused).await;
    // During the back-off, errors still name the cause.
    for _ in 0..3 {
        let error = read(&redis).await.unwrap_err().to_string();
        assert!(error.contains("Password authentication failed"), "{error}");
        assert!(!error.contains("wrong-password"), "{error}");
    }
    assert!(!format!("{redis:?}").contains("wrong-password"));

    let right = fs::read_to_string(right).unwrap();
    fs::write(folder.file("password"), right + "\n").unwrap();
    wait_for_redis(&redis).await;
}

#[tokio::test]
async fn nothing_is_sent_to_an_untrusted_redis() {
    let trusted = lab::Authority::new();
    let server = lab::Redis::start_tls(&trusted).await;
    let good = redis_settings(&server.session());
    let redis = RedisStore::new(good.clone(), URL);
    redis
        .add_revocations(&revocation_of(1), at(0))
        .await
        .unwrap();
    assert!(is_revoked(&redis, 1).await);

    let untrusted = lab::Authority::new();
    let wrong = [
        RedisSettings {
            ca_file: Some(untrusted.file().to_owned()),
            ..good.clone()
        },
        RedisSettings {
            ca_file: None,
            ..good.clone()
        },
        RedisSettings {
            nodes: vec![("127.0.0.1".to_owned(), good.nodes[0].1)],
            ..good.clone()
        },
        RedisSettings { tls: false, ..good },
    ];
    for wrong in wrong {
        let redis = RedisStore::new(wrong.clone(), URL);
        assert!(read(&redis).await.is_err(), "{wrong:?}");
    }
}
