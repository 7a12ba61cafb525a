//! Concurrent requests of one session, and clients that disconnect.

use portcullis_tests::lab::envoy::Builder;
use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, ClientPool, Version, wait};

use crate::sessions::companion::REFRESH;
use crate::sessions::session_gateway::{SessionGateway, TestSession, cookies, with_session};

const WAITING: &str = "portcullis_waiting_requests";

async fn asked(people: &SessionGateway, calls: usize) {
    let asked = async || people.companion.count(REFRESH) == calls;
    wait::until_true("refresh requests", wait::LONG, asked).await;
}

/// The number of requests that may wait on one worker, in total and for one session.
const MAX_WAITING: usize = 256;
const MAX_WAITING_PER_SESSION: usize = 128;

async fn waiting(people: &SessionGateway, count: usize) {
    let gateway = &people.gateway;
    let all = |waiting: f64| waiting == f64::from(u32::try_from(count).unwrap());
    gateway.metric(WAITING, &[], all).await;
}

#[tokio::test]
async fn fifty_requests_of_one_session_cause_one_call_per_worker() {
    for version in Version::ALL {
        let mut people = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let ann = TestSession::new("ann");
        people
            .assert_allowed_with_reply("at first", with_session(&people.valid_token(&ann)))
            .await;
        let lines = people.refresh_succeeds(&ann);
        people.companion.hold();
        let over = people.expired_token(&ann);
        let crowd = ClientPool::connect(people.gateway.address(), 50).await;
        let call = |number: usize| {
            let call = Call::post(HOST, &format!("/{number}")).body(vec![b'x'; 1000]);
            call.header("cookie", cookies(&over))
        };
        let replies = crowd.send((0..50).map(call));
        waiting(&people, 50).await;
        people.companion.release();
        for reply in replies.join_all().await {
            assert_eq!(reply.verdict(), "200", "{version}: {}", reply.text());
            assert_eq!(reply.all("set-cookie"), lines);
            assert_eq!(reply.json()["body_bytes"], 1000);
            people.count_forwarded();
        }
        people.assert_not_forwarded("fifty");
        let workers = people.gateway.workers_that_decided();
        assert_eq!(workers, 2, "{version}");
        assert_eq!(people.companion.count(REFRESH), workers, "{version}");
        waiting(&people, 0).await;
        people.assert_clean().await;
    }
}

#[tokio::test]
async fn different_cookies_cause_separate_calls() {
    let mut people = SessionGateway::with(|_| {}, |builder| builder.workers(1)).await;
    let ann = TestSession::new("ann");
    people.refresh_succeeds(&ann);
    people.companion.hold();
    let over = people.expired_token(&ann);
    let crowd = ClientPool::connect(people.gateway.address(), 4).await;
    let sealed = |sealed: &str| {
        let cookies = cookies(&over).replace("=sealed", &format!("={sealed}"));
        Call::get(HOST, "/").header("cookie", cookies)
    };
    let replies = crowd.send(["a", "b", "a", "b"].map(sealed));
    waiting(&people, 4).await;
    people.companion.release();
    for reply in replies.join_all().await {
        assert_eq!(reply.verdict(), "200");
        people.count_forwarded();
    }
    assert_eq!(people.companion.count(REFRESH), 2);
    people.assert_clean().await;
}

#[tokio::test]
async fn a_disconnect_does_not_affect_other_waiting_requests() {
    for version in Version::ALL {
        let more = |builder: Builder| builder.version(version);
        let mut people = SessionGateway::with(|_| {}, |builder| more(builder).workers(1)).await;
        let ann = TestSession::new("ann");
        // With the keys loaded, a request starts a refresh at once.
        people
            .assert_allowed_with_reply("at first", with_session(&people.valid_token(&ann)))
            .await;
        let lines = people.refresh_succeeds(&ann);
        people.companion.hold();
        let over = people.expired_token(&ann);
        let address = people.gateway.address();
        let send = |path: &str| {
            let call = Call::get(HOST, path).header("cookie", cookies(&over));
            tokio::spawn(async move { call.send(address).await })
        };
        // The first request has started the refresh; the others wait for its response.
        let first = send("/first");
        waiting(&people, 1).await;
        let (second, third) = (send("/second"), send("/third"));
        waiting(&people, 3).await;
        asked(&people, 1).await;
        first.abort();
        third.abort();
        waiting(&people, 1).await;
        asked(&people, 2).await;
        people.companion.release();
        let reply = second.await.unwrap();
        assert_eq!(reply.verdict(), "200", "{version}");
        assert_eq!(reply.all("set-cookie"), lines);
        people.count_forwarded();

        // All disconnect: the response has no recipient.
        people.companion.hold();
        let alone = send("/alone");
        waiting(&people, 1).await;
        alone.abort();
        waiting(&people, 0).await;
        people.companion.release();
        people
            .assert_allowed_with_reply("the next", with_session(&over))
            .await;
        people.assert_clean().await;
    }
}

#[tokio::test]
async fn t30_the_refresh_queue_is_bounded_and_a_full_one_does_not_harm_the_worker() {
    for version in Version::ALL {
        let more = |builder: Builder| builder.version(version);
        let mut people = SessionGateway::with(|_| {}, |builder| more(builder).workers(1)).await;
        let good = people.valid_token(&TestSession::new("eve"));
        people
            .assert_allowed_with_reply("at first", with_session(&good))
            .await;
        people.refresh_revokes();
        people.companion.hold();
        let address = people.gateway.address();
        // One session may use half of the limit.
        let ann = people.expired_token(&TestSession::new("ann"));
        let crowd = ClientPool::connect(address, MAX_WAITING_PER_SESSION + 10).await;
        let mut of_one = crowd.send(std::iter::repeat_n(
            with_session(&ann),
            MAX_WAITING_PER_SESSION + 10,
        ));
        for _ in 0..10 {
            let reply = of_one.join_next().await.unwrap().unwrap();
            assert_eq!(reply.verdict(), "503 session-unavailable", "{version}");
        }
        let crowd = ClientPool::connect(address, MAX_WAITING - MAX_WAITING_PER_SESSION + 10).await;
        let others = (0..MAX_WAITING - MAX_WAITING_PER_SESSION + 10).map(|number| {
            with_session(&people.expired_token(&TestSession::new(&format!("person-{number}"))))
        });
        let mut others = crowd.send(others.collect::<Vec<_>>());
        for _ in 0..10 {
            let reply = others.join_next().await.unwrap().unwrap();
            assert_eq!(reply.verdict(), "503 session-unavailable", "{version}");
        }
        // A request that needs no refresh is allowed.
        people
            .assert_allowed_with_reply("meanwhile", with_session(&good))
            .await;
        // The companion does not respond within two seconds, so all are answered at once by the
        // filter.
        let waited = [of_one.join_all().await, others.join_all().await].concat();
        assert_eq!(waited.len(), MAX_WAITING);
        for reply in waited {
            assert_eq!(reply.verdict(), "503 session-unavailable", "{version}");
        }
        people
            .assert_allowed_with_reply("afterwards", with_session(&good))
            .await;
        let log = people.gateway.log();
        assert!(!log.contains("failed: Uncaught"), "{version}");
        people.assert_clean().await;
    }
}
