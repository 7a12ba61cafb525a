//! Two replicas with one Redis and the same keys act as one companion.

use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::{Call, Response, wait};
use rustls::ClientConfig;
use serde_json::json;

use crate::companion_faults::actions::{alerts, cookie_header, refresh, sign_out, userinfo};
use crate::companion_faults::deployment::{
    APP, AUTH, Deployment, HOST, Replica, Settings, URL, connections,
};

#[tokio::test]
async fn r02_a_sign_in_started_at_one_replica_completes_once_at_the_other() {
    let deployment = Settings::replicas().start().await;
    let mut alice = deployment.user_agent(0);
    alice.visit(&format!("{APP}/graph")).await;
    let mut alice = deployment.route_through(alice, 1);
    let page = alice.sign_in_as("alice").await;
    assert_eq!(page.url.as_str(), format!("{APP}/graph"), "{}", page.text());
    let [first, second] = [0, 1].map(|replica: usize| deployment.replicas[replica].companion.log());
    assert!(first.contains("sign-in started") && !first.contains("\"signed in\""));
    assert!(!second.contains("sign-in started") && second.contains("\"signed in\""));

    // A session is valid at both, whichever started it.
    for replica in [1, 0] {
        alice = deployment.route_through(alice, replica);
        assert_eq!(alerts(&mut alice).await.status, 200, "{replica}");
        let response = userinfo(&mut alice).await;
        assert_eq!(response.json()["user"], "alice", "{replica}");
        assert_eq!(
            refresh(&mut alice, &deployment.replicas[replica])
                .await
                .status,
            200,
            "{replica}"
        );
    }

    // A state that one replica has accepted is rejected by the other.
    let mut history = alice.history().iter();
    let callback = history.find(|step| step.url.path() == "/oauth2/callback");
    let callback = callback.unwrap();
    let path = format!("{}?{}", callback.url.path(), callback.url.query().unwrap());
    let cookie = callback.cookie.clone().unwrap();
    let redeemed = deployment.provider.count(Route::Token).await;
    for replica in &deployment.replicas {
        let again = Call::get(AUTH, &path).header("cookie", &cookie);
        let response = replica.companion.call(again).await;
        let location = response.header("location").unwrap();
        assert!(location.starts_with("/oauth2/start?"), "{location}");
    }
    assert_eq!(deployment.provider.count(Route::Token).await, redeemed);
}

#[tokio::test]
async fn r10_concurrent_requests_at_both_replicas_refresh_once() {
    let mut deployment = Settings::replicas().token("5s").start().await;
    let alice = deployment.signed_in("alice", 0).await;
    let cookies = cookie_header(&alice);
    let before = deployment.refresh_count().await;
    deployment.require_refresh().await;

    // Both replicas need a refresh before the provider has responded to either.
    deployment.provider.pause().await;
    let refreshes = send_concurrently(&deployment, |replica| {
        let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", &cookies);
        (call, replica.companion.address(), None)
    });
    let resume = async {
        let all_wait = async || {
            let mut all = true;
            for replica in &deployment.replicas {
                all &= connections(&replica.companion).await >= 25;
            }
            all
        };
        wait::until_true("all requests at both replicas", wait::LONG, all_wait).await;
        deployment.provider.resume();
    };
    let (responses, ()) = tokio::join!(refreshes, resume);
    for response in responses {
        assert_eq!(response.status, 200, "{}", response.text());
    }
    let redeemed = async || deployment.refresh_count().await > before;
    wait::until_true("a refresh request", wait::LONG, redeemed).await;

    // The browser keeps sending the old cookies, like tabs whose responses arrive late, while the
    // token expires; each filter has it refreshed.
    let mut refreshed = [false; 2];
    wait::until_true("a refreshed token by each filter", wait::LONG, async || {
        let responses = send_concurrently(&deployment, |replica| {
            let call = Call::get(HOST, "/api/v2/alerts").header("cookie", &cookies);
            let trust = Some(deployment.authority.trust());
            (call, replica.gateway.address(), trust)
        });
        for (number, response) in responses.await.iter().enumerate() {
            assert_eq!(response.verdict(), "200", "nobody is signed out");
            refreshed[number % 2] |= response.header("set-cookie").is_some();
        }
        refreshed == [true; 2]
    })
    .await;
    assert_eq!(deployment.refresh_count().await, before + 1);
}

/// Sends fifty requests at once, alternating between the replicas.
async fn send_concurrently(
    deployment: &Deployment,
    call: impl Fn(&Replica) -> (Call, SocketAddr, Option<Arc<ClientConfig>>),
) -> Vec<Response> {
    let replicas = deployment.replicas.iter().cycle().take(50);
    let calls = replicas.map(|replica| {
        let (call, address, trust) = call(replica);
        tokio::spawn(async move {
            let sent = match trust {
                Some(trust) => call.try_send_tls(address, &trust).await,
                None => call.try_send(address).await,
            };
            sent.expect("a complete response")
        })
    });
    let mut responses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        responses.push(call.await.expect("no panic"));
    }
    responses
}

#[tokio::test]
async fn l01_a_sign_out_at_one_replica_applies_to_both() {
    let deployment = Settings::replicas().start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    let old_cookies = cookie_header(&alice);
    sign_out(&mut alice).await;
    assert_eq!(cookie_header(&alice), "");

    // Cookies copied before the sign-out are invalid, at the other replica too.
    for replica in &deployment.replicas {
        for call in [
            Call::get(AUTH, "/oauth2/userinfo"),
            Call::post(AUTH, "/oauth2/refresh"),
        ] {
            let response = replica
                .companion
                .call(call.header("cookie", &old_cookies))
                .await;
            assert_eq!(response.status, 401, "{}", response.text());
        }
        deployment.wait_until_revoked(&old_cookies, replica).await;
    }
    let [one, other] = [&deployment.replicas[0], &deployment.replicas[1]];
    let list = one.revocations().await;
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list, other.revocations().await);
}

#[tokio::test]
async fn b06_a_logout_token_at_one_replica_revokes_the_session_at_both() {
    let deployment = Settings::replicas().start().await;
    let mut alice = deployment.signed_in("alice", 1).await;
    let eve = deployment.signed_in("eve", 0).await;
    let issuer = deployment.provider.issuer().to_owned();
    alice.visit(&format!("{issuer}/session/end")).await;
    alice.confirm_sign_out().await;
    let logout_tokens = deployment.provider.logout_tokens().await;
    assert_eq!(logout_tokens.len(), 1, "{logout_tokens:?}");
    assert_eq!(
        logout_tokens[0].error, None,
        "the first replica received it"
    );
    let record = r#"\"event\":\"revoked\",\"reason\":\"backchannel-logout\",\"provider\":\"sso\",\"subject\":"#;
    let logs = [0, 1].map(|replica| deployment.replicas[replica].companion.log());
    let records = logs.map(|log| log.matches(record).count());
    assert_eq!(
        records,
        [1, 0],
        "one session, and the replica that received it"
    );
    alice.visit(&format!("{URL}/ping")).await;
    assert_eq!(userinfo(&mut alice).await.status, 401);
    let [one, other] = [&deployment.replicas[0], &deployment.replicas[1]];
    let list = one.revocations().await;
    assert_ne!(list["entries"], json!([]));
    assert_eq!(list, other.revocations().await);
    for replica in &deployment.replicas {
        deployment
            .wait_until_revoked(&cookie_header(&alice), replica)
            .await;
    }
    // Other sessions are not affected, and the user can sign in again.
    let mut eve = deployment.route_through(eve, 1);
    assert_eq!(userinfo(&mut eve).await.status, 200);
    assert_eq!(alerts(&mut eve).await.status, 200);
    deployment.signed_in("alice", 0).await;
}
