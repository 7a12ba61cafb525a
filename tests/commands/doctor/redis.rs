//! The session store in Redis.

use std::fs;

use portcullis_tests::lab::redis::{Cluster, Sentinel};
use portcullis_tests::lab::{Authority, Redis, port};
use serde_json::{Value, json};

use super::fixture::Fixture;

/// A fixture with these settings of its sessions.
async fn fixture(session: Value) -> Fixture {
    let mut fixture = Fixture::start().await;
    set_store(&mut fixture, session);
    fixture
}

fn set_store(fixture: &mut Fixture, session: Value) {
    for (name, value) in session.as_object().unwrap() {
        fixture.configuration["session"][name] = value.clone();
    }
}

#[tokio::test]
async fn each_fault_of_redis_is_named_with_its_fix() {
    let mut redis = Redis::start().await;
    let mut fixture = fixture(redis.session()).await;
    let examined = fixture.doctor().await;
    examined.assert_all_ok();
    assert_eq!(redis.keys("*"), [""; 0], "nothing is left in Redis");

    let set =
        |name: &str, value: &str| assert_eq!(redis.command(&["CONFIG", "SET", name, value]), "OK");
    set("maxmemory-policy", "allkeys-lru");
    let examined = fixture.doctor().await;
    let help = "set `maxmemory-policy noeviction`";
    examined.assert_warning("session", "store-eviction", "`maxmemory` is set", help);
    set("maxmemory", "100mb");
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "store-eviction",
        "maxmemory-policy allkeys-lru",
        help,
    );
    set("maxmemory-policy", "noeviction");

    set("maxmemory", "1");
    let examined = fixture.doctor().await;
    examined.assert_error("session", "store", "OOM", "give it memory");
    set("maxmemory", "0");

    set("appendonly", "no");
    let examined = fixture.doctor().await;
    let help = "set `appendonly yes`";
    examined.assert_warning(
        "session",
        "store-persistence",
        "writes nothing to disk",
        help,
    );
    set("save", "3600 1");
    let examined = fixture.doctor().await;
    examined.assert_warning("session", "store-persistence", "(`save 3600 1`)", help);
    set("appendonly", "yes");

    let nowhere = port::free().port().to_string();
    assert_eq!(redis.command(&["REPLICAOF", "127.0.0.1", &nowhere]), "OK");
    let examined = fixture.doctor().await;
    examined.assert_error("session", "store", "read only replica", "name the master");
    assert_eq!(redis.command(&["REPLICAOF", "NO", "ONE"]), "OK");

    let password = fixture.folder.join("redis-password");
    fs::write(&password, "another").unwrap();
    fixture.configuration["session"]["redis"]["password_file"] = json!(password);
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "store",
        "authentication failed",
        "`session.redis.password_file`",
    );
    fixture.configuration["session"]
        .as_object_mut()
        .unwrap()
        .remove("redis");
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "store",
        "NOAUTH",
        "`session.redis.password_file`",
    );
    set_store(&mut fixture, redis.session());

    redis.pause().await;
    let examined = fixture.doctor().await;
    examined.assert_error("session", "store", "timed out", "the log of Redis");
    redis.resume();
    redis.kill();
    let examined = fixture.doctor().await;
    examined.assert_error(
        "session",
        "connection",
        "Connection refused",
        "`session.store`",
    );
}

#[tokio::test]
async fn a_user_who_may_not_run_info_gets_no_result_about_persistence() {
    let redis = Redis::start().await;
    let mut fixture = fixture(redis.session()).await;
    let user = [
        "ACL",
        "SETUSER",
        "gate",
        "on",
        ">redis-password",
        "~portcullis:*",
        "+@all",
        "-info",
        "-@dangerous",
    ];
    assert_eq!(redis.command(&user), "OK");
    fixture.configuration["session"]["redis"]["username"] = json!("gate");
    let examined = fixture.doctor().await;
    let expected = ["session: store-persistence", "session: store-eviction"];
    assert_eq!(examined.with_status("skipped"), expected);
    assert_eq!(examined.code, Some(0));
    assert_eq!(
        redis.command(&["ACL", "SETUSER", "gate", "resetkeys", "~other:*"]),
        "OK"
    );
    let examined = fixture.doctor().await;
    examined.assert_error("session", "store", "NoPerm", "`portcullis:*`");
}

#[tokio::test]
async fn a_certificate_of_redis_that_is_not_trusted_is_named() {
    let authority = Authority::new();
    let redis = Redis::start_tls(&authority).await;
    let mut fixture = fixture(redis.session()).await;
    let examined = fixture.doctor().await;
    examined.assert_all_ok();
    let other = Authority::new();
    fixture.configuration["session"]["redis"]["ca_file"] = json!(other.file());
    let examined = fixture.doctor().await;
    examined.assert_error("session", "tls", "is not valid", "`session.redis.ca_file`");
}

#[tokio::test]
async fn sentinels_and_a_cluster_have_no_fault() {
    let sentinel = Sentinel::start().await;
    let of_sentinel = fixture(sentinel.session()).await;
    of_sentinel.doctor().await.assert_all_ok();
    let cluster = Cluster::start().await;
    let of_cluster = fixture(cluster.session()).await;
    let examined = of_cluster.doctor().await;
    assert_eq!(examined.code, Some(0), "{examined:#?}");
    let (detail, _) = examined.of_check("ok", "session", "store");
    assert_eq!(detail, "Redis can be read and written");
}
