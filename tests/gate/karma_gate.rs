//! A gate in front of two apps that lets Karma in for the short lifetime of its service-account token, and ten of those
//! lifetimes of two Karmas: one whose token is rotated, and one with a copy.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_tests::lab::fixture::AUDIENCE;
use portcullis_tests::lab::karma::{Karma, Upstream};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Authority, Gateway, Issuer, ProjectedToken, SigningKey, Token, wait};
use serde_json::json;

/// The hosts in `envoy/credential-injector.yaml`.
pub(crate) const HOSTS: [&str; 2] = [
    "alertmanager-blue.example.com",
    "alertmanager-green.example.com",
];

/// How long a token is valid, in seconds. The gate accepts none for longer: its leeway is 0. On a busy machine, a client can
/// need more than a second to read the next one.
pub(crate) const LIFETIME: i64 = 4;

/// How many lifetimes of its token a client is watched.
const LIFETIMES: i64 = 10;

/// How often Karma polls.
const PAUSE: Duration = Duration::from_millis(200);

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A gate for two apps, and the key of the cluster that Karma runs in.
pub(crate) struct KarmaGate {
    pub(crate) authority: Authority,
    pub(crate) gate: Gateway,
    key: SigningKey,
    _issuer: Issuer,
}

impl KarmaGate {
    /// Starts it with these apps behind [`HOSTS`].
    pub(crate) async fn start(apps: [SocketAddr; 2]) -> Self {
        let (authority, key) = (Authority::new(), SigningKey::p256());
        let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
        let app = |host: &str| {
            json!({
                "name": host.split('.').next(),
                "hosts": [host],
                "rules": [{
                    "name": "karma-reads",
                    "methods": ["GET", "HEAD"],
                    "paths": ["/api/v2/**", "/metrics"],
                    "allow": [{"service_account": "blue/monitoring/karma"}],
                }],
            })
        };
        let policy = json!({
            "trust": [{
                "name": "blue",
                "kind": "kubernetes",
                "issuer": ISSUER,
                "audiences": [AUDIENCE],
                "leeway": "0s",
                "keys": {"envoy_cluster": "blue"},
            }],
            "apps": HOSTS.map(app),
        });
        let mut gate = Gateway::with(policy)
            .issuer("blue", &issuer, &authority)
            .tls(&authority, &["*.example.com"]);
        for (host, app) in HOSTS.iter().zip(apps) {
            gate = gate.app(host, app);
        }
        Self {
            gate: gate.start().await,
            authority,
            key,
            _issuer: issuer,
        }
    }

    /// A token of Karma with the lab's default lifetime, which no test outlasts.
    pub(crate) fn long_token(&self) -> String {
        karma().sign(&self.key)
    }

    /// A token of Karma that is valid for some seconds from now.
    pub(crate) fn token(&self, seconds: i64) -> String {
        karma().expires_in(seconds).sign(&self.key)
    }

    /// Waits until the next second has begun and replaces the token, which is then valid for all of its lifetime.
    /// Returns the token.
    pub(crate) async fn rotate(&self, volume: &mut ProjectedToken) -> String {
        let before = now();
        wait::until_true("the next second", wait::LONG, async || now() > before).await;
        let token = self.token(LIFETIME);
        volume.rotate(&token);
        token
    }

    /// Rotates the token for ten of its lifetimes. Asserts that no poll through these upstreams fails, and that all
    /// do of a Karma that sends the copied token itself, once that has expired.
    pub(crate) async fn assert_no_poll_fails(
        &self,
        upstreams: [Upstream; 2],
        volume: &mut ProjectedToken,
        copied: &str,
    ) {
        let copying = HOSTS.map(|host| {
            Upstream::new(host, self.gate.address())
                .tls(self.authority.trust())
                .authorization(&format!("Bearer {copied}"))
        });
        let karma = Karma::start(upstreams.to_vec(), PAUSE);
        let copying = Karma::start(copying.to_vec(), PAUSE);
        // Each token is replaced after a second, so that the client has three seconds to read the next one.
        for _ in 0..LIFETIMES * LIFETIME {
            self.rotate(volume).await;
        }
        karma.polled(1).await;
        let polls = karma.polls();
        assert_eq!(polls.failures, [""; 0], "of {} polls", polls.complete);
        // As often as Karma polls at least, also on a busy machine: each second.
        let seconds = usize::try_from(LIFETIMES * LIFETIME).expect("a positive number");
        assert!(polls.complete >= seconds, "{polls:?}");

        let polls = copying.polls();
        let expired = |failure: &String| failure.ends_with(": 401 expired");
        assert!(polls.failures.iter().all(expired), "{:?}", polls.failures);
        assert!(polls.failures.len() >= seconds, "{polls:?}");
    }
}

fn karma() -> Token {
    Token::service_account(ISSUER, AUDIENCE, "monitoring", "karma")
}
