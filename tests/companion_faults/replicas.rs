//! Two replicas with one Redis and the same keys are one companion.

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Call, wait};
use serde_json::json;
use tokio::task::JoinSet;

use crate::stage::{APP, AUTH, HOST, Plan, Stage, URL, alerts, refresh, shown, sign_out, userinfo};

#[tokio::test]
async fn r02_a_sign_in_that_began_at_one_replica_ends_at_the_other_and_once() {
    let stage = Plan::replicas().start().await;
    let mut alice = stage.person(0);
    alice.visit(&format!("{APP}/graph")).await;
    let mut alice = stage.moved(alice, 1);
    let page = alice.sign_in_as("alice").await;
    assert_eq!(page.url.as_str(), format!("{APP}/graph"), "{}", page.text());
    let [first, second] = [0, 1].map(|site: usize| stage.sites[site].companion.log());
    assert!(first.contains("a sign-in begins") && !first.contains("\"signed in\""));
    assert!(!second.contains("a sign-in begins") && second.contains("\"signed in\""));

    // What began at neither alone is known at both.
    for site in [1, 0] {
        alice = stage.moved(alice, site);
        assert_eq!(alerts(&mut alice).await.status, 200, "{site}");
        let told = userinfo(&mut alice).await;
        assert_eq!(told.json()["user"], "alice", "{site}");
        assert_eq!(refresh(&mut alice).await.status, 200, "{site}");
    }

    // A state that the one has seen the other does not take.
    let mut trail = alice.trail().iter();
    let callback = trail.find(|step| step.url.path() == "/oauth2/callback");
    let callback = callback.unwrap();
    let path = format!("{}?{}", callback.url.path(), callback.url.query().unwrap());
    let cookie = callback.cookie.clone().unwrap();
    let redeemed = stage.provider.count(Route::Token).await;
    for site in &stage.sites {
        let again = Call::get(AUTH, &path).header("cookie", &cookie);
        assert_eq!(site.companion.call(again).await.status, 403);
    }
    assert_eq!(stage.provider.count(Route::Token).await, redeemed);
}

#[tokio::test]
async fn r10_a_storm_over_both_replicas_redeems_once_and_signs_nobody_out() {
    let mut stage = Plan::replicas().token("5s").start().await;
    let alice = stage.signed_in("alice", 0).await;
    let signed_in = now();
    let cookies = shown(&alice);
    // Whatever was vouched for before the list of endings was lost must be vouched for again, so
    // that nobody has to wait until the provider's own token runs out.
    let before = stage.redeemed().await;
    wait::until_true("the next second", wait::LONG, async || now() > signed_in).await;
    let lost = stage.redis().keys("*ended*");
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!(stage.redis().command(&["DEL", &lost[0]]), "1");
    wait::until_true("a redemption", wait::LONG, async || {
        storm(&stage, &cookies).await;
        stage.redeemed().await > before
    })
    .await;
    // The browser keeps showing what it had, as tabs do whose answers come late, and so does a
    // filter that asks by itself.
    storm(&stage, &cookies).await;
    for site in &stage.sites {
        let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", &cookies);
        assert_eq!(site.companion.call(call).await.status, 200);
    }
    assert_eq!(stage.redeemed().await, before + 1);
}

/// Fifty requests at once, over both gateways, none of which is refused.
async fn storm(stage: &Stage, cookies: &str) {
    let mut replies = JoinSet::new();
    for number in 0..50 {
        let call = Call::get(HOST, "/api/v2/alerts").header("cookie", cookies);
        let address = stage.sites[number % 2].gateway.address();
        let trust = stage.authority.trust();
        replies.spawn(async move { call.try_send_tls(address, &trust).await.unwrap() });
    }
    for reply in replies.join_all().await {
        assert_eq!(reply.verdict(), "200", "nobody is signed out");
    }
}

#[tokio::test]
async fn l01_who_signs_out_at_one_replica_is_signed_out_at_both() {
    let stage = Plan::replicas().start().await;
    let mut alice = stage.signed_in("alice", 0).await;
    let kept = shown(&alice);
    sign_out(&mut alice).await;
    assert_eq!(shown(&alice), "");

    // Whoever kept the cookies has nothing, at the other replica either.
    for site in &stage.sites {
        for call in [
            Call::get(AUTH, "/oauth2/userinfo"),
            Call::post(AUTH, "/oauth2/refresh"),
        ] {
            let told = site.companion.call(call.header("cookie", &kept)).await;
            assert_eq!(told.status, 401, "{}", told.text());
        }
        stage.is_out(&kept, site).await;
    }
    let [one, other] = [&stage.sites[0], &stage.sites[1]];
    let list = one.revocations().await;
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list, other.revocations().await);
}

#[tokio::test]
async fn b06_a_logout_token_at_one_replica_ends_the_session_for_both() {
    let stage = Plan::replicas().start().await;
    let mut alice = stage.signed_in("alice", 1).await;
    let eve = stage.signed_in("eve", 0).await;
    let issuer = stage.provider.issuer().to_owned();
    alice.visit(&format!("{issuer}/session/end")).await;
    alice.confirm_sign_out().await;
    let told = stage.provider.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].error, None, "the first replica has heard of it");
    alice.visit(&format!("{URL}/ping")).await;
    assert_eq!(userinfo(&mut alice).await.status, 401);
    let [one, other] = [&stage.sites[0], &stage.sites[1]];
    let list = one.revocations().await;
    assert_ne!(list["entries"], json!([]));
    assert_eq!(list, other.revocations().await);
    for site in &stage.sites {
        stage.is_out(&shown(&alice), site).await;
    }
    // And for nobody else; and who signs in again is in.
    let mut eve = stage.moved(eve, 1);
    assert_eq!(userinfo(&mut eve).await.status, 200);
    assert_eq!(alerts(&mut eve).await.status, 200);
    stage.signed_in("alice", 0).await;
}
