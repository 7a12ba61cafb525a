//! Trust entries that share an issuer and publish the same keys.

use std::time::Duration;

use portcullis_core::decision::Reason;
use portcullis_core::policy::Policy;
use portcullis_tests::lab::wait::{self, LONG};
use portcullis_tests::lab::{Authority, Issuer, SigningKey};
use serde_json::{Value, json};

use super::fixture::*;
use crate::issuers::Issuers;

/// The clusters blue and green, whose issuers have the same URL, and their keys.
struct TwoClusters {
    authority: Authority,
    clock: TestClock,
    blue: (SigningKey, Issuer),
    green: (SigningKey, Issuer),
}

impl TwoClusters {
    async fn start() -> Self {
        let authority = Authority::new();
        let (blue, green) = (key(), key());
        Self {
            blue: (blue.clone(), issuer(&authority, &[&blue]).await),
            green: (green.clone(), issuer(&authority, &[&green]).await),
            clock: TestClock::new(),
            authority,
        }
    }

    /// Green publishes blue's key too.
    fn publish_copied_key(&self) {
        self.green.1.set_keys(&[&self.green.0, &self.blue.0]);
    }

    fn issuers(&self, policy: &Policy) -> Issuers {
        let connections = connections([
            ("blue", connection(&self.blue.1, &self.authority)),
            ("green", connection(&self.green.1, &self.authority)),
        ]);
        start(policy, connections, &self.clock)
    }

    async fn caller(
        &self,
        policy: &Policy,
        issuers: &Issuers,
        key: &SigningKey,
    ) -> Result<String, Reason> {
        authenticate(policy, issuers, &karma(key), &self.clock).await
    }

    /// Waits until each entry was fetched once more, `refresh` later.
    async fn fetch_again(&self, issuers: &Issuers) {
        let fetched = || {
            issuers
                .health()
                .iter()
                .map(|health| health.succeeded)
                .collect::<Vec<_>>()
        };
        let before = fetched();
        self.clock.pass(Duration::from_secs(300));
        wait::until_true("another fetch of each entry", LONG, async || {
            fetched()
                .iter()
                .zip(&before)
                .all(|(now, before)| now > before)
        })
        .await;
    }
}

fn policy_of(names: [&str; 2], keys: &Value) -> Policy {
    policy(&names.map(|name| trust(name, keys.clone())))
}

#[tokio::test]
async fn a_copied_key_does_not_take_over_the_callers() {
    for names in [["green", "blue"], ["blue", "green"]] {
        let clusters = TwoClusters::start().await;
        let policy = policy_of(names, &json!({}));
        let issuers = clusters.issuers(&policy);
        let expected = Ok("blue/monitoring/karma".to_owned());
        let blue = &clusters.blue.0;
        assert_eq!(clusters.caller(&policy, &issuers, blue).await, expected);
        clusters.publish_copied_key();
        clusters.fetch_again(&issuers).await;
        assert_eq!(clusters.caller(&policy, &issuers, blue).await, expected);
        // The owner stays the same with an edited policy, also if the keys are fetched anew.
        let moved = |name| trust(name, json!({"envoy_cluster": format!("{name}-2")}));
        let edited = super::fixture::policy(&names.map(moved));
        let next = issuers.with_policy(&edited);
        drop(issuers);
        assert_eq!(clusters.caller(&edited, &next, blue).await, expected);
        clusters.fetch_again(&next).await;
        assert_eq!(clusters.caller(&edited, &next, blue).await, expected);
        // The mirror serves each key for its owner only.
        let kids = |name: &str| {
            let document: Value = serde_json::from_str(&next.mirror(name).unwrap()).unwrap();
            let keys = document["keys"].as_array().unwrap().clone();
            keys.into_iter()
                .map(|key| key["kid"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(kids("blue"), [json!(blue.kid())]);
        assert_eq!(kids("green"), [json!(clusters.green.0.kid())]);
    }
}

#[tokio::test]
async fn a_key_of_unknown_owner_is_ambiguous_until_it_is_pinned() {
    let clusters = TwoClusters::start().await;
    clusters.publish_copied_key();
    let policy = policy_of(["green", "blue"], &json!({}));
    let issuers = clusters.issuers(&policy);
    let (blue, green) = (&clusters.blue.0, &clusters.green.0);
    let refused = clusters.caller(&policy, &issuers, blue).await;
    assert_eq!(refused, Err(Reason::KeyAmbiguous));
    assert_eq!(issuers.ambiguous_keys(), 1);
    let allowed = clusters.caller(&policy, &issuers, green).await;
    assert_eq!(allowed.unwrap(), "green/monitoring/karma");

    let set = json!({"keys": [blue.jwk()]}).to_string();
    let set = portcullis_core::keys::KeySet::parse(set.as_bytes(), None).unwrap();
    let pin = set.keys()[0].thumbprint().to_string();
    let pinned = super::fixture::policy(&[
        trust("green", json!({})),
        trust("blue", json!({"pins": [pin]})),
    ]);
    let next = issuers.with_policy(&pinned);
    let allowed = clusters.caller(&pinned, &next, blue).await;
    assert_eq!(allowed.unwrap(), "blue/monitoring/karma");
    assert_eq!(next.ambiguous_keys(), 0);
}

#[tokio::test]
async fn a_new_key_counts_after_the_other_issuer_was_fetched_or_tried() {
    for is_down in [false, true] {
        let mut clusters = TwoClusters::start().await;
        let policy = policy_of(["green", "blue"], &json!({}));
        let issuers = clusters.issuers(&policy);
        let blue = clusters.blue.0.clone();
        assert!(clusters.caller(&policy, &issuers, &blue).await.is_ok());
        clusters.clock.pass(Duration::from_secs(10));
        let new = key();
        clusters.blue.1.set_keys(&[&blue, &new]);
        if is_down {
            clusters.green.1.down().await;
        }
        let caller = clusters.caller(&policy, &issuers, &new).await;
        assert_eq!(caller.unwrap(), "blue/monitoring/karma", "{is_down}");
        let green = clusters.green.0.clone();
        assert!(clusters.caller(&policy, &issuers, &green).await.is_ok());
    }
}
