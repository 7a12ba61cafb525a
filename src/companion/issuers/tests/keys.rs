//! Keys that are read, kept, and read again.

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
use crate::issuers::{Issuers, Reach};

const REFRESH: Duration = Duration::from_secs(300);

#[tokio::test]
async fn clusters_with_one_issuer_are_told_apart_by_where_they_are() {
    let (authority, hand) = (Authority::new(), Hand::new());
    let (blue, green) = (key(), key());
    let at_blue = issuer(&authority, &[&blue]).await;
    let at_green = issuer(&authority, &[&green]).await;
    let policy = policy(&[trust("blue", json!({})), trust("green", json!({}))]);
    let reaches = reaches([
        ("blue", reach(&at_blue, &authority)),
        ("green", reach(&at_green, &authority)),
    ]);
    let issuers = start(&policy, reaches, &hand);
    for (key, name) in [(&blue, "blue"), (&green, "green")] {
        let caller = ask(&policy, &issuers, &karma(key), &hand).await;
        assert_eq!(caller.unwrap(), format!("{name}/monitoring/karma"));
    }
    // Each hears what it is called, and at its `jwks_uri` what it is called there.
    let hosts: Vec<_> = at_blue
        .requests()
        .into_iter()
        .map(|seen| seen.host)
        .collect();
    let own = at_blue.address().to_string();
    assert_eq!(
        hosts,
        [Some(at_blue.host().to_owned()), Some(own)],
        "one read"
    );
}

#[tokio::test]
async fn keys_are_read_again_when_their_time_has_come_and_not_before() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let (at_blue, at_green) = (
        issuer(&authority, &[&key]).await,
        issuer(&authority, &[&super::fixture::key()]).await,
    );
    let minute = Duration::from_secs(60);
    let policy = policy(&[
        trust("green", json!({"refresh": "1m"})),
        trust("blue", json!({})),
    ]);
    let reaches = reaches([
        ("blue", reach(&at_blue, &authority)),
        ("green", reach(&at_green, &authority)),
    ]);
    let issuers = start(&policy, reaches, &hand);
    assert!(ask(&policy, &issuers, &karma(&key), &hand).await.is_ok());
    assert_eq!(issuers.health()[1].age, Some(Duration::ZERO));
    // Green's minutes go by, and with them blue's, whatever Cache-Control says and whoever asks.
    for minutes in 1..5 {
        reads(&issuers, minutes, 0).await;
        assert!(ask(&policy, &issuers, &karma(&key), &hand).await.is_ok());
        assert_eq!(asked(&at_blue), (1, 1), "{minutes}");
        hand.pass(minute);
    }
    reads(&issuers, 5, 0).await;
    hand.pass(minute);
    wait::until_true("blue's next read", LONG, async || {
        // Discovery is read once in an hour.
        asked(&at_blue) == (1, 2)
    })
    .await;
}

#[tokio::test]
async fn a_key_that_nobody_has_seen_is_read_for_the_request_that_brings_it() {
    let (authority, hand) = (Authority::new(), Hand::new());
    let (old, new) = (key(), key());
    let issuer = issuer(&authority, &[&old]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let reaches = reaches([("blue", reach(&issuer, &authority))]);
    let issuers = start(&policy, reaches, &hand);
    reads(&issuers, 1, 0).await;
    hand.pass(Duration::from_secs(10));
    issuer.set_keys(&[&old, &new]);
    let caller = ask(&policy, &issuers, &karma(&new), &hand).await;
    assert_eq!(caller.unwrap(), "blue/monitoring/karma");
    assert_eq!(asked(&issuer), (1, 2));
}

#[tokio::test]
async fn a_flood_of_made_up_keys_is_one_read_in_ten_seconds() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let reaches = reaches([("blue", reach(&issuer, &authority))]);
    let issuers = start(&policy, reaches, &hand);
    reads(&issuers, 1, 0).await;
    for round in 1..=2 {
        hand.pass(Duration::from_secs(10));
        let flood = (0..50).map(|_| {
            let token = karma(&super::fixture::key());
            let (policy, issuers, hand) = (&policy, &issuers, &hand);
            async move { ask(policy, issuers, &token, hand).await }
        });
        for answer in join_all(flood).await {
            assert_eq!(answer, Err(Reason::KeyUnknown));
        }
        assert_eq!(asked(&issuer), (1, 1 + round));
    }
}

#[tokio::test]
async fn k12_the_token_of_a_file_is_shown_to_the_issuer_as_it_is_now() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let token = file("first\n");
    let reach = Reach {
        token_file: Some(token.clone()),
        ..reach(&issuer, &authority)
    };
    let issuers = start(&policy, reaches([("blue", reach)]), &hand);
    reads(&issuers, 1, 0).await;
    fs::write(&token, "second").unwrap();
    hand.pass(REFRESH);
    reads(&issuers, 2, 0).await;
    let shown: Vec<_> = issuer
        .requests()
        .into_iter()
        .map(|seen| (seen.endpoint, seen.authorization.unwrap_or_default()))
        .collect();
    assert_eq!(
        shown,
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
        hand.pass(REFRESH);
        reads(&issuers, 2, failed + 1).await;
    }
    assert_eq!(issuer.requests().len(), 3);
    assert!(ask(&policy, &issuers, &karma(&key), &hand).await.is_ok());
}

#[tokio::test]
async fn the_ca_file_alone_is_trusted_and_may_be_renewed() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let ca = file(&fs::read_to_string(Authority::new().file()).unwrap());
    let reach = Reach {
        ca_file: Some(ca.clone()),
        ..reach(&issuer, &authority)
    };
    let issuers = start(&policy, reaches([("blue", reach)]), &hand);
    reads(&issuers, 0, 1).await;
    assert_eq!(asked(&issuer), (0, 0));
    fs::copy(authority.file(), &ca).unwrap();
    hand.pass(Duration::from_secs(1));
    reads(&issuers, 1, 1).await;
}

#[tokio::test]
async fn the_systems_cas_do_not_vouch_for_a_private_issuer() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let reach = Reach {
        ca_file: None,
        ..reach(&issuer, &authority)
    };
    let issuers = start(&policy, reaches([("blue", reach)]), &hand);
    reads(&issuers, 0, 1).await;
    assert_eq!(asked(&issuer), (0, 0));
}

#[tokio::test]
async fn what_is_connected_to_must_prove_to_be_the_issuer() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    // It has a certificate of the same authority, for another name.
    let other = "https://kubernetes.green.example.com";
    let issuer = Issuer::start(&authority, other, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let reaches = reaches([("blue", reach(&issuer, &authority))]);
    let issuers = start(&policy, reaches, &hand);
    reads(&issuers, 0, 1).await;
    assert_eq!(asked(&issuer), (0, 0));
}

#[tokio::test]
async fn the_policys_own_urls_are_respected() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    // Reached by the address in the URL, without `connect`.
    let jwks = format!("https://{}/openid/v1/jwks", issuer.address());
    let policy = policy(&[trust("blue", json!({"jwks": jwks}))]);
    let reach = Reach {
        connect: None,
        ..reach(&issuer, &authority)
    };
    assert_eq!(reach.objection(&policy.trusts()[0]), None);
    let issuers = start(&policy, reaches([("blue", reach)]), &hand);
    assert!(ask(&policy, &issuers, &karma(&key), &hand).await.is_ok());
    assert_eq!(asked(&issuer), (0, 1));
}

#[tokio::test]
async fn connect_beside_an_address_is_objected_to() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let jwks = format!("https://{}/openid/v1/jwks", issuer.address());
    let policy = policy(&[trust("blue", json!({"jwks": jwks}))]);
    let reach = reach(&issuer, &authority);
    assert!(reach.objection(&policy.trusts()[0]).is_some());
    let issuers = start(&policy, reaches([("blue", reach)]), &hand);
    reads(&issuers, 0, 1).await;
    assert_eq!(asked(&issuer), (0, 0));
}

#[tokio::test]
async fn a_policy_edit_starts_with_the_keys_there_are() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let mut issuer = issuer(&authority, &[&key]).await;
    let reaches = reaches([("blue", reach(&issuer, &authority))]);
    let before = policy(&[trust("blue", json!({}))]);
    let issuers = start(&before, reaches, &hand);
    reads(&issuers, 1, 0).await;
    issuer.down().await;
    // Another entry in front, another `refresh`: not another source.
    let inline = json!({"keys": [super::fixture::key().jwk()]});
    let after = policy(&[
        json!({
            "name": "static", "kind": "kubernetes", "issuer": "https://static.example.com",
            "audiences": [AUDIENCE], "keys": {"inline": inline},
        }),
        trust("blue", json!({"refresh": "10s"})),
    ]);
    let next = issuers.succeed(&after);
    assert!(ask(&after, &next, &karma(&key), &hand).await.is_ok());
    assert!(ask(&before, &issuers, &karma(&key), &hand).await.is_ok());
    assert_eq!(asked(&issuer), (1, 1));
    // Counters go on.
    let health = next.health();
    assert_eq!((health[0].trust.as_str(), health[0].good), ("blue", 1));
    // Another source begins anew.
    let elsewhere = policy(&[trust("blue", json!({"envoy_cluster": "azure"}))]);
    let next = issuers.succeed(&elsewhere);
    let refused = ask(&elsewhere, &next, &karma(&key), &hand).await;
    assert_eq!(refused, Err(Reason::KeysUnavailable));
}

#[tokio::test]
async fn readers_end_with_what_they_read_for() {
    let (authority, hand, key) = (Authority::new(), Hand::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[trust("blue", json!({}))]);
    let reaches = reaches([("blue", reach(&issuer, &authority))]);
    let issuers = start(&policy, reaches, &hand);
    reads(&issuers, 1, 0).await;
    let desk = Arc::downgrade(&issuers.desk);
    drop(issuers);
    wait::until_true("the end of the readers", LONG, async || {
        desk.strong_count() == 0
    })
    .await;
}

#[tokio::test]
async fn the_companions_own_keys_stand_behind_the_trust_entries() {
    let hand = Hand::new();
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
    let issuers = Issuers::start(&policy, reaches([]), own, hand.clock());
    let known = |issuers: &Issuers| {
        let snapshot = issuers.snapshot();
        let trust_keys = snapshot
            .keyring()
            .trust_keys(KeySourceId::Companion)
            .unwrap();
        trust_keys.record().set().cloned()
    };
    // At once, without a call, and never stale.
    assert_eq!(known(&issuers), Some(first));
    hand.pass(Duration::from_secs(10 * 86_400));
    let later = issuers.succeed(&policy);
    sender.send(Some(second.clone())).unwrap();
    for issuers in [&issuers, &later] {
        wait::until_true("the next keys", LONG, async || {
            known(issuers).as_ref() == Some(&second)
        })
        .await;
    }
    // They are nobody's to mirror, and nothing that is read.
    assert!(issuers.mirror(&policy.sso().unwrap().keys().name).is_err());
    assert!(issuers.health().is_empty());
}

/// Awaits all of them, by turns.
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
