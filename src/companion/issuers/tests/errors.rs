//! Responses of faulty issuers.

use std::time::Duration;

use portcullis_core::decision::Reason;
use portcullis_core::keys::KeySet;
use portcullis_tests::lab::{Authority, Endpoint, Issuer, ServerResponse, Token};
use serde_json::json;

use super::fixture::*;

const REFRESH: Duration = Duration::from_secs(300);

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_fetched_when_it_comes_up() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let mut issuer = Issuer::start_down(&authority, NAME, &[&key]);
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    let token = karma(&key);
    let refused = authenticate(&policy, &issuers, &token, &clock).await;
    assert_eq!(refused, Err(Reason::KeysUnavailable));
    assert_eq!(issuers.health()[0].age, None);
    issuer.up().await;
    clock.pass(Duration::from_secs(1));
    wait_for_fetches(&issuers, 1, 1).await;
    assert!(
        authenticate(&policy, &issuers, &token, &clock)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_bad_response_keeps_the_last_good_keys() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let mut issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    let set = json!({"keys": [key.jwk()]}).to_string();
    // The target of the redirect has good keys.
    let elsewhere = format!("https://{}/oauth2/mirror/blue", issuer.address());
    issuer.set_response(Endpoint::Mirror, ServerResponse::body(set.clone()));
    let bad = [
        ("an error", ServerResponse::status(500)),
        (
            "a redirect",
            ServerResponse::whole(302, &[("location", &elsewhere)], ""),
        ),
        (
            "no keys",
            ServerResponse::json("application/json", &json!({"keys": []})),
        ),
        (
            "a page",
            ServerResponse::whole(200, &[("content-type", "text/html")], set.clone()),
        ),
        (
            "compressed",
            ServerResponse::whole(200, &[("content-encoding", "gzip")], set.clone()),
        ),
        (
            "truncated",
            ServerResponse::Truncated {
                body: set.clone().into_bytes(),
                sent: 20,
            },
        ),
        (
            "too long",
            ServerResponse::body([set.as_bytes(), &vec![b' '; KeySet::MAX_BYTES]].concat()),
        ),
        ("reset", ServerResponse::Reset),
    ];
    for (count, (what, response)) in (1..).zip(bad) {
        issuer.set_response(Endpoint::Keys, response);
        clock.pass(REFRESH);
        wait_for_fetches(&issuers, 1, count).await;
        let caller = authenticate(&policy, &issuers, &karma(&key), &clock).await;
        assert!(caller.is_ok(), "{what}: {caller:?}");
        assert_eq!(issuers.health()[0].failures, count as u32, "{what}");
    }
    issuer.down().await;
    clock.pass(REFRESH);
    wait_for_fetches(&issuers, 1, 9).await;
    assert!(
        authenticate(&policy, &issuers, &karma(&key), &clock)
            .await
            .is_ok()
    );
    // Until `max_stale`.
    clock.pass(Duration::from_secs(24 * 3600));
    let refused = authenticate(&policy, &issuers, &karma(&key), &clock).await;
    assert_eq!(refused, Err(Reason::KeysStale));
}

#[tokio::test]
async fn d01_a_discovery_document_of_another_issuer_is_rejected() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let document = json!({
        "issuer": "https://other.example.com",
        "jwks_uri": format!("https://{}/openid/v1/jwks", issuer.address()),
    });
    issuer.set_response(
        Endpoint::Discovery,
        ServerResponse::json("application/json", &document),
    );
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 0, 1).await;
    assert_eq!(requests(&issuer), (1, 0));
}

#[tokio::test]
async fn one_unresponsive_issuer_does_not_delay_the_others() {
    const GREEN: &str = "https://kubernetes.green.example.com";
    let (authority, clock) = (Authority::new(), TestClock::new());
    let (blue, green) = (key(), key());
    let at_blue = issuer(&authority, &[&blue]).await;
    at_blue.set_response(Endpoint::Discovery, ServerResponse::Silence);
    let at_green = Issuer::start(&authority, GREEN, &[&green]).await;
    let mut entries = [trust("blue", json!({})), trust("green", json!({}))];
    entries[1]["issuer"] = json!(GREEN);
    let policy = policy(&entries);
    let connections = connections([
        ("blue", connection(&at_blue, &authority)),
        ("green", connection(&at_green, &authority)),
    ]);
    let issuers = start(&policy, connections, &clock);
    let of_green = Token::service_account(GREEN, AUDIENCE, "monitoring", "karma").sign(&green);
    let caller = authenticate(&policy, &issuers, &of_green, &clock).await;
    assert_eq!(caller.unwrap(), "green/monitoring/karma");
    // Blue's first fetch still hangs.
    assert_eq!(issuers.health()[0].failed, 0);
    let refused = authenticate(&policy, &issuers, &karma(&blue), &clock).await;
    assert_eq!(refused, Err(Reason::KeysUnavailable));
    assert_eq!(issuers.health()[1].failed, 0);
}

#[tokio::test]
async fn a_slow_response_times_out() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let set = json!({"keys": [key.jwk()]}).to_string();
    let pause = Duration::from_millis(100);
    let body = set.into_bytes();
    issuer.set_response(Endpoint::Keys, ServerResponse::Drip { body, pause });
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    let refused = authenticate(&policy, &issuers, &karma(&key), &clock).await;
    assert_eq!(refused, Err(Reason::KeysUnavailable));
}
