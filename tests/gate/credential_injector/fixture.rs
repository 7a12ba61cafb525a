//! A client's Envoy, `envoy/credential-injector.yaml`, and two Alertmanagers behind a gate.

use std::net::SocketAddr;

use portcullis_tests::lab::example_config::RunningExample;
use portcullis_tests::lab::{
    App, Authority, Call, ExampleConfig, ProjectedToken, Response, Version, folder, port, wait,
};

use crate::karma_gate::KarmaGate;

/// A gate for two Alertmanagers, the volume of the client's token, and the client's Envoy.
pub(super) struct Client {
    pub(super) apps: [App; 2],
    pub(super) karma_gate: KarmaGate,
    pub(super) volume: ProjectedToken,
    pub(super) envoy: RunningExample,
}

impl Client {
    /// Starts everything. The token is valid for a long time.
    pub(super) async fn start() -> Self {
        let apps = [App::start("blue").await, App::start("green").await];
        let karma_gate = KarmaGate::start([apps[0].address(), apps[1].address()]).await;
        let volume = ProjectedToken::create(&folder::fresh("token"), &karma_gate.long_token());
        let gate = karma_gate.gate.address();
        let envoy = start_envoy(&karma_gate.authority, gate, &volume).await;
        Self {
            apps,
            karma_gate,
            volume,
            envoy,
        }
    }

    /// A token of the client that is valid for some seconds from now.
    pub(super) fn token(&self, seconds: i64) -> String {
        self.karma_gate.token(seconds)
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
