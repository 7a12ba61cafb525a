//! Two replicas with one Redis and the same keys are one companion.

use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Call, Reply, wait};
use rustls::ClientConfig;
use serde_json::json;

use crate::companion_faults::people::{alerts, refresh, shown, sign_out, userinfo};
use crate::companion_faults::stage::{APP, AUTH, HOST, Plan, Site, Stage, URL};

#[tokio::test]
async fn r02_a_sign_in_that_began_at_one_replica_ends_at_the_other_and_once() {
    let stage = Plan::replicas().start().await;
    let mut alice = stage.person(0);
    alice.visit(&format!("{APP}/graph")).await;
    let mut alice = stage.moved(alice, 1);
    let page = alice.sign_in_as("alice").await;
    assert_eq!(page.url.as_str(), format!("{APP}/graph"), "{}", page.text());
    let [first, second] = [0, 1].map(|site: usize| stage.sites[site].companion.log());
    assert!(first.contains("sign-in started") && !first.contains("\"signed in\""));
    assert!(!second.contains("sign-in started") && second.contains("\"signed in\""));

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

    // Both replicas want it redeemed before the provider has answered either.
    stage.provider.pause().await;
    let asked = storm(&stage, |site| {
        let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", &cookies);
        (call, site.companion.address(), None)
    });
    for reply in asked.await {
        assert_eq!(reply.status, 503, "{}", reply.text());
    }
    stage.provider.resume();
    let redeemed = async || stage.redeemed().await > before;
    wait::until_true("a redemption", wait::LONG, redeemed).await;

    // The browser keeps showing what it had, as tabs do whose answers come late, while its token
    // runs out; and each filter has it renewed.
    let mut renewed = [false; 2];
    wait::until_true("a fresh token by each filter", wait::LONG, async || {
        let replies = storm(&stage, |site| {
            let call = Call::get(HOST, "/api/v2/alerts").header("cookie", &cookies);
            let trust = Some(stage.authority.trust());
            (call, site.gateway.address(), trust)
        });
        for (number, reply) in replies.await.iter().enumerate() {
            assert_eq!(reply.verdict(), "200", "nobody is signed out");
            renewed[number % 2] |= reply.header("set-cookie").is_some();
        }
        renewed == [true; 2]
    })
    .await;
    assert_eq!(stage.redeemed().await, before + 1);
}

/// Sends fifty calls at once, one to the first site, one to the second, and so on.
async fn storm(
    stage: &Stage,
    call: impl Fn(&Site) -> (Call, SocketAddr, Option<Arc<ClientConfig>>),
) -> Vec<Reply> {
    let sites = stage.sites.iter().cycle().take(50);
    let calls = sites.map(|site| {
        let (call, address, trust) = call(site);
        tokio::spawn(async move {
            let sent = match trust {
                Some(trust) => call.try_send_tls(address, &trust).await,
                None => call.try_send(address).await,
            };
            sent.expect("a whole answer")
        })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.expect("no panic"));
    }
    replies
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
