//! Concurrent requests of one session, and clients that disconnect.

use portcullis_tests::lab::envoy::{Adapter, Builder};
use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, ClientPool, Version, wait};

use crate::sessions::companion::REFRESH;
use crate::sessions::session_gateway::{SessionGateway, TestSession, cookies, with_session};

const WAITING: &str = "portcullis_waiting_requests";

async fn wait_for_refreshes(gateway: &SessionGateway, calls: usize) {
    let is_reached = async || gateway.companion.count(REFRESH) == calls;
    wait::until_true("refresh requests", wait::LONG, is_reached).await;
}

/// The number of requests that may wait on one worker, in total and for one session.
const MAX_WAITING: usize = 1024;
const MAX_WAITING_PER_SESSION: usize = 64;

/// The number of connections that Envoy never gives to one worker alone.
const MAX_CONNECTIONS: usize = 200;

/// Waits until this many requests wait.
async fn wait_for_waiting(gateway: &SessionGateway, count: usize) {
    let gateway = &gateway.gateway;
    let all = |waiting: f64| waiting == f64::from(u32::try_from(count).unwrap());
    gateway.metric(WAITING, &[], all).await;
}

/// Waits until both workers have allowed a request, so that each has the keys. A worker without them
/// resumes its requests in batches, and the first batch may have been answered before the second asks.
async fn wait_for_keys_on_every_worker(gateway: &mut SessionGateway, session: &TestSession) {
    let valid = gateway.valid_token(session);
    for _ in 0..MAX_CONNECTIONS {
        gateway
            .assert_allowed_with_response("at first", with_session(&valid))
            .await;
        if gateway.gateway.workers_that_decided() == 2 {
            return;
        }
    }
    panic!("one of two workers got {MAX_CONNECTIONS} connections");
}

#[tokio::test]
async fn fifty_requests_of_one_session_cause_one_call_per_worker() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let ann = TestSession::new("ann");
        wait_for_keys_on_every_worker(&mut gateway, &ann).await;
        let lines = gateway.refresh_succeeds(&ann);
        gateway.companion.hold();
        let expired = gateway.expired_token(&ann);
        let clients = ClientPool::connect(gateway.gateway.address(), 50).await;
        let call = |number: usize| {
            let call = Call::post(HOST, &format!("/{number}")).body(vec![b'x'; 1000]);
            call.header("cookie", cookies(&expired))
        };
        let responses = clients.send((0..50).map(call));
        wait_for_waiting(&gateway, 50).await;
        gateway.companion.release();
        for response in responses.join_all().await {
            assert_eq!(response.verdict(), "200", "{version}: {}", response.text());
            assert_eq!(response.all("set-cookie"), lines);
            assert_eq!(response.json()["body_bytes"], 1000);
            gateway.count_forwarded();
        }
        gateway.assert_not_forwarded("fifty");
        let workers = gateway.gateway.workers_that_decided();
        assert_eq!(workers, 2, "{version}");
        assert_eq!(gateway.companion.count(REFRESH), workers, "{version}");
        wait_for_waiting(&gateway, 0).await;
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn different_cookies_cause_separate_calls() {
    let mut gateway = SessionGateway::with(|_| {}, |builder| builder.workers(1)).await;
    let ann = TestSession::new("ann");
    gateway.refresh_succeeds(&ann);
    gateway.companion.hold();
    let expired = gateway.expired_token(&ann);
    let clients = ClientPool::connect(gateway.gateway.address(), 4).await;
    let sealed = |sealed: &str| {
        let cookies = cookies(&expired).replace("=sealed", &format!("={sealed}"));
        Call::get(HOST, "/").header("cookie", cookies)
    };
    let responses = clients.send(["a", "b", "a", "b"].map(sealed));
    wait_for_waiting(&gateway, 4).await;
    gateway.companion.release();
    for response in responses.join_all().await {
        assert_eq!(response.verdict(), "200");
        gateway.count_forwarded();
    }
    assert_eq!(gateway.companion.count(REFRESH), 2);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_disconnect_does_not_affect_other_waiting_requests() {
    for version in Version::ALL {
        let more = |builder: Builder| builder.version(version);
        let mut gateway = SessionGateway::with(|_| {}, |builder| more(builder).workers(1)).await;
        let ann = TestSession::new("ann");
        // With the keys loaded, a request starts a refresh at once.
        gateway
            .assert_allowed_with_response("at first", with_session(&gateway.valid_token(&ann)))
            .await;
        let lines = gateway.refresh_succeeds(&ann);
        gateway.companion.hold();
        let expired = gateway.expired_token(&ann);
        let address = gateway.gateway.address();
        let send = |path: &str| {
            let call = Call::get(HOST, path).header("cookie", cookies(&expired));
            tokio::spawn(async move { call.send(address).await })
        };
        // The first request has started the refresh; the others wait for its response.
        let first = send("/first");
        wait_for_waiting(&gateway, 1).await;
        let (second, third) = (send("/second"), send("/third"));
        wait_for_waiting(&gateway, 3).await;
        wait_for_refreshes(&gateway, 1).await;
        first.abort();
        third.abort();
        wait_for_waiting(&gateway, 1).await;
        // The filter's call ends with its request, and is repeated. The module's continues.
        let refreshes = match Adapter::of_run() {
            Adapter::Filter => 2,
            Adapter::Module => 1,
        };
        wait_for_refreshes(&gateway, refreshes).await;
        gateway.companion.release();
        let response = second.await.unwrap();
        assert_eq!(response.verdict(), "200", "{version}");
        assert_eq!(response.all("set-cookie"), lines);
        gateway.count_forwarded();

        // All disconnect: the response has no recipient.
        gateway.companion.hold();
        let alone = send("/alone");
        wait_for_waiting(&gateway, 1).await;
        alone.abort();
        wait_for_waiting(&gateway, 0).await;
        gateway.companion.release();
        gateway
            .assert_allowed_with_response("the next", with_session(&expired))
            .await;
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn t30_the_refresh_queue_is_bounded_and_a_full_one_does_not_harm_the_worker() {
    for version in Version::ALL {
        let more = |builder: Builder| builder.version(version);
        let mut gateway = SessionGateway::with(|_| {}, |builder| more(builder).workers(1)).await;
        let good = gateway.valid_token(&TestSession::new("eve"));
        gateway
            .assert_allowed_with_response("at first", with_session(&good))
            .await;
        gateway.refresh_ends_session();
        gateway.companion.hold();
        let address = gateway.gateway.address();
        let ann = gateway.expired_token(&TestSession::new("ann"));
        let clients = ClientPool::connect(address, MAX_WAITING_PER_SESSION + 10).await;
        let mut of_one = clients.send(std::iter::repeat_n(
            with_session(&ann),
            MAX_WAITING_PER_SESSION + 10,
        ));
        for _ in 0..10 {
            let response = of_one.join_next().await.unwrap().unwrap();
            assert_eq!(response.verdict(), "503 session-unavailable", "{version}");
        }
        let clients =
            ClientPool::connect(address, MAX_WAITING - MAX_WAITING_PER_SESSION + 10).await;
        let others = (0..MAX_WAITING - MAX_WAITING_PER_SESSION + 10).map(|number| {
            with_session(&gateway.expired_token(&TestSession::new(&format!("user-{number}"))))
        });
        let mut others = clients.send(others.collect::<Vec<_>>());
        for _ in 0..10 {
            let response = others.join_next().await.unwrap().unwrap();
            assert_eq!(response.verdict(), "503 session-unavailable", "{version}");
        }
        // A request that needs no refresh is allowed.
        gateway
            .assert_allowed_with_response("meanwhile", with_session(&good))
            .await;
        // The companion does not respond within 20 seconds, so the filter responds to all of them
        // at the same time.
        let waited = [of_one.join_all().await, others.join_all().await].concat();
        assert_eq!(waited.len(), MAX_WAITING);
        for response in waited {
            assert_eq!(response.verdict(), "503 session-unavailable", "{version}");
        }
        gateway
            .assert_allowed_with_response("afterwards", with_session(&good))
            .await;
        let log = gateway.gateway.log();
        assert!(!log.contains("failed: Uncaught"), "{version}");
        gateway.assert_clean().await;
    }
}
