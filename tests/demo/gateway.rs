//! The gateway, the apps behind it, and the companion.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::demo::accounts::SignInStack;
use crate::demo::callers::{Clusters, ISSUER};
use crate::lab::example_config::RunningExample;
use crate::lab::folder::workspace;
use crate::lab::{
    Alertmanager, Authority, Call, Companion, ExampleConfig, Issuer, Prometheus, Response, Version,
};

/// The version of Envoy.
pub const ENVOY: Version = Version::V1_40;

/// Names below this one resolve to loopback everywhere (RFC 6761, section 6.3).
const DOMAIN: &str = "portcullis.localhost";

/// A running demo. Everything is stopped when it is dropped.
#[derive(Debug)]
pub struct DemoGateway {
    authority: Authority,
    policy: Value,
    envoy: RunningExample,
    sign_in: SignInStack,
    _issuers: [Issuer; 2],
    _alertmanager: Alertmanager,
    prometheus: Prometheus,
}

/// The job of the gateway in Prometheus: the alerts expect this name.
const GATES: &str = "portcullis-gates";

/// The job of the companion in Prometheus.
const COMPANION: &str = "portcullis";

impl DemoGateway {
    /// Starts everything and waits until it is ready. Envoy listens on the two addresses, on the second with its
    /// admin interface.
    pub async fn start(clusters: &Clusters, [gateway, admin]: [SocketAddr; 2]) -> Self {
        // Each cluster has its own CA, as real clusters do, and browsers trust none of them.
        let (blue, green) = (Authority::new(), Authority::new());
        let authority = Authority::for_localhost("the Portcullis demo");
        let issuers = [
            Issuer::start(&blue, ISSUER, &[&clusters.blue]).await,
            Issuer::start(&green, ISSUER, &[&clusters.green]).await,
        ];
        let mut config = ExampleConfig::read("gateway.yaml");
        config.file("blue-ca.pem", blue.file());
        config.file("green-ca.pem", green.file());
        config.set_certificate(&authority, &[&format!("*.{DOMAIN}")]);
        let url = format!("https://auth.{DOMAIN}:{}", gateway.port());
        config.replace("https://auth.example.com", &url);
        config.replace("example.com", DOMAIN);
        config.listen(gateway);
        config.admin(admin);
        let trust_settings = |issuer: &Issuer, authority: &Authority| json!({"connect": issuer.address().to_string(), "ca_file": authority.file()});
        let trust = json!({
            "blue": trust_settings(&issuers[0], &blue),
            "green": trust_settings(&issuers[1], &green),
        });
        let sign_in = SignInStack::start(&authority, [&url, DOMAIN], config.policy(), &trust).await;
        let prometheus = Prometheus::with()
            .scrape(GATES, admin, "/stats/prometheus")
            .scrape(COMPANION, sign_in.companion().metrics(), "/metrics")
            .rules(&workspace().join("istio/chart/monitoring/rules.yaml"));
        let (alertmanager, prometheus) = tokio::join!(Alertmanager::start(), prometheus.start());
        config.set_endpoint("blue", issuers[0].address());
        config.set_endpoint("green", issuers[1].address());
        for cluster in ["portcullis", "portcullis-public"] {
            config.set_endpoint(cluster, sign_in.companion().address());
        }
        config.set_endpoint("alertmanager", alertmanager.address());
        config.set_endpoint("prometheus", prometheus.address());
        Self {
            policy: config.policy().clone(),
            envoy: config.start(ENVOY).await,
            authority,
            sign_in,
            _issuers: issuers,
            _alertmanager: alertmanager,
            prometheus,
        }
    }

    /// The gateway's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.envoy.address()
    }

    /// The gateway's CA.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The host and port of an app.
    #[must_use]
    pub fn host(&self, app: &str) -> String {
        format!("{app}.{DOMAIN}:{}", self.envoy.address().port())
    }

    /// The URL of a path of an app.
    #[must_use]
    pub fn url(&self, app: &str, path: &str) -> String {
        format!("https://{}{path}", self.host(app))
    }

    /// The sign-out URL.
    #[must_use]
    pub fn sign_out(&self) -> String {
        self.url("auth", "/oauth2/sign_out")
    }

    /// Sends a request and returns the response with its line of the access log.
    ///
    /// # Panics
    /// If no complete response or no line arrives.
    pub async fn call(&self, call: &Call) -> (Response, Value) {
        self.envoy.call(call).await
    }

    /// The number of lines in the access log.
    pub(crate) fn logged(&self) -> usize {
        self.envoy.lines().len()
    }

    /// The first line of the access log, starting with this number, of a request for this app and
    /// path.
    pub(crate) async fn line(&self, from: usize, app: &str, path: &str) -> Value {
        let host = self.host(app);
        let matches = |line: &Value| line["host"] == *host && line["path"] == path;
        self.envoy.line(from, matches).await
    }

    /// Writes the CA's certificate to a folder.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_authority(&self, folder: &Path) -> io::Result<PathBuf> {
        let file = folder.join("ca.pem");
        std::fs::copy(self.authority.file(), &file)?;
        Ok(file)
    }

    /// Writes the policy to a folder.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_policy(&self, folder: &Path) -> io::Result<PathBuf> {
        let file = folder.join("portcullis.json");
        std::fs::write(&file, format!("{:#}", self.policy))?;
        Ok(file)
    }

    /// Prometheus, which scrapes Envoy and the companion.
    #[must_use]
    pub fn prometheus(&self) -> &Prometheus {
        &self.prometheus
    }

    /// The companion.
    #[must_use]
    pub fn companion(&self) -> &Companion {
        self.sign_in.companion()
    }

    /// The URL of Envoy's metrics.
    #[must_use]
    pub fn metrics(&self) -> String {
        format!("http://{}/stats/prometheus", self.envoy.admin())
    }

    /// The access log and the companion's log.
    #[must_use]
    pub fn logs(&self) -> [PathBuf; 2] {
        let companion = self.sign_in.companion();
        [self.envoy.access_log(), companion.file("companion.log")]
    }
}

/// A path relative to the project's folder.
#[must_use]
pub fn relative(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string()
}
