//! A revoked session is refused by every worker within seconds, and stays revoked whatever happens
//! to the companion.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Call, ClientPool, Gateway, Version, wait};
use serde_json::{Value, json};

use crate::sessions::companion::REVOCATIONS;
use crate::sessions::session_gateway::{SessionGateway, TestSession, with_session};

/// "Within seconds": the list is fetched every two to three seconds, plus a margin for a loaded
/// machine.
const PROPAGATION_LIMIT: Duration = Duration::from_secs(10);

fn list(floor: i64, entries: &[Value]) -> Value {
    json!({"version": 1, "floor": floor, "entries": entries})
}

fn by_sid(session: &TestSession, seconds: i64) -> Value {
    json!({"sid": session.sid, "before": now(), "ends": now() + seconds})
}

/// Waits until every worker refuses the request like this.
async fn wait_until_refused_by_all(gateway: &SessionGateway, call: &Call, verdict: &str) {
    let reason = verdict.split(' ').nth(1).unwrap();
    wait::until_true(verdict, PROPAGATION_LIMIT, async || {
        let before = gateway.gateway.audit_records().len();
        let clients = ClientPool::connect(gateway.gateway.address(), 8).await;
        let responses = clients.send(vec![call.clone(); 8]).join_all().await;
        let all = responses
            .iter()
            .all(|response| response.verdict() == verdict);
        let records = gateway.gateway.audit_records().into_iter().skip(before);
        let refusals = records.filter(|record| record.record["reason"] == reason);
        let workers: BTreeSet<String> = refusals.map(|record| record.worker).collect();
        all && workers.len() == 2
    })
    .await;
}

/// Counts the requests that reached the app before the revocation.
fn count_forwarded_requests(gateway: &mut SessionGateway, before: usize) {
    for _ in before..gateway.fixture.app.count() {
        gateway.count_forwarded();
    }
}

/// Waits until one more fetch has this entity tag.
async fn wait_until_known(gateway: &SessionGateway, etag: &str) {
    let count = || {
        let seen = gateway.companion.requests_to(REVOCATIONS);
        let known = seen
            .iter()
            .filter(|seen| seen.all("if-none-match") == [etag]);
        known.count()
    };
    let before = count();
    wait::until_true(etag, wait::LONG, async || count() > before).await;
}

async fn verdict(gateway: &Gateway, call: &Call) -> String {
    gateway.call(call.clone()).await.verdict()
}

#[tokio::test]
async fn b06_a_revoked_session_is_refused_by_every_worker_within_seconds() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let (ann, eve, bob) = (
            TestSession::new("ann"),
            TestSession::new("eve"),
            TestSession::new("bob"),
        );
        let calls = [&ann, &eve, &bob].map(|session| with_session(&gateway.valid_token(session)));
        for call in &calls {
            gateway
                .assert_allowed_with_response("at first", call.clone())
                .await;
        }
        let before = gateway.fixture.app.count();
        // One by session ID, one by user; later sessions of the user are valid.
        let user = json!({"handle": eve.handle, "before": now(), "ends": now() + 600});
        gateway
            .companion
            .revoke(list(0, &[by_sid(&ann, 600), user]));
        wait_until_refused_by_all(&gateway, &calls[0], "401 revoked").await;
        wait_until_refused_by_all(&gateway, &calls[1], "401 revoked").await;
        count_forwarded_requests(&mut gateway, before);
        gateway
            .assert_allowed_with_response("somebody else", calls[2].clone())
            .await;
        let mut again = TestSession::new("eve");
        again.began = now() + 1;
        gateway
            .assert_allowed_with_response(
                "signed in again",
                with_session(&gateway.valid_token(&again)),
            )
            .await;
        let envoy = &gateway.gateway;
        envoy
            .metric("portcullis_revocations", &[], |count| count == 2.0)
            .await;
        let age = "portcullis_revocations_age_seconds";
        envoy.metric(age, &[], |age| age <= 5.0).await;

        // A floor revokes all sessions that began before it.
        let before = gateway.fixture.app.count();
        gateway.companion.revoke(list(now() - 60, &[]));
        wait_until_refused_by_all(&gateway, &calls[2], "401 revoked").await;
        count_forwarded_requests(&mut gateway, before);
        // Entries that are no longer listed stay revoked until they expire.
        assert_eq!(verdict(&gateway.gateway, &calls[0]).await, "401 revoked");
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn one_worker_fetches_revocations_for_all_every_two_to_three_seconds() {
    let gateway = SessionGateway::with(|_| {}, |builder| builder.workers(4)).await;
    let fetches = || gateway.companion.count(REVOCATIONS);
    wait::until_true("a first fetch", wait::LONG, async || fetches() > 0).await;
    let (start, before) = (tokio::time::Instant::now(), fetches());
    wait::until_true("four more fetches", wait::LONG, async || {
        fetches() >= before + 4
    })
    .await;
    let took = start.elapsed();
    // Four intervals, one of which may have started before.
    assert!(took >= Duration::from_secs(6), "four fetches in {took:?}");
    assert!(took <= Duration::from_secs(20), "four fetches in {took:?}");
    let seen = gateway.companion.requests_to(REVOCATIONS).pop().unwrap();
    assert_eq!(
        (seen.method.as_str(), seen.all("host")),
        ("GET", vec!["auth.example.com"])
    );
    assert!(seen.all("cookie").is_empty() && seen.all("authorization").is_empty());
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_fetched_again() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        wait_until_known(&gateway, "\"edition-0\"").await;
        let eve = TestSession::new("eve");
        gateway.companion.revoke(list(0, &[by_sid(&eve, 600)]));
        let call = with_session(&gateway.valid_token(&eve));
        let before = gateway.fixture.app.count();
        wait_until_refused_by_all(&gateway, &call, "401 revoked").await;
        count_forwarded_requests(&mut gateway, before);
        // A response without a list is as recent as one with it.
        wait_until_known(&gateway, "\"edition-1\"").await;
        wait_until_known(&gateway, "\"edition-1\"").await;
        let age = "portcullis_revocations_age_seconds";
        gateway.gateway.metric(age, &[], |age| age <= 5.0).await;
        assert_eq!(verdict(&gateway.gateway, &call).await, "401 revoked");
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn without_the_companion_sessions_stay_valid_and_revoked_ones_stay_revoked() {
    let mut gateway = SessionGateway::start().await;
    let (ann, eve) = (TestSession::new("ann"), TestSession::new("eve"));
    let [good, revoked] = [&ann, &eve].map(|session| with_session(&gateway.valid_token(session)));
    gateway
        .assert_allowed_with_response("at first", good.clone())
        .await;
    gateway.companion.revoke(list(0, &[by_sid(&eve, 600)]));
    let before = gateway.fixture.app.count();
    wait_until_refused_by_all(&gateway, &revoked, "401 revoked").await;
    count_forwarded_requests(&mut gateway, before);

    gateway.companion.down().await;
    let age = "portcullis_revocations_age_seconds";
    gateway.gateway.metric(age, &[], |age| age >= 6.0).await;
    gateway
        .assert_allowed_with_response("without the companion", good.clone())
        .await;
    wait_until_refused_by_all(&gateway, &revoked, "401 revoked").await;

    // New filters in the same proxy start with the shared data.
    let mut policy = gateway.fixture.policy();
    policy["sso"] = json!({"url": "https://auth.example.com", "envoy_cluster": "companion"});
    policy["apps"][0]["rules"][0] =
        json!({"name": "any", "allow": [{"from": "sso", "anyone": true}]});
    gateway
        .gateway
        .replace_policy(policy)
        .await
        .expect("a valid policy");
    gateway
        .assert_allowed_with_response("another policy", good.clone())
        .await;
    wait_until_refused_by_all(&gateway, &revoked, "401 revoked").await;

    // A companion that has lost its list does not restore sessions.
    gateway.companion.revoke(list(0, &[]));
    gateway.companion.up().await;
    gateway.gateway.metric(age, &[], |age| age <= 3.0).await;
    wait_until_refused_by_all(&gateway, &revoked, "401 revoked").await;
    gateway
        .assert_allowed_with_response("at the end", good)
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn invalid_revocation_lists_keep_the_last_one() {
    let mut gateway = SessionGateway::start().await;
    let (ann, eve) = (TestSession::new("ann"), TestSession::new("eve"));
    let [good, revoked] = [&ann, &eve].map(|session| with_session(&gateway.valid_token(session)));
    gateway.companion.revoke(list(0, &[by_sid(&eve, 600)]));
    let before = gateway.fixture.app.count();
    wait_until_refused_by_all(&gateway, &revoked, "401 revoked").await;
    count_forwarded_requests(&mut gateway, before);
    for bad in [
        json!({"version": 2, "floor": now() + 9, "entries": []}),
        json!({"version": 1, "floor": now() + 9}),
        json!([]),
        json!({"version": 1, "floor": now() + 9, "entries": [{"sid": "x"}]}),
    ] {
        gateway.companion.revoke(bad.clone());
        let before = gateway.companion.count(REVOCATIONS);
        wait::until_true("a fetch of the list", wait::LONG, async || {
            gateway.companion.count(REVOCATIONS) > before
        })
        .await;
        gateway
            .assert_allowed_with_response(&bad.to_string(), good.clone())
            .await;
        assert_eq!(
            verdict(&gateway.gateway, &revoked).await,
            "401 revoked",
            "{bad}"
        );
    }
    let log = gateway.gateway.log();
    assert!(
        log.contains("portcullis: the revocations could not be fetched"),
        "{log}"
    );
    gateway.assert_clean().await;
}

#[tokio::test]
async fn a_list_of_maximum_size_is_accepted() {
    let mut gateway = SessionGateway::start().await;
    let ann = TestSession::new("ann");
    let call = with_session(&gateway.valid_token(&ann));
    gateway
        .assert_allowed_with_response("at first", call.clone())
        .await;
    let mut entries: Vec<Value> = (0..4095)
        .map(|_| by_sid(&TestSession::new("somebody"), 600))
        .collect();
    entries.push(by_sid(&ann, 600));
    gateway.companion.revoke(list(0, &entries));
    let before = gateway.fixture.app.count();
    wait_until_refused_by_all(&gateway, &call, "401 revoked").await;
    count_forwarded_requests(&mut gateway, before);
    let envoy = &gateway.gateway;
    envoy
        .metric("portcullis_revocations", &[], |count| count == 4096.0)
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn without_sso_no_revocations_are_fetched() {
    let mut gateway = SessionGateway::with(
        |policy| {
            policy.as_object_mut().unwrap().remove("sso");
            let rules = policy["apps"][0]["rules"].as_array_mut().unwrap();
            rules.retain(|rule| rule["name"] != "users");
        },
        |builder| builder,
    )
    .await;
    let call = portcullis_tests::lab::fixture::get_alerts(&gateway.token());
    gateway
        .assert_allowed_with_response("karma", call.header("cookie", "__Secure-portcullis=x"))
        .await;
    let cookies = gateway.fixture.app.requests().pop().unwrap();
    assert_eq!(
        crate::sessions::session_gateway::header_values(&cookies, "cookie"),
        ["__Secure-portcullis=x"]
    );
    let page = crate::sessions::session_gateway::as_navigation(with_session("x"));
    assert_eq!(gateway.gateway.call(page).await.status, 401);
    // The tick that would fetch revocations sets the gauge for the age of keys.
    let age = [("trust", "blue")];
    gateway
        .gateway
        .metric("portcullis_key_age_seconds", &age, |age| age >= 3.0)
        .await;
    assert_eq!(gateway.companion.count(REVOCATIONS), 0);
    gateway.assert_clean().await;
}
