//! What these tests share.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_core::decision::Reason;
use portcullis_core::gate::{Context, Evaluation, Gate, TokenCache};
use portcullis_core::keys::{KeySet, PureRust};
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;
use portcullis_tests::lab::wait::{self, LONG};
use portcullis_tests::lab::{Authority, Endpoint, Issuer, SigningKey, Token, folder};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::http_client::Connect;
use crate::issuers::{Clock, IssuerConnection, Issuers, WAIT_TIMEOUT};

/// The issuer URL of every cluster, as of those made by kubeadm.
pub(super) const NAME: &str = "https://kubernetes.default.svc.cluster.local";

pub(super) const AUDIENCE: &str = "portcullis";

/// A clock that the test sets.
#[derive(Clone, Debug)]
pub(super) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// Starts at the current time, at which tokens are issued.
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self(Arc::new(AtomicU64::new(now.as_millis() as u64)))
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub(super) fn pass(&self, span: Duration) {
        self.0.fetch_add(span.as_millis() as u64, Ordering::SeqCst);
    }

    pub(super) fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// A new signing key.
pub(super) fn key() -> SigningKey {
    SigningKey::p256()
}

pub(super) async fn issuer(authority: &Authority, keys: &[&SigningKey]) -> Issuer {
    Issuer::start(authority, NAME, keys).await
}

/// A policy that trusts clusters of these names, all with one issuer URL, and allows Karma of each.
pub(super) fn policy(trusts: &[Value]) -> Policy {
    let document = json!({
        "trust": trusts,
        "apps": [{
            "name": "alertmanager",
            "hosts": ["alertmanager.example.com"],
            "rules": [{"name": "karma", "allow": [{"service_account": "*/monitoring/karma"}]}],
        }],
    });
    Policy::from_json(&document.to_string()).unwrap()
}

/// A trust entry of a policy, with these fields in `keys` besides `envoy_cluster`.
pub(super) fn trust(name: &str, keys: Value) -> Value {
    let mut all = json!({"envoy_cluster": name});
    let more = keys.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    json!({
        "name": name,
        "kind": "kubernetes",
        "issuer": NAME,
        "audiences": [AUDIENCE],
        "keys": all,
    })
}

/// A connection to an issuer of the lab, whose URL does not resolve.
pub(super) fn connection(issuer: &Issuer, authority: &Authority) -> IssuerConnection {
    IssuerConnection {
        connect: Some(Connect {
            host: issuer.address().ip().to_string(),
            port: issuer.address().port(),
        }),
        ca_file: Some(authority.file().to_owned()),
        token_file: None,
    }
}

pub(super) fn connections<const N: usize>(
    connections: [(&str, IssuerConnection); N],
) -> BTreeMap<String, IssuerConnection> {
    BTreeMap::from(connections.map(|(name, connection)| (name.to_owned(), connection)))
}

/// Without sign-in.
pub(super) fn no_sign_in() -> watch::Receiver<Option<KeySet>> {
    watch::channel(None).1
}

pub(super) fn start(
    policy: &Policy,
    connections: BTreeMap<String, IssuerConnection>,
    clock: &TestClock,
) -> Issuers {
    Issuers::start(policy, connections, no_sign_in(), clock.clock())
}

/// Karma's token, signed with this key.
pub(super) fn karma(key: &SigningKey) -> String {
    Token::service_account(NAME, AUDIENCE, "monitoring", "karma").sign(key)
}

/// Evaluates a request with a bearer token as forward auth does, and returns the caller or the reason of the refusal.
pub(super) async fn authenticate(
    policy: &Policy,
    issuers: &Issuers,
    token: &str,
    clock: &TestClock,
) -> Result<String, Reason> {
    let gate = Gate::new(policy.clone());
    let authorization = format!("Bearer {token}");
    let headers = Headers::new(vec![
        (b":method", b"GET"),
        (b":authority", b"alertmanager.example.com"),
        (b":path", b"/api/v2/alerts"),
        (b"authorization", authorization.as_bytes()),
    ]);
    let (arrived, until) = (clock.now(), Instant::now() + WAIT_TIMEOUT);
    let revocations = Revocations::default();
    loop {
        let snapshot = issuers.snapshot();
        let context = Context {
            keyring: snapshot.keyring(),
            signatures: &PureRust,
            revocations: &revocations,
            arrived,
            now: clock.now(),
        };
        match gate.evaluate(&headers, context, &mut TokenCache::default()) {
            Evaluation::Decided(decision) if decision.is_allowed() => {
                return Ok(decision.authenticated().unwrap().caller_name().to_owned());
            }
            Evaluation::Decided(decision) => return Err(decision.reason()),
            Evaluation::AwaitKeys { sources, .. } => {
                if !issuers.wait_for_newer(&snapshot, &sources, until).await {
                    return Err(Reason::KeysUnavailable);
                }
            }
            Evaluation::Refresh(_) => panic!("no request has a session"),
        }
    }
}

/// Waits for this many successful and failed fetches of the first trust entry.
pub(super) async fn wait_for_fetches(issuers: &Issuers, succeeded: u64, failed: u64) {
    wait::until_true("completed fetches", LONG, async || {
        let health = &issuers.health()[0];
        (health.succeeded, health.failed) == (succeeded, failed)
    })
    .await;
}

/// How many requests for discovery and for keys an issuer got.
pub(super) fn requests(issuer: &Issuer) -> (usize, usize) {
    (
        issuer.count(Endpoint::Discovery),
        issuer.count(Endpoint::Keys),
    )
}

/// A file with this content in a new folder.
pub(super) fn file(content: &str) -> PathBuf {
    let file = folder::fresh("issuers").join("file");
    fs::write(&file, content).unwrap();
    file
}
