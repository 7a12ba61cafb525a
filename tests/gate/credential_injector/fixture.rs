//! A client's Envoy, `envoy/credential-injector.yaml`, and two Alertmanagers behind a gate.

use std::net::SocketAddr;

use portcullis_tests::lab::example_config::RunningExample;
use portcullis_tests::lab::fixture::AUDIENCE;
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{
    App, Authority, Call, ExampleConfig, Gateway, Issuer, ProjectedToken, Response, SigningKey,
    Token, Version, folder, port, wait,
};
use serde_json::json;

/// The hosts in `envoy/credential-injector.yaml`.
pub(super) const HOSTS: [&str; 2] = [
    "alertmanager-blue.example.com",
    "alertmanager-green.example.com",
];

/// How long a token is valid, in seconds. The gate accepts none for longer: its leeway is 0.
pub(super) const LIFETIME: i64 = 2;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A gate for two Alertmanagers, the volume of the client's token, and the client's Envoy.
pub(super) struct Client {
    pub(super) authority: Authority,
    pub(super) apps: [App; 2],
    pub(super) gate: Gateway,
    pub(super) volume: ProjectedToken,
    pub(super) envoy: RunningExample,
    key: SigningKey,
    _issuer: Issuer,
}

impl Client {
    /// Starts everything. The token is valid for a long time.
    pub(super) async fn start() -> Self {
        Self::with_gate_of(Authority::new()).await
    }

    /// The same with a gate whose certificate is from an authority that the client's Envoy trusts, or does not.
    async fn with_gate_of(authority: Authority) -> Self {
        let key = SigningKey::p256();
        let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
        let apps = [App::start("blue").await, App::start("green").await];
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
        for (host, app) in HOSTS.iter().zip(&apps) {
            gate = gate.app(host, app.address());
        }
        let gate = gate.start().await;
        let token = karma().sign(&key);
        let volume = ProjectedToken::create(&folder::fresh("token"), &token);
        let envoy = start_envoy(&authority, gate.address(), &volume).await;
        Self {
            authority,
            apps,
            gate,
            volume,
            envoy,
            key,
            _issuer: issuer,
        }
    }

    /// A token of the client that is valid for some seconds from now.
    pub(super) fn token(&self, seconds: i64) -> String {
        karma().expires_in(seconds).sign(&self.key)
    }

    /// Waits until the next second has begun and replaces the token, which is then valid for all of its lifetime.
    /// Returns the token.
    pub(super) async fn rotate(&mut self) -> String {
        let before = now();
        wait::until_true("the next second", wait::LONG, async || now() > before).await;
        let token = self.token(LIFETIME);
        self.volume.rotate(&token);
        token
    }

    /// Sends a request through the client's Envoy.
    pub(super) async fn call(&self, call: Call) -> Response {
        call.send(self.envoy.address()).await
    }

    /// Waits until a request through the client's Envoy has this verdict.
    pub(super) async fn until_verdict(&self, call: &Call, expected: &str) {
        wait::until_true(expected, wait::LONG, async || {
            self.call(call.clone()).await.verdict() == expected
        })
        .await;
    }
}

/// The client's Envoy with its targets at these addresses.
pub(super) async fn start_envoy(
    authority: &Authority,
    gate: SocketAddr,
    volume: &ProjectedToken,
) -> RunningExample {
    let mut config = ExampleConfig::read("credential-injector.yaml");
    config.file("gate-ca.pem", authority.file());
    config.mount_token(volume);
    config.listen(port::free());
    config.admin(port::free());
    for cluster in ["alertmanager-blue", "alertmanager-green"] {
        config.set_endpoint(cluster, gate);
    }
    config.start(Version::V1_40).await
}

fn karma() -> Token {
    Token::service_account(ISSUER, AUDIENCE, "monitoring", "karma")
}
