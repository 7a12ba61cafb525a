//! A Kubernetes cluster of the tests: an API server with the service account `monitoring/karma`.

use portcullis_tests::lab::envoy::{Builder, Gateway};
use portcullis_tests::lab::fixture::{AUDIENCE, HOST, get_alerts};
use portcullis_tests::lab::{ApiServer, App, kubernetes, wait};
use serde_json::{Value, json};

use crate::shipped;

/// A cluster. Tests change its API server as an administrator would.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The name of its trust entry and of its Envoy cluster.
    pub(crate) name: &'static str,
    /// Its API server.
    pub(crate) server: ApiServer,
}

impl Cluster {
    /// A cluster as kubeadm sets it up: with the default issuer, which anonymous callers can't read.
    pub(crate) async fn start(name: &'static str) -> Self {
        let server = ApiServer::with_defaults().start().await;
        server.apply(&shipped::namespace("monitoring")).await;
        let karma = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": "monitoring", "name": "karma"},
        });
        server.apply(&karma).await;
        Self { name, server }
    }

    /// The same with discovery open to anonymous callers.
    pub(crate) async fn open(name: &'static str) -> Self {
        let cluster = Self::start(name).await;
        cluster.open_discovery().await;
        cluster
    }

    /// Applies `discovery.yaml`: anonymous callers may read the issuer's documents.
    pub(crate) async fn open_discovery(&self) {
        for object in shipped::objects("cluster/discovery.yaml", &[]) {
            self.server.apply(&object).await;
        }
    }

    /// A new token of `monitoring/karma` for the gateway.
    pub(crate) async fn token(&self) -> String {
        let spec = json!({"audiences": [AUDIENCE], "expirationSeconds": 3600});
        self.server.token("monitoring", "karma", spec).await
    }

    /// Its trust entry.
    pub(crate) fn trust(&self) -> Value {
        json!({
            "name": self.name,
            "kind": "kubernetes",
            "issuer": kubernetes::DEFAULT_ISSUER,
            "audiences": [AUDIENCE],
            "keys": {"envoy_cluster": self.name, "refresh": "10s"},
        })
    }

    /// The rule, named like the cluster, that lets its `monitoring/karma` call the app.
    pub(crate) fn rule(&self) -> Value {
        let karma = format!("{}/monitoring/karma", self.name);
        json!({"name": self.name, "allow": [{"service_account": karma}]})
    }
}

/// A policy that trusts these clusters and lets `monitoring/karma` of each call the app.
pub(crate) fn policy(clusters: &[&Cluster]) -> Value {
    json!({
        "trust": clusters.iter().map(|cluster| cluster.trust()).collect::<Vec<_>>(),
        "apps": [{
            "name": "alertmanager",
            "hosts": [HOST],
            "rules": clusters.iter().map(|cluster| cluster.rule()).collect::<Vec<_>>(),
        }],
    })
}

/// A gateway with this policy, with routes to every cluster and to the app.
pub(crate) fn gateway(policy: Value, clusters: &[&Cluster], app: &App) -> Builder {
    let builder = clusters
        .iter()
        .fold(Gateway::with(policy), |builder, cluster| {
            builder.tls_cluster(
                cluster.name,
                cluster.server.address(),
                kubernetes::HOST,
                cluster.server.authority(),
            )
        });
    builder.app(HOST, app.address())
}

/// The verdict on karma's request.
pub(crate) async fn verdict(gateway: &Gateway, token: &str) -> String {
    gateway.call(get_alerts(token)).await.verdict()
}

/// Repeats karma's request until its verdict is `expected`.
pub(crate) async fn becomes(gateway: &Gateway, token: &str, expected: &str) {
    wait::until_true(expected, wait::LONG, async || {
        verdict(gateway, token).await == expected
    })
    .await;
}
