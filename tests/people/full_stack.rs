//! The full stack with a user agent that runs no scripts.

use std::time::Duration;

use portcullis_tests::lab::full_stack::{APP, COOKIE_PREFIX, URL};
use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::{Call, FullStack, Response, UserAgent, wait};
use serde_json::json;
use tokio::task::JoinSet;

/// A script's request from the app's page.
async fn call(user: &mut UserAgent, call: Call) -> u16 {
    let response = user.fetch(&format!("{APP}/api/v2/alerts"), call).await;
    response.status
}

/// Sends this request several times at once.
async fn send_concurrently(stack: &FullStack, call: &Call, times: usize) -> Vec<Response> {
    let mut responses = JoinSet::new();
    for _ in 0..times {
        let (call, address) = (call.clone(), stack.gateway.address());
        let trust = stack.authority.trust();
        responses.spawn(async move { call.try_send_tls(address, &trust).await.unwrap() });
    }
    responses.join_all().await
}

#[tokio::test]
async fn a_user_signs_in_on_the_way_to_an_app_and_groups_decide_access() {
    let stack = FullStack::with().start().await;
    let mut alice = stack.user_agent();
    let status = stack
        .sign_in(&mut alice, "alice", "/graph?g0.expr=up%20%2B1&tab=1")
        .await;
    assert_eq!(status, 200);
    let seen = stack.app.requests().pop().unwrap();
    let headers = seen["headers"].as_array().unwrap();
    for (name, value) in [("user", "alice"), ("groups", "sre")] {
        let header = json!([format!("x-auth-request-{name}"), value]);
        assert!(headers.contains(&header), "{seen}");
    }
    assert!(!seen.to_string().contains(COOKIE_PREFIX), "{seen}");

    let mut bob = stack.user_agent();
    let status = stack.sign_in(&mut bob, "bob", "/graph").await;
    assert_eq!(status, 403, "a page, not a redirect loop");
    assert_eq!(stack.app.count(), 1);

    // A program gets a status, not a redirect.
    let response = stack
        .gateway
        .call(Call::get("alertmanager.example.com", "/api/v2/alerts"))
        .await;
    assert_eq!(response.verdict(), "401 no-credentials");
}

#[tokio::test]
async fn r10_concurrent_requests_at_expiry_refresh_once() {
    // Session tokens and the provider's tokens of five seconds: both expire at the same time.
    let stack = FullStack::with().token("5s").access(5).start().await;
    let mut alice = stack.user_agent();
    assert_eq!(stack.sign_in(&mut alice, "alice", "/").await, 200);
    let before = stack.provider().grants("refresh_token").await;
    let cookie = alice.history().last().unwrap().cookie.clone().unwrap();
    let call = Call::get("alertmanager.example.com", "/api/v2/alerts").header("cookie", cookie);
    // The browser keeps sending the old cookies, like tabs whose responses arrive late.
    wait::until_true("a refresh request", Duration::from_secs(90), async || {
        let responses = send_concurrently(&stack, &call, 50).await;
        let all = responses.iter().all(|response| response.status == 200);
        assert!(all, "nobody is signed out");
        stack.provider().grants("refresh_token").await > before
    })
    .await;
    let responses = send_concurrently(&stack, &call, 50).await;
    assert!(responses.iter().all(|response| response.status == 200));
    assert_eq!(stack.provider().grants("refresh_token").await, before + 1);
}

#[tokio::test]
async fn sessions_survive_a_companion_outage() {
    let mut stack = FullStack::with().start().await;
    let mut alice = stack.user_agent();
    assert_eq!(stack.sign_in(&mut alice, "alice", "/").await, 200);
    stack.companion.kill();
    assert_eq!(call(&mut alice, Call::get("", "")).await, 200);
    stack.companion.restart().await;
    assert_eq!(call(&mut alice, Call::get("", "")).await, 200);
    let response = alice
        .fetch(&format!("{URL}/oauth2/userinfo"), Call::get("", ""))
        .await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn b06_a_sign_out_at_the_provider_revokes_the_session_everywhere_within_seconds() {
    let stack = FullStack::with().start().await;
    let mut alice = stack.user_agent();
    assert_eq!(stack.sign_in(&mut alice, "alice", "/").await, 200);
    let issuer = stack.provider().issuer().to_owned();
    alice.visit(&format!("{issuer}/session/end")).await;
    alice.confirm_sign_out().await;
    let logout_tokens = stack.provider().logout_tokens().await;
    assert_eq!(logout_tokens.len(), 1, "{logout_tokens:?}");
    assert_eq!(logout_tokens[0].error, None);
    alice.visit(&format!("{URL}/ping")).await;
    wait::until_true(
        "the end of the session",
        Duration::from_secs(10),
        async || call(&mut alice, Call::get("", "")).await == 401,
    )
    .await;
    assert!(stack.provider().count(Route::Token).await >= 1);
}
