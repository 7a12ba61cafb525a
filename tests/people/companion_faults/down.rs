//! The companion itself goes and comes back.

use portcullis_tests::lab::{Call, wait};

use crate::companion_faults::people::{
    alerts, goes_on, refresh, shown, sign_in, sign_out, userinfo,
};
use crate::companion_faults::stage::{APP, AUTH, Plan};

#[tokio::test]
async fn a_companion_that_was_killed_loses_nobodys_session_wherever_they_are_kept() {
    for plan in [Plan::alone(), Plan::with_redis()] {
        let mut stage = plan.start().await;
        let mut alice = stage.signed_in("alice", 0).await;
        stage.sites[0].companion.kill();
        assert_eq!(alerts(&mut alice).await.status, 200);
        // A new sign-in has to wait, and is not taken for anything else.
        let mut eve = stage.person(0);
        let page = eve.visit(&format!("{APP}/graph")).await;
        assert_eq!(page.reply.status, 503);
        stage.sites[0].companion.restart().await;
        assert_eq!(alerts(&mut alice).await.status, 200);
        assert_eq!(userinfo(&mut alice).await.json()["user"], "alice");
        let before = shown(&alice);
        assert_eq!(refresh(&mut alice).await.status, 200);
        assert_ne!(shown(&alice), before, "the sealed session still opens");
        sign_in(&mut eve, "eve", "/graph").await;
    }
}

#[tokio::test]
async fn a_session_whose_token_runs_out_without_the_companion_waits_for_it() {
    let mut stage = Plan::alone().token("5s").start().await;
    let mut alice = stage.signed_in("alice", 0).await;
    let cookies = shown(&alice);
    stage.sites[0].companion.kill();
    let refused = wait::until("a token that is over", wait::LONG, async || {
        let reply = stage.ask(&cookies, &stage.sites[0]).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!(refused.verdict(), "503 session-unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.all("set-cookie"), [""; 0]);
    stage.sites[0].companion.restart().await;
    goes_on(&mut alice).await;
}

#[tokio::test]
async fn while_one_replica_is_gone_the_other_does_all_the_work() {
    let mut stage = Plan::replicas().start().await;
    let alice = stage.signed_in("alice", 0).await;
    stage.sites[0].companion.kill();
    let mut alice = stage.moved(alice, 1);
    assert_eq!(alerts(&mut alice).await.status, 200);
    assert_eq!(userinfo(&mut alice).await.status, 200);
    assert_eq!(refresh(&mut alice).await.status, 200);
    // What happens meanwhile is known to the first when it is back.
    let kept = shown(&alice);
    sign_out(&mut alice).await;
    stage.sites[0].companion.restart().await;
    let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", &kept);
    assert_eq!(stage.sites[0].companion.call(call).await.status, 401);
    stage.is_out(&kept, &stage.sites[0]).await;
}
