//! A revoked session is refused by every worker within seconds, and stays revoked whatever happens
//! to the companion.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Call, ClientPool, Gateway, Version, wait};
use serde_json::{Value, json};

use crate::sessions::companion::REVOCATIONS;
use crate::sessions::session_gateway::{SessionGateway, TestSession, with_session};

/// "Within seconds": the list is read every two to three seconds, plus a margin for a loaded
/// machine.
const PROPAGATION_LIMIT: Duration = Duration::from_secs(10);

fn list(floor: i64, entries: &[Value]) -> Value {
    json!({"version": 1, "floor": floor, "entries": entries})
}

fn by_sid(session: &TestSession, lasts: i64) -> Value {
    json!({"sid": session.sid, "before": now(), "ends": now() + lasts})
}

/// Waits until every worker refuses the request like this.
async fn wait_until_refused_by_all(people: &SessionGateway, call: &Call, verdict: &str) {
    let reason = verdict.split(' ').nth(1).unwrap();
    wait::until_true(verdict, PROPAGATION_LIMIT, async || {
        let said = people.gateway.audit_records().len();
        let crowd = ClientPool::connect(people.gateway.address(), 8).await;
        let replies = crowd.send(vec![call.clone(); 8]).join_all().await;
        let all = replies.iter().all(|reply| reply.verdict() == verdict);
        let audited = people.gateway.audit_records().into_iter().skip(said);
        let refusals = audited.filter(|audited| audited.record["reason"] == reason);
        let workers: BTreeSet<String> = refusals.map(|audited| audited.worker).collect();
        all && workers.len() == 2
    })
    .await;
}

/// Counts the requests that reached the app before the revocation.
fn count_forwarded_requests(people: &mut SessionGateway, before: usize) {
    for _ in before..people.fixture.app.count() {
        people.count_forwarded();
    }
}

async fn verdict(gateway: &Gateway, call: &Call) -> String {
    gateway.call(call.clone()).await.verdict()
}

#[tokio::test]
async fn b06_a_revoked_session_is_refused_by_every_worker_within_seconds() {
    for version in Version::ALL {
        let mut people = SessionGateway::with(|_| {}, |builder| builder.version(version)).await;
        let (ann, eve, bob) = (
            TestSession::new("ann"),
            TestSession::new("eve"),
            TestSession::new("bob"),
        );
        let calls = [&ann, &eve, &bob].map(|session| with_session(&people.valid_token(session)));
        for call in &calls {
            people
                .assert_allowed_with_reply("at first", call.clone())
                .await;
        }
        let before = people.fixture.app.count();
        // One by session ID, one by user; later sessions of the user are valid.
        let person = json!({"handle": eve.handle, "before": now(), "ends": now() + 600});
        people
            .companion
            .revoke(list(0, &[by_sid(&ann, 600), person]));
        wait_until_refused_by_all(&people, &calls[0], "401 revoked").await;
        wait_until_refused_by_all(&people, &calls[1], "401 revoked").await;
        count_forwarded_requests(&mut people, before);
        people
            .assert_allowed_with_reply("somebody else", calls[2].clone())
            .await;
        let mut again = TestSession::new("eve");
        again.began = now() + 1;
        people
            .assert_allowed_with_reply("signed in again", with_session(&people.valid_token(&again)))
            .await;
        let gateway = &people.gateway;
        gateway
            .metric("portcullis_revocations", &[], |count| count == 2.0)
            .await;
        let age = "portcullis_revocations_age_seconds";
        gateway.metric(age, &[], |age| age <= 5.0).await;

        // A floor revokes all sessions that began before it.
        let before = people.fixture.app.count();
        people.companion.revoke(list(now() - 60, &[]));
        wait_until_refused_by_all(&people, &calls[2], "401 revoked").await;
        count_forwarded_requests(&mut people, before);
        // Entries that are no longer listed stay revoked until they expire.
        assert_eq!(verdict(&people.gateway, &calls[0]).await, "401 revoked");
        people.assert_clean().await;
    }
}

#[tokio::test]
async fn one_worker_reads_revocations_for_all_every_two_to_three_seconds() {
    let people = SessionGateway::with(|_| {}, |builder| builder.workers(4)).await;
    let asked = || people.companion.count(REVOCATIONS);
    wait::until_true("a first read", wait::LONG, async || asked() > 0).await;
    let (start, before) = (tokio::time::Instant::now(), asked());
    wait::until_true("some more", wait::LONG, async || asked() >= before + 4).await;
    let took = start.elapsed();
    // Four intervals, one of which may have started before.
    assert!(took >= Duration::from_secs(6), "four reads in {took:?}");
    assert!(took <= Duration::from_secs(20), "four reads in {took:?}");
    let seen = people.companion.requests_to(REVOCATIONS).pop().unwrap();
    assert_eq!(
        (seen.method.as_str(), seen.all("host")),
        ("GET", vec!["auth.example.com"])
    );
    assert!(seen.all("cookie").is_empty() && seen.all("authorization").is_empty());
    people.assert_clean().await;
}

#[tokio::test]
async fn without_the_companion_sessions_stay_valid_and_revoked_ones_stay_revoked() {
    let mut people = SessionGateway::start().await;
    let (ann, eve) = (TestSession::new("ann"), TestSession::new("eve"));
    let [good, ended] = [&ann, &eve].map(|session| with_session(&people.valid_token(session)));
    people
        .assert_allowed_with_reply("at first", good.clone())
        .await;
    people.companion.revoke(list(0, &[by_sid(&eve, 600)]));
    let before = people.fixture.app.count();
    wait_until_refused_by_all(&people, &ended, "401 revoked").await;
    count_forwarded_requests(&mut people, before);

    people.companion.down().await;
    let age = "portcullis_revocations_age_seconds";
    people.gateway.metric(age, &[], |age| age >= 6.0).await;
    people
        .assert_allowed_with_reply("killed", good.clone())
        .await;
    wait_until_refused_by_all(&people, &ended, "401 revoked").await;

    // New filters in the same proxy start with the shared data.
    let mut policy = people.fixture.policy();
    policy["sso"] = json!({"url": "https://auth.example.com", "envoy_cluster": "companion"});
    policy["apps"][0]["rules"][0] =
        json!({"name": "any", "allow": [{"from": "sso", "anyone": true}]});
    people
        .gateway
        .replace_policy(policy)
        .await
        .expect("a valid policy");
    people
        .assert_allowed_with_reply("another policy", good.clone())
        .await;
    wait_until_refused_by_all(&people, &ended, "401 revoked").await;

    // A companion that has lost its list does not restore sessions.
    people.companion.revoke(list(0, &[]));
    people.companion.up().await;
    people.gateway.metric(age, &[], |age| age <= 3.0).await;
    wait_until_refused_by_all(&people, &ended, "401 revoked").await;
    people.assert_allowed_with_reply("at the end", good).await;
    people.assert_clean().await;
}

#[tokio::test]
async fn invalid_revocation_lists_keep_the_last_one() {
    let mut people = SessionGateway::start().await;
    let (ann, eve) = (TestSession::new("ann"), TestSession::new("eve"));
    let [good, ended] = [&ann, &eve].map(|session| with_session(&people.valid_token(session)));
    people.companion.revoke(list(0, &[by_sid(&eve, 600)]));
    let before = people.fixture.app.count();
    wait_until_refused_by_all(&people, &ended, "401 revoked").await;
    count_forwarded_requests(&mut people, before);
    for bad in [
        json!({"version": 2, "floor": now() + 9, "entries": []}),
        json!({"version": 1, "floor": now() + 9}),
        json!([]),
        json!({"version": 1, "floor": now() + 9, "entries": [{"sid": "x"}]}),
    ] {
        people.companion.revoke(bad.clone());
        let asked = people.companion.count(REVOCATIONS);
        wait::until_true("it was read", wait::LONG, async || {
            people.companion.count(REVOCATIONS) > asked
        })
        .await;
        people
            .assert_allowed_with_reply(&bad.to_string(), good.clone())
            .await;
        assert_eq!(
            verdict(&people.gateway, &ended).await,
            "401 revoked",
            "{bad}"
        );
    }
    let log = people.gateway.log();
    assert!(
        log.contains("portcullis: the revocations could not be read"),
        "{log}"
    );
    people.assert_clean().await;
}

#[tokio::test]
async fn a_list_of_maximum_size_is_accepted() {
    let mut people = SessionGateway::start().await;
    let ann = TestSession::new("ann");
    let call = with_session(&people.valid_token(&ann));
    people
        .assert_allowed_with_reply("at first", call.clone())
        .await;
    let mut entries: Vec<Value> = (0..4095)
        .map(|_| by_sid(&TestSession::new("somebody"), 600))
        .collect();
    entries.push(by_sid(&ann, 600));
    people.companion.revoke(list(0, &entries));
    let before = people.fixture.app.count();
    wait_until_refused_by_all(&people, &call, "401 revoked").await;
    count_forwarded_requests(&mut people, before);
    let gateway = &people.gateway;
    gateway
        .metric("portcullis_revocations", &[], |count| count == 4096.0)
        .await;
    people.assert_clean().await;
}

#[tokio::test]
async fn without_sso_no_revocations_are_read() {
    let mut people = SessionGateway::with(
        |policy| {
            policy.as_object_mut().unwrap().remove("sso");
            let rules = policy["apps"][0]["rules"].as_array_mut().unwrap();
            rules.retain(|rule| rule["name"] != "people");
        },
        |builder| builder,
    )
    .await;
    let call = portcullis_tests::lab::fixture::get_alerts(&people.token());
    people
        .assert_allowed_with_reply("karma", call.header("cookie", "__Secure-portcullis=x"))
        .await;
    let cookies = people.fixture.app.requests().pop().unwrap();
    assert_eq!(
        crate::sessions::session_gateway::header_values(&cookies, "cookie"),
        ["__Secure-portcullis=x"]
    );
    let page = crate::sessions::session_gateway::as_navigation(with_session("x"));
    assert_eq!(people.gateway.call(page).await.status, 401);
    // The tick that would have read revocations sets the gauge for the age of keys.
    let age = [("trust", "blue")];
    people
        .gateway
        .metric("portcullis_key_age_seconds", &age, |age| age >= 3.0)
        .await;
    assert_eq!(people.companion.count(REVOCATIONS), 0);
    people.assert_clean().await;
}
