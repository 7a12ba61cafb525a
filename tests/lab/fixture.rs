//! The fixture of most tests: clusters that issue tokens, an app, and a policy that lets one
//! service account of each cluster call it.

use serde_json::{Value, json};

use super::app::App;
use super::authority::Authority;
use super::client::Call;
use super::envoy::{Builder, Gateway};
use super::issuer::Issuer;
use super::keys::SigningKey;
use super::token::Token;

/// The app's host.
pub const HOST: &str = "alertmanager.example.com";

/// The audience of tokens for the gateway.
pub const AUDIENCE: &str = "gate";

/// Clusters and an app, without a gateway.
#[derive(Debug)]
pub struct Fixture {
    /// The CA of the issuers' certificates.
    pub authority: Authority,
    /// The clusters, in the order of the policy.
    pub clusters: Vec<Cluster>,
    /// The protected app.
    pub app: App,
}

/// A Kubernetes cluster, as seen from outside.
#[derive(Debug)]
pub struct Cluster {
    /// The name of its trust entry and of its Envoy cluster.
    pub name: String,
    /// The issuer that publishes its keys.
    pub issuer: Issuer,
    /// Its signing key.
    pub key: SigningKey,
}

impl Fixture {
    /// Clusters with these names, each with its own issuer and key, and an app.
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

    /// The same, but all clusters have the issuer `url`, like those that kubeadm sets up.
    pub async fn with_shared_issuer(url: &str, names: &[&str]) -> Self {
        let mut fixture = Self::start(&[]).await;
        for &name in names {
            let cluster = Cluster::start(&fixture.authority, name, url).await;
            fixture.clusters.push(cluster);
        }
        fixture
    }

    /// The cluster with this name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn cluster(&self, name: &str) -> &Cluster {
        let cluster = self.clusters.iter().find(|cluster| cluster.name == name);
        cluster.unwrap_or_else(|| panic!("no cluster {name}"))
    }

    /// The cluster with this name, to take its issuer down.
    ///
    /// # Panics
    /// If there is none.
    pub fn cluster_mut(&mut self, name: &str) -> &mut Cluster {
        let mut clusters = self.clusters.iter_mut();
        let cluster = clusters.find(|cluster| cluster.name == name);
        cluster.unwrap_or_else(|| panic!("no cluster {name}"))
    }

    /// A policy that trusts every cluster and lets `monitoring/karma` of each call the app, by a
    /// rule named like the cluster.
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

    /// A gateway with this policy, with routes to every cluster and to the app.
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
    /// A cluster with the issuer `url`.
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

    /// The claims of its token for `monitoring/karma`.
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

/// Karma's request to the app.
#[must_use]
pub fn get_alerts(token: &str) -> Call {
    Call::get(HOST, "/api/v2/alerts").bearer(token)
}
