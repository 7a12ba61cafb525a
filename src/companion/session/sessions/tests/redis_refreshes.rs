//! Refreshes by several replicas, with the real Redis of `make tools`.

use portcullis_tests::lab;

use super::redis::Replicas;
use super::*;
use crate::session::fixtures::rotate;
use crate::session::record::RefreshFailure;

#[tokio::test]
async fn r10_concurrent_refreshes_at_both_replicas_redeem_once() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(rotate);
    for replica in &mut fixture.replicas {
        // However slow the machine is.
        Arc::get_mut(replica).unwrap().refresh_timeout = lab::wait::LONG;
    }
    let before = fixture.uses_of_lock();
    let requests: Vec<_> = (0..50)
        .map(|number| fixture.refreshing(number % 2, at(3600)))
        .collect();
    // The other replica has tried to take the lock several times.
    let asked = async || fixture.provider.requests() > 0 && fixture.uses_of_lock() > before + 5;
    lab::wait::until_true("a replica that waits", lab::wait::LONG, asked).await;
    fixture.provider.gate.add_permits(50);
    for request in requests {
        let session = request.await.unwrap().unwrap().session;
        assert_eq!(session.tokens.refresh_token.unwrap().expose(), "refresh-1");
    }
    assert_eq!(fixture.provider.redeemed(), ["refresh-0"]);
}

#[tokio::test]
async fn new_tokens_are_not_lost_when_redis_fails_during_a_redemption() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(rotate);
    let request = fixture.refreshing(0, at(3600));
    fixture.wait_for_redemptions(1).await;
    fixture.server.kill();
    fixture.provider.gate.add_permits(1);
    assert!(matches!(
        request.await.unwrap(),
        Err(NoSession::Unavailable(_))
    ));
    fixture.server.restart().await;
    let refreshed = async |fixture: &mut Replicas| {
        let session = fixture.refresh(1, at(3610)).await.ok()?;
        let token = session.tokens.refresh_token?;
        (token.expose() == "refresh-1").then_some(())
    };
    let kept = lab::wait::within(lab::wait::LONG, async || refreshed(&mut fixture).await).await;
    assert!(kept.is_some());
    assert_eq!(fixture.provider.redeemed(), ["refresh-0"]);
}

#[tokio::test]
async fn forward_auth_sets_one_cookie_and_redeems_what_is_due() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let cookies = cookies(&header);
    for replica in [0, 1] {
        let cookie = fixture.replicas[replica].refresh_token_cookie(&cookies, at(3600), &provider);
        let active = cookie.await.unwrap();
        assert_eq!(active.set_cookies.len(), 1);
        assert_eq!(
            active.session.tokens.refresh_token.unwrap().expose(),
            "refresh-1"
        );
    }
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn r10_a_late_replica_with_a_spent_token_ends_nothing() {
    let mut fixture = Replicas::new().await;
    let session = fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(|session, time| match time {
        1 => rotate(session, time),
        _ => Err(RefreshFailure::Ended),
    });
    let first = fixture.refreshing(0, at(3600));
    fixture.wait_for_redemptions(1).await;
    // Its lock expires.
    let locks = fixture
        .server
        .keys(&format!("portcullis:*:lock:*{}*", session.sid));
    assert_eq!(fixture.server.command(&["DEL", &locks[0]]), "1");
    let second = fixture.refreshing(1, at(3600));
    fixture.wait_for_redemptions(2).await;
    fixture.provider.gate.add_permits(1);
    first.await.unwrap().unwrap();
    fixture.provider.gate.add_permits(1);
    let second = second.await.unwrap().unwrap();
    let token = second.session.tokens.refresh_token.unwrap();
    assert_eq!(token.expose(), "refresh-1");
    let counts = fixture.replicas[1].stats(at(3600)).await.unwrap();
    assert_eq!(counts.revocations, 0);
}

#[tokio::test]
async fn r10_the_lock_is_renewed_before_new_tokens_are_saved() {
    let mut fixture = Replicas::new().await;
    let session = fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(rotate);
    let request = fixture.refreshing(0, at(3600));
    fixture.wait_for_redemptions(1).await;
    let lock = format!("portcullis:*:lock:*{}*", session.sid);
    let locks = fixture.server.keys(&lock);
    assert_eq!(fixture.server.command(&["DEL", &locks[0]]), "1");
    // A record that can't be written, so that saving is retried.
    let record = fixture
        .server
        .keys(&format!("portcullis:*:session:*{}*", session.sid));
    let record = record[0].as_str();
    let _ok = fixture.server.command(&["RENAME", record, "aside"]);
    let _ok = fixture.server.command(&["SET", record, "of another type"]);
    fixture.provider.gate.add_permits(1);
    let again = async || !fixture.server.keys(&lock).is_empty();
    lab::wait::until_true("the lock", lab::wait::LONG, again).await;
    let _ok = fixture.server.command(&["RENAME", "aside", record]);
    let _in_time_or_not = request.await.unwrap();
    let refreshed = async || {
        let session = fixture.read(0, at(3601)).await.ok()?;
        let token = session.tokens.refresh_token?;
        (token.expose() == "refresh-1").then_some(())
    };
    assert!(
        lab::wait::within(lab::wait::LONG, refreshed)
            .await
            .is_some()
    );
}

#[tokio::test]
async fn no_generation_that_somebody_writes_to_redis_breaks_a_refresh() {
    let mut fixture = Replicas::new().await;
    fixture.start(0, at(0)).await;
    fixture.refresh(0, at(3000)).await.unwrap();
    let key = fixture.server.keys("portcullis:*:session:*").remove(0);
    let last = u64::MAX.to_string();
    let set = ["HSET", &key, "generation", &last];
    assert_eq!(fixture.server.command(&set), "0");
    let session = fixture.refresh(0, at(3600)).await.unwrap();
    assert_eq!(session.tokens.refresh_token.unwrap().expose(), "refresh-1");
    fixture.refresh(1, at(3610)).await.unwrap();
}
