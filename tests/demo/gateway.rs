//! The gate, what stands behind it, and what it is told by.

use std::io;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::example_config::RunningExample;
use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{
    Alertmanager, Authority, Call, ExampleConfig, Issuer, Prometheus, Reply, Version,
};
use serde_json::{Value, json};

use crate::accounts::SignInStack;
use crate::callers::{Clusters, ISSUER};
use crate::settings::Settings;

/// The Envoy that runs.
pub(crate) const ENVOY: Version = Version::V1_40;

/// Names below this one lead to loopback wherever they are asked for (RFC 6761, section 6.3).
const DOMAIN: &str = "portcullis.localhost";

/// A running gate. Everything ends when it is dropped.
#[derive(Debug)]
pub(crate) struct DemoGateway {
    authority: Authority,
    envoy: RunningExample,
    people: SignInStack,
    _issuers: [Issuer; 2],
    _alertmanager: Alertmanager,
    _prometheus: Prometheus,
}

impl DemoGateway {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(clusters: &Clusters, settings: &Settings) -> Self {
        // Each cluster has an authority of its own, as clusters do, and browsers know none of them.
        let (blue, green) = (Authority::new(), Authority::new());
        let authority = Authority::for_localhost("the Portcullis demo");
        let issuers = [
            Issuer::start(&blue, ISSUER, &[&clusters.blue]).await,
            Issuer::start(&green, ISSUER, &[&clusters.green]).await,
        ];
        let (alertmanager, prometheus) = tokio::join!(Alertmanager::start(), Prometheus::start());

        let mut config = ExampleConfig::read("gateway.yaml");
        config.file("blue-ca.pem", blue.file());
        config.file("green-ca.pem", green.file());
        config.set_certificate(&authority, &[&format!("*.{DOMAIN}")]);
        let url = format!("https://auth.{DOMAIN}:{}", settings.gateway.port());
        config.replace("https://auth.example.com", &url);
        config.replace("example.com", DOMAIN);
        config.listen(settings.gateway);
        config.admin(settings.admin);
        let reach = |issuer: &Issuer, authority: &Authority| json!({"connect": issuer.address().to_string(), "ca_file": authority.file()});
        let trust = json!({
            "blue": reach(&issuers[0], &blue),
            "green": reach(&issuers[1], &green),
        });
        let people = SignInStack::start(&authority, [&url, DOMAIN], config.policy(), &trust).await;
        config.set_endpoint("blue", issuers[0].address());
        config.set_endpoint("green", issuers[1].address());
        for cluster in ["portcullis", "portcullis-public"] {
            config.set_endpoint(cluster, people.companion().address());
        }
        config.set_endpoint("alertmanager", alertmanager.address());
        config.set_endpoint("prometheus", prometheus.address());
        Self {
            envoy: config.start(ENVOY).await,
            authority,
            people,
            _issuers: issuers,
            _alertmanager: alertmanager,
            _prometheus: prometheus,
        }
    }

    /// Who vouches for it.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The name and the port of an app.
    pub(crate) fn host(&self, app: &str) -> String {
        format!("{app}.{DOMAIN}:{}", self.envoy.address().port())
    }

    /// Where a path of an app is.
    pub(crate) fn url(&self, app: &str, path: &str) -> String {
        format!("https://{}{path}", self.host(app))
    }

    /// Where people sign out.
    pub(crate) fn sign_out(&self) -> String {
        self.url("auth", "/oauth2/sign_out")
    }

    /// Sends a call and returns its answer with its line of the access log.
    pub(crate) async fn call(&self, call: &Call) -> (Reply, Value) {
        self.envoy.call(call).await
    }

    /// How many lines the access log has.
    pub(crate) fn logged(&self) -> usize {
        self.envoy.lines().len()
    }

    /// The first line of the access log, from this number on, of a request to this app and path.
    pub(crate) async fn line(&self, from: usize, app: &str, path: &str) -> Value {
        let host = self.host(app);
        let fits = |line: &Value| line["host"] == *host && line["path"] == path;
        self.envoy.line(from, fits).await
    }

    /// Leaves its authority's certificate in a folder.
    pub(crate) fn write_authority(&self, folder: &Path) -> io::Result<PathBuf> {
        let file = folder.join("ca.pem");
        std::fs::copy(self.authority.file(), &file)?;
        Ok(file)
    }

    /// Where Envoy tells of itself.
    pub(crate) fn metrics(&self) -> String {
        format!("http://{}/stats/prometheus", self.envoy.admin())
    }

    /// What to look at: the access log, and what the companion says.
    pub(crate) fn logs(&self) -> [PathBuf; 2] {
        let companion = self.people.companion();
        [self.envoy.access_log(), companion.file("companion.log")]
    }
}

/// A path as people in the project's folder write it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string()
}
