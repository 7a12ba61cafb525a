//! The companion goes down and comes back.

use portcullis_tests::lab::{Call, wait};

use crate::companion_faults::actions::{
    alerts, cookie_header, refresh, sign_in, sign_out, userinfo, wait_until_refreshed,
};
use crate::companion_faults::deployment::{APP, AUTH, Settings};

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
