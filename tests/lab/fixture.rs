//! The fixture that most promises are proved in: clusters that issue tokens, an app, and a policy that lets a
//! service account of each cluster call it.

use serde_json::{Value, json};

use super::app::App;
use super::authority::Authority;
use super::client::Call;
use super::envoy::{Builder, Gateway};
use super::issuer::Issuer;
use super::keys::SigningKey;
use super::token::Token;

/// Where the app is reached.
pub const HOST: &str = "alertmanager.example.com";

/// What tokens for the gate have in `aud`.
pub const AUDIENCE: &str = "gate";

/// Clusters and an app, with no gateway yet.
#[derive(Debug)]
pub struct Fixture {
    /// Who signed the issuers' certificates.
    pub authority: Authority,
    /// The clusters, in the policy's order.
    pub clusters: Vec<Cluster>,
    /// What is protected.
    pub app: App,
}

/// A Kubernetes cluster, as far as others see it.
#[derive(Debug)]
pub struct Cluster {
    /// The name of its trust entry, and of the way that leads there from Envoy.
    pub name: String,
    /// Where its keys are published.
    pub issuer: Issuer,
    /// What it signs with.
    pub key: SigningKey,
}

impl Fixture {
    /// Clusters of these names, each with an issuer and a key of its own, and an app.
    pub async fn start(names: &[&str]) -> Self {
        let authority = Authority::new();
        let mut clusters = Vec::new();
        for &name in names {
            let url = format!("https://kubernetes.{name}.example.com");
            clusters.push(Cluster::start(&authority, name, &url).await);
        }
        let app = App::start("alertmanager").await;
        Self {
            authority,
            clusters,
            app,
        }
    }

    /// The same, but all clusters call their issuer `url`, as those that kubeadm sets up do.
    pub async fn with_shared_issuer(url: &str, names: &[&str]) -> Self {
        let mut fixture = Self::start(&[]).await;
        for &name in names {
            let cluster = Cluster::start(&fixture.authority, name, url).await;
            fixture.clusters.push(cluster);
        }
        fixture
    }

    /// The cluster of this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn cluster(&self, name: &str) -> &Cluster {
        let cluster = self.clusters.iter().find(|cluster| cluster.name == name);
        cluster.unwrap_or_else(|| panic!("no cluster {name}"))
    }

    /// The cluster of this name, to take its issuer down.
    ///
    /// # Panics
    /// When there is none.
    pub fn cluster_mut(&mut self, name: &str) -> &mut Cluster {
        let mut clusters = self.clusters.iter_mut();
        let cluster = clusters.find(|cluster| cluster.name == name);
        cluster.unwrap_or_else(|| panic!("no cluster {name}"))
    }

    /// A policy that trusts every cluster and lets `monitoring/karma` of each, by a rule of the cluster's name,
    /// call the app.
    #[must_use]
    pub fn policy(&self) -> Value {
        let rule = |cluster: &Cluster| {
            let karma = format!("{}/monitoring/karma", cluster.name);
            json!({"name": cluster.name, "allow": [{"service_account": karma}]})
        };
        json!({
            "trust": self.clusters.iter().map(Cluster::trust).collect::<Vec<_>>(),
            "apps": [{
                "name": "alertmanager",
                "hosts": [HOST],
                "rules": self.clusters.iter().map(rule).collect::<Vec<_>>(),
            }],
        })
    }

    /// A gateway with this policy from which every cluster and the app can be reached.
    #[must_use]
    pub fn gateway(&self, policy: Value) -> Builder {
        self.clusters
            .iter()
            .fold(Gateway::with(policy), |builder, cluster| {
                builder.issuer(&cluster.name, &cluster.issuer, &self.authority)
            })
            .app(HOST, self.app.address())
    }
}

impl Cluster {
    /// A cluster whose issuer calls itself `url`.
    pub async fn start(authority: &Authority, name: &str, url: &str) -> Self {
        let key = SigningKey::p256();
        Self {
            name: name.to_owned(),
            issuer: Issuer::start(authority, url, &[&key]).await,
            key,
        }
    }

    /// Its trust entry.
    #[must_use]
    pub fn trust(&self) -> Value {
        json!({
            "name": self.name,
            "kind": "kubernetes",
            "issuer": self.issuer.name(),
            "audiences": [AUDIENCE],
            "keys": {"envoy_cluster": self.name},
        })
    }

    /// What its API server puts into a token for `monitoring/karma`.
    #[must_use]
    pub fn karma(&self) -> Token {
        Token::service_account(self.issuer.name(), AUDIENCE, "monitoring", "karma")
    }

    /// A new token for `monitoring/karma`, signed.
    #[must_use]
    pub fn token(&self) -> String {
        self.karma().sign(&self.key)
    }
}

/// What Karma asks of the app.
#[must_use]
pub fn get_alerts(token: &str) -> Call {
    Call::get(HOST, "/api/v2/alerts").bearer(token)
}
