//! The whole way of a person who runs no scripts.

use std::time::Duration;

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::way::{APP, FAMILY, URL};
use portcullis_tests::lab::{Call, Person, Reply, Way, wait};
use serde_json::json;
use tokio::task::JoinSet;

/// What a script of the app's page gets.
async fn call(person: &mut Person, call: Call) -> u16 {
    let reply = person.fetch(&format!("{APP}/api/v2/alerts"), call).await;
    reply.status
}

/// Sends this call as often at once.
async fn storm(way: &Way, call: &Call, times: usize) -> Vec<Reply> {
    let mut replies = JoinSet::new();
    for _ in 0..times {
        let (call, address) = (call.clone(), way.gateway.address());
        let trust = way.authority.trust();
        replies.spawn(async move { call.try_send_tls(address, &trust).await.unwrap() });
    }
    replies.join_all().await
}

#[tokio::test]
async fn a_person_signs_in_on_the_way_to_an_app_and_groups_decide_who_sees_it() {
    let way = Way::with().start().await;
    let mut alice = way.person();
    let status = way
        .sign_in(&mut alice, "alice", "/graph?g0.expr=up%20%2B1&tab=1")
        .await;
    assert_eq!(status, 200);
    let seen = way.app.seen().pop().unwrap();
    let headers = seen["headers"].as_array().unwrap();
    for (name, value) in [("user", "alice"), ("groups", "sre")] {
        let header = json!([format!("x-auth-request-{name}"), value]);
        assert!(headers.contains(&header), "{seen}");
    }
    assert!(!seen.to_string().contains(FAMILY), "{seen}");

    let mut bob = way.person();
    let status = way.sign_in(&mut bob, "bob", "/graph").await;
    assert_eq!(status, 403, "a page, and no loop");
    assert_eq!(way.app.count(), 1);

    // A program is told, and not sent around.
    let reply = way
        .gateway
        .call(Call::get("alertmanager.example.com", "/api/v2/alerts"))
        .await;
    assert_eq!(reply.verdict(), "401 no-credentials");
}

#[tokio::test]
async fn r10_a_storm_of_requests_at_expiry_redeems_once_and_signs_nobody_out() {
    // Session tokens of five seconds, and a provider's of as many: both run out at once.
    let way = Way::with().token("5s").access(5).start().await;
    let mut alice = way.person();
    assert_eq!(way.sign_in(&mut alice, "alice", "/").await, 200);
    let before = way.provider().grants("refresh_token").await;
    let cookie = alice.trail().last().unwrap().cookie.clone().unwrap();
    let call = Call::get("alertmanager.example.com", "/api/v2/alerts").header("cookie", cookie);
    // The browser keeps showing what it had, as tabs do whose answers come late.
    wait::until_true("a redemption", Duration::from_secs(90), async || {
        let replies = storm(&way, &call, 50).await;
        let all = replies.iter().all(|reply| reply.status == 200);
        assert!(all, "nobody is signed out");
        way.provider().grants("refresh_token").await > before
    })
    .await;
    let replies = storm(&way, &call, 50).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(way.provider().grants("refresh_token").await, before + 1);
}

#[tokio::test]
async fn a_companion_that_is_down_is_not_missed_and_loses_nobodys_session() {
    let mut way = Way::with().start().await;
    let mut alice = way.person();
    assert_eq!(way.sign_in(&mut alice, "alice", "/").await, 200);
    way.companion.kill();
    assert_eq!(call(&mut alice, Call::get("", "")).await, 200);
    way.companion.restart().await;
    assert_eq!(call(&mut alice, Call::get("", "")).await, 200);
    let reply = alice
        .fetch(&format!("{URL}/oauth2/userinfo"), Call::get("", ""))
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn b06_who_signs_out_at_the_provider_is_signed_out_everywhere_within_seconds() {
    let way = Way::with().start().await;
    let mut alice = way.person();
    assert_eq!(way.sign_in(&mut alice, "alice", "/").await, 200);
    let issuer = way.provider().issuer().to_owned();
    alice.visit(&format!("{issuer}/session/end")).await;
    alice.confirm_sign_out().await;
    let told = way.provider().told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].error, None);
    alice.visit(&format!("{URL}/ping")).await;
    wait::until_true(
        "the end of the session",
        Duration::from_secs(10),
        async || call(&mut alice, Call::get("", "")).await == 401,
    )
    .await;
    assert!(way.provider().count(Route::Token).await >= 1);
}
