//! Fetching and caching of keys.

use std::fs;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use portcullis_core::decision::Reason;
use portcullis_core::keys::KeySet;
use portcullis_core::policy::Policy;
use portcullis_core::trust::KeySourceId;
use portcullis_tests::lab::wait::{self, LONG};
use portcullis_tests::lab::{Authority, Endpoint, Issuer, SigningKey};
use serde_json::json;
use tokio::sync::watch;

use super::fixture::*;
use crate::issuers::{IssuerConnection, Issuers};

const REFRESH: Duration = Duration::from_secs(300);

#[tokio::test]
async fn clusters_with_one_issuer_are_distinguished_by_their_keys() {
    let (authority, clock) = (Authority::new(), TestClock::new());
    let (blue, green) = (key(), key());
    let at_blue = issuer(&authority, &[&blue]).await;
    let at_green = issuer(&authority, &[&green]).await;
    let policy = policy(&[trust("blue", json!({})), trust("green", json!({}))]);
    let connections = connections([
        ("blue", connection(&at_blue, &authority)),
        ("green", connection(&at_green, &authority)),
    ]);
    let issuers = start(&policy, connections, &clock);
    for (key, name) in [(&blue, "blue"), (&green, "green")] {
        let caller = authenticate(&policy, &issuers, &karma(key), &clock).await;
        assert_eq!(caller.unwrap(), format!("{name}/monitoring/karma"));
    }
    // Each gets its own `Host`, also at its `jwks_uri`.
    let hosts: Vec<_> = at_blue
        .requests()
        .into_iter()
        .map(|seen| seen.host)
        .collect();
    let own = at_blue.address().to_string();
    assert_eq!(
        hosts,
        [Some(at_blue.host().to_owned()), Some(own)],
        "one fetch"
    );
}

#[tokio::test]
async fn keys_are_refreshed_on_schedule_and_not_before() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let (at_blue, at_green) = (
        issuer(&authority, &[&key]).await,
        issuer(&authority, &[&super::fixture::key()]).await,
    );
    let minute = Duration::from_secs(60);
    let policy = policy(&[
        trust("green", json!({"refresh": "1m"})),
        trust("blue", json!({})),
    ]);
    let connections = connections([
        ("blue", connection(&at_blue, &authority)),
        ("green", connection(&at_green, &authority)),
    ]);
    let issuers = start(&policy, connections, &clock);
    assert!(
        authenticate(&policy, &issuers, &karma(&key), &clock)
            .await
            .is_ok()
    );
    assert_eq!(issuers.health()[1].age, Some(Duration::ZERO));
    // Blue's keys are fetched again only after `refresh`, regardless of Cache-Control and of requests.
    for minutes in 1..5 {
        wait_for_fetches(&issuers, minutes, 0).await;
        assert!(
            authenticate(&policy, &issuers, &karma(&key), &clock)
                .await
                .is_ok()
        );
        assert_eq!(requests(&at_blue), (1, 1), "{minutes}");
        clock.pass(minute);
    }
    wait_for_fetches(&issuers, 5, 0).await;
    clock.pass(minute);
    wait::until_true("blue's next fetch", LONG, async || {
        // Discovery is fetched once in an hour.
        requests(&at_blue) == (1, 2)
    })
    .await;
}

#[tokio::test]
async fn an_unknown_key_id_triggers_a_fetch_for_the_request() {
    let (authority, clock) = (Authority::new(), TestClock::new());
    let (old, new) = (key(), key());
    let issuer = issuer(&authority, &[&old]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    clock.pass(Duration::from_secs(10));
    issuer.set_keys(&[&old, &new]);
    let caller = authenticate(&policy, &issuers, &karma(&new), &clock).await;
    assert_eq!(caller.unwrap(), "blue/monitoring/karma");
    assert_eq!(requests(&issuer), (1, 2));
}

#[tokio::test]
async fn many_unknown_key_ids_cause_one_fetch_in_ten_seconds() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    for round in 1..=2 {
        clock.pass(Duration::from_secs(10));
        let flood = (0..50).map(|_| {
            let token = karma(&super::fixture::key());
            let (policy, issuers, clock) = (&policy, &issuers, &clock);
            async move { authenticate(policy, issuers, &token, clock).await }
        });
        for outcome in join_all(flood).await {
            assert_eq!(outcome, Err(Reason::KeyUnknown));
        }
        assert_eq!(requests(&issuer), (1, 1 + round));
    }
}

#[tokio::test]
async fn k12_the_token_file_is_read_again_for_each_request() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let token = file("first\n");
    let connection = IssuerConnection {
        token_file: Some(token.clone()),
        ..connection(&issuer, &authority)
    };
    let issuers = start(&policy, connections([("blue", connection)]), &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    fs::write(&token, "second").unwrap();
    clock.pass(REFRESH);
    wait_for_fetches(&issuers, 2, 0).await;
    let presented: Vec<_> = issuer
        .requests()
        .into_iter()
        .map(|seen| (seen.endpoint, seen.authorization.unwrap_or_default()))
        .collect();
    assert_eq!(
        presented,
        [
            (Endpoint::Discovery, "Bearer first".to_owned()),
            (Endpoint::Keys, "Bearer first".to_owned()),
            (Endpoint::Keys, "Bearer second".to_owned()),
        ]
    );
    // What is no token is not sent.
    for content in ["", "two words", "line\nline"] {
        fs::write(&token, content).unwrap();
        let failed = issuers.health()[0].failed;
        clock.pass(REFRESH);
        wait_for_fetches(&issuers, 2, failed + 1).await;
    }
    assert_eq!(issuer.requests().len(), 3);
    assert!(
        authenticate(&policy, &issuers, &karma(&key), &clock)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn only_the_ca_file_is_trusted_and_it_is_reloaded() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let ca = file(&fs::read_to_string(Authority::new().file()).unwrap());
    let connection = IssuerConnection {
        ca_file: Some(ca.clone()),
        ..connection(&issuer, &authority)
    };
    let issuers = start(&policy, connections([("blue", connection)]), &clock);
    wait_for_fetches(&issuers, 0, 1).await;
    assert_eq!(requests(&issuer), (0, 0));
    fs::copy(authority.file(), &ca).unwrap();
    clock.pass(Duration::from_secs(1));
    wait_for_fetches(&issuers, 1, 1).await;
}

#[tokio::test]
async fn the_systems_cas_do_not_certify_a_private_issuer() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let connection = IssuerConnection {
        ca_file: None,
        ..connection(&issuer, &authority)
    };
    let issuers = start(&policy, connections([("blue", connection)]), &clock);
    wait_for_fetches(&issuers, 0, 1).await;
    assert_eq!(requests(&issuer), (0, 0));
}

#[tokio::test]
async fn connect_still_requires_the_issuers_certificate() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    // Its certificate is by the same authority, for another name.
    let other = "https://kubernetes.green.example.com";
    let issuer = Issuer::start(&authority, other, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 0, 1).await;
    assert_eq!(requests(&issuer), (0, 0));
}

#[tokio::test]
async fn the_policys_urls_are_used() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    // The URL has the address, so `connect` is not needed.
    let jwks = format!("https://{}/openid/v1/jwks", issuer.address());
    let policy = policy(&[trust("blue", json!({"jwks": jwks}))]);
    let connection = IssuerConnection {
        connect: None,
        ..connection(&issuer, &authority)
    };
    assert_eq!(connection.problem(&policy.trusts()[0]), None);
    let issuers = start(&policy, connections([("blue", connection)]), &clock);
    assert!(
        authenticate(&policy, &issuers, &karma(&key), &clock)
            .await
            .is_ok()
    );
    assert_eq!(requests(&issuer), (0, 1));
}

#[tokio::test]
async fn connect_with_an_ip_address_in_the_url_is_an_error() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let jwks = format!("https://{}/openid/v1/jwks", issuer.address());
    let policy = policy(&[trust("blue", json!({"jwks": jwks}))]);
    let connection = connection(&issuer, &authority);
    assert!(connection.problem(&policy.trusts()[0]).is_some());
    let issuers = start(&policy, connections([("blue", connection)]), &clock);
    wait_for_fetches(&issuers, 0, 1).await;
    assert_eq!(requests(&issuer), (0, 0));
}

#[tokio::test]
async fn a_policy_edit_keeps_the_keys() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let mut issuer = issuer(&authority, &[&key]).await;
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let before = policy(&[trust("blue", json!({}))]);
    let issuers = start(&before, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    issuer.down().await;
    // Another entry before it and another `refresh` do not change the source.
    let inline = json!({"keys": [super::fixture::key().jwk()]});
    let after = policy(&[
        json!({
            "name": "static", "kind": "kubernetes", "issuer": "https://static.example.com",
            "audiences": [AUDIENCE], "keys": {"inline": inline},
        }),
        trust("blue", json!({"refresh": "10s"})),
    ]);
    let next = issuers.with_policy(&after);
    assert!(
        authenticate(&after, &next, &karma(&key), &clock)
            .await
            .is_ok()
    );
    assert!(
        authenticate(&before, &issuers, &karma(&key), &clock)
            .await
            .is_ok()
    );
    assert_eq!(requests(&issuer), (1, 1));
    // The counters continue.
    let health = next.health();
    assert_eq!((health[0].trust.as_str(), health[0].succeeded), ("blue", 1));
    // Another source starts without keys.
    let elsewhere = policy(&[trust("blue", json!({"envoy_cluster": "azure"}))]);
    let next = issuers.with_policy(&elsewhere);
    let refused = authenticate(&elsewhere, &next, &karma(&key), &clock).await;
    assert_eq!(refused, Err(Reason::KeysUnavailable));
}

#[tokio::test]
async fn fetches_end_with_their_issuers() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    let store = Arc::downgrade(&issuers.store);
    drop(issuers);
    wait::until_true("the end of the fetches", LONG, async || {
        store.strong_count() == 0
    })
    .await;
}

#[tokio::test]
async fn session_keys_come_after_the_trust_entries() {
    let clock = TestClock::new();
    let document = json!({
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": [{
            "name": "alertmanager",
            "hosts": ["alertmanager.example.com"],
            "rules": [{"name": "all", "allow": [{"from": "sso", "anyone": true}]}],
        }],
    });
    let policy = Policy::from_json(&document.to_string()).unwrap();
    let set = |key: &SigningKey| {
        let set = json!({"keys": [key.jwk()]}).to_string();
        KeySet::parse(set.as_bytes(), None).unwrap()
    };
    let (first, second) = (set(&key()), set(&key()));
    let (sender, own) = watch::channel(Some(first.clone()));
    let issuers = Issuers::start(&policy, connections([]), own, clock.clock());
    let companion_keys = |issuers: &Issuers| {
        let snapshot = issuers.snapshot();
        let trust_keys = snapshot
            .keyring()
            .trust_keys(KeySourceId::Companion)
            .unwrap();
        trust_keys.record().set().cloned()
    };
    // They are there at once, without a fetch, and never stale.
    assert_eq!(companion_keys(&issuers), Some(first));
    clock.pass(Duration::from_secs(10 * 86_400));
    let later = issuers.with_policy(&policy);
    sender.send(Some(second.clone())).unwrap();
    for issuers in [&issuers, &later] {
        wait::until_true("the next keys", LONG, async || {
            companion_keys(issuers).as_ref() == Some(&second)
        })
        .await;
    }
    // They are neither mirrored nor fetched.
    assert!(issuers.mirror(&policy.sso().unwrap().keys().name).is_err());
    assert!(issuers.health().is_empty());
}

/// Polls all futures until each is ready.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
