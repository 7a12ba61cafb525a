//! The companion goes down and comes back.

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::{Call, Companion, Connection, wait};

use crate::companion_faults::actions::{
    alerts, cookie_header, refresh, sign_in, sign_out, userinfo, wait_until_refreshed,
};
use crate::companion_faults::deployment::{APP, AUTH, Replica, Settings, connections};

#[tokio::test]
async fn a_killed_companion_loses_no_session_with_any_store() {
    let stores = [
        Settings::single(),
        Settings::with_file(),
        Settings::with_redis(),
    ];
    for settings in stores {
        let mut deployment = settings.start().await;
        let mut alice = deployment.signed_in("alice", 0).await;
        deployment.replicas[0].companion.kill();
        assert_eq!(alerts(&mut alice).await.status, 200);
        // A new sign-in is not possible meanwhile.
        let mut eve = deployment.user_agent(0);
        let page = eve.visit(&format!("{APP}/graph")).await;
        assert_eq!(page.response.status, 503);
        deployment.replicas[0].companion.restart().await;
        assert_eq!(alerts(&mut alice).await.status, 200);
        assert_eq!(userinfo(&mut alice).await.json()["user"], "alice");
        let before = cookie_header(&alice);
        assert_eq!(
            refresh(&mut alice, &deployment.replicas[0]).await.status,
            200
        );
        assert_ne!(
            cookie_header(&alice),
            before,
            "the sealed session is still valid"
        );
        sign_in(&mut eve, "eve", "/graph").await;
    }
}

#[tokio::test]
async fn a_session_that_expires_while_the_companion_is_down_recovers() {
    let mut deployment = Settings::single().token("5s").start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    let cookies = cookie_header(&alice);
    deployment.replicas[0].companion.kill();
    let refused = wait::until("an expired token", wait::LONG, async || {
        let response = deployment
            .request_alerts(&cookies, &deployment.replicas[0])
            .await;
        (response.status != 200).then_some(response)
    })
    .await;
    assert_eq!(refused.verdict(), "503 session-unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.all("set-cookie"), [""; 0]);
    deployment.replicas[0].companion.restart().await;
    wait_until_refreshed(&mut alice).await;
}

#[tokio::test]
async fn one_replica_serves_everything_while_the_other_is_down() {
    let mut deployment = Settings::replicas().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    deployment.replicas[0].companion.kill();
    let mut alice = deployment.route_through(alice, 1);
    assert_eq!(alerts(&mut alice).await.status, 200);
    assert_eq!(userinfo(&mut alice).await.status, 200);
    assert_eq!(
        refresh(&mut alice, &deployment.replicas[1]).await.status,
        200
    );
    // The first replica learns of changes in the meantime.
    let old_cookies = cookie_header(&alice);
    sign_out(&mut alice).await;
    deployment.replicas[0].companion.restart().await;
    let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", &old_cookies);
    assert_eq!(
        deployment.replicas[0].companion.call(call).await.status,
        401
    );
    deployment
        .wait_until_revoked(&old_cookies, &deployment.replicas[0])
        .await;
}

#[tokio::test]
async fn a_refresh_in_flight_at_a_shutdown_is_completed_and_stored() {
    let mut deployment = Settings::with_redis().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    let cookies = cookie_header(&alice);
    deployment.require_refresh().await;
    let redeemed = deployment.refresh_count().await;
    let refresh = Call::post(AUTH, "/oauth2/refresh").header("cookie", &cookies);

    // The client disconnects while the provider has not responded yet. The gateway has connections of its own.
    let Replica { companion, gateway } = deployment.replicas.remove(0);
    drop(gateway);
    let mut companion = companion;
    let has_no_connection = async |companion: &Companion| {
        let is_closed = async || connections(companion).await == 0;
        wait::until_true("no connection", wait::LONG, is_closed).await;
    };
    has_no_connection(&companion).await;
    deployment.provider.pause().await;
    let address = companion.address();
    let mut client = Connection::open(address).await.unwrap();
    let bytes = format!(
        "POST /oauth2/refresh HTTP/1.1\r\nhost: {AUTH}\r\ncookie: {cookies}\r\ncontent-length: 0\r\n\r\n"
    );
    client.write(bytes.as_bytes()).await.unwrap();
    let redis = deployment.redis();
    let is_redeemed = async || !redis.keys("*:lock:*").is_empty();
    wait::until_true("a redemption", wait::LONG, is_redeemed).await;
    drop(client);
    has_no_connection(&companion).await;

    let resume = async {
        let is_stopping = async || {
            let ping = Call::get(AUTH, "/ping").try_send(address).await;
            ping.is_err()
        };
        wait::until_true("the shutdown", wait::LONG, is_stopping).await;
        deployment.provider.resume();
    };
    let (status, ()) = tokio::join!(companion.stop(), resume);
    assert_eq!(status.code(), Some(0));
    companion.restart().await;
    let token_requests = deployment.provider.count(Route::Token).await;
    assert_eq!(deployment.refresh_count().await, redeemed + 1);
    // The record has the new tokens, so nothing is redeemed again, and nobody is signed out.
    let response = companion.call(refresh).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(
        deployment.provider.count(Route::Token).await,
        token_requests
    );
}
