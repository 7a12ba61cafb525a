//! The mirror, which filters read instead of the issuer.

use std::time::Duration;

use portcullis_core::keys::{HttpResponse, KeyRecord, ResponseError};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::TrustId;
use portcullis_tests::lab::{Authority, Endpoint, Issuer, ServerResponse};
use serde_json::{Value, json};

use super::fixture::*;
use crate::issuers::MirrorError;

fn mirrored(name: &str) -> Value {
    trust(name, json!({"mirror": true, "envoy_cluster": "portcullis"}))
}

/// Reads a mirror document as a filter with this policy does, for its first trust entry.
fn filter_reads(
    policy: &Policy,
    document: &str,
    now: Timestamp,
) -> Result<KeyRecord, ResponseError> {
    let trust = &policy.trusts()[0];
    let remote = trust.keys.remote.as_ref().unwrap();
    let mut record = KeyRecord::new(&trust.keys, now);
    let read = record.begin(trust, remote, 1, now);
    let response = HttpResponse {
        status: 200,
        content_type: Some(b"application/json"),
        content_encoding: None,
        body: document.as_bytes(),
    };
    let next = record.apply_response(trust, remote, &read, Some(&response), now, 0)?;
    assert_eq!(next, None);
    Ok(record)
}

#[tokio::test]
async fn a_filter_can_read_the_mirror() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[mirrored("blue")]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    let fetched_at = clock.now();
    wait_for_fetches(&issuers, 1, 0).await;
    clock.pass(Duration::from_secs(30));
    let document = issuers.mirror("blue").unwrap();
    let json: Value = serde_json::from_str(&document).unwrap();
    let source = format!("https://{}/openid/v1/jwks", issuer.address());
    let expected = json!({
        "version": 1,
        "trust": "blue",
        "issuer": NAME,
        "source": source,
        "fetched_at": fetched_at.secs(),
        "keys": json["keys"],
    });
    assert_eq!(json, expected);
    let record = filter_reads(&policy, &document, clock.now()).unwrap();
    let snapshot = issuers.snapshot();
    let own = snapshot
        .keyring()
        .trust_keys(TrustId::at(0).into())
        .unwrap()
        .record()
        .set();
    assert!(own.is_some());
    assert_eq!(record.set(), own);
    // The filter counts their age from the fetch.
    assert!(record.age(clock.now()).unwrap() >= Duration::from_secs(30));
    // A filter rejects the mirror of another entry.
    let others = super::fixture::policy(&[mirrored("green")]);
    let refused = filter_reads(&others, &document, clock.now());
    assert_eq!(refused.map(drop), Err(ResponseError::OtherTrust));
}

#[tokio::test]
async fn the_mirror_has_public_members_only() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let mut with_private_member = super::fixture::key().jwk();
    with_private_member["d"] = json!("HdqK1U_mhmLXoTLLC4oHUmWJEp9zWHvZjWxUTS1H0aE");
    let symmetric = json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"});
    issuer.set_jwks(vec![key.jwk(), with_private_member, symmetric]);
    let policy = policy(&[trust("blue", json!({}))]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    let document = issuers.mirror("blue").unwrap();
    let json: Value = serde_json::from_str(&document).unwrap();
    assert!(json["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
    assert!(
        !document.contains("\"d\"") && !document.contains("oct"),
        "{document}"
    );
}

#[tokio::test]
async fn nothing_is_mirrored_before_the_first_fetch() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = Issuer::start_down(&authority, NAME, &[&key]);
    let inline = json!({"keys": [key.jwk()]});
    let policy = policy(&[
        // The inline keys of the policy are not mirrored.
        trust("blue", json!({"mirror": true, "inline": inline})),
        json!({
            "name": "static", "kind": "kubernetes", "issuer": "https://static.example.com",
            "audiences": [AUDIENCE], "keys": {"inline": inline},
        }),
    ]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    assert_eq!(issuers.mirror("blue"), Err(MirrorError::NotFetched));
    assert_eq!(issuers.mirror("static"), Err(MirrorError::Unknown));
    assert_eq!(issuers.mirror("green"), Err(MirrorError::Unknown));
    assert!(
        authenticate(&policy, &issuers, &karma(&key), &clock)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_mirror_keeps_the_last_good_keys_and_their_age() {
    let (authority, clock, key) = (Authority::new(), TestClock::new(), key());
    let issuer = issuer(&authority, &[&key]).await;
    let policy = policy(&[mirrored("blue")]);
    let connections = connections([("blue", connection(&issuer, &authority))]);
    let issuers = start(&policy, connections, &clock);
    wait_for_fetches(&issuers, 1, 0).await;
    let before = issuers.mirror("blue").unwrap();
    issuer.set_response(Endpoint::Keys, ServerResponse::status(500));
    clock.pass(Duration::from_secs(300));
    wait_for_fetches(&issuers, 1, 1).await;
    assert_eq!(issuers.mirror("blue").unwrap(), before);
    // Also after a policy edit.
    let next = issuers.with_policy(&policy);
    assert_eq!(next.mirror("blue").unwrap(), before);
}
