//! The gate, what stands behind it, and what it is told by.

use std::path::Path;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::shipped::Running;
use portcullis_tests::lab::{
    Alertmanager, Authority, Call, Issuer, Prometheus, Reply, Shipped, Version,
};
use serde_json::Value;

use crate::callers::{Clusters, ISSUER};
use crate::settings::Settings;

/// The Envoy that runs.
pub(crate) const ENVOY: Version = Version::V1_40;

/// Names below this one lead to loopback wherever they are asked for (RFC 6761, section 6.3).
const DOMAIN: &str = "portcullis.localhost";

/// A running gate. Everything ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    envoy: Running,
    _issuers: [Issuer; 2],
    _alertmanager: Alertmanager,
    _prometheus: Prometheus,
}

impl Gate {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(clusters: &Clusters, settings: &Settings) -> Self {
        // Each cluster has an authority of its own, as clusters do.
        let (blue, green) = (Authority::new(), Authority::new());
        let issuers = [
            Issuer::start(&blue, ISSUER, &[&clusters.blue]).await,
            Issuer::start(&green, ISSUER, &[&clusters.green]).await,
        ];
        let (alertmanager, prometheus) = tokio::join!(Alertmanager::start(), Prometheus::start());

        let mut shipped = Shipped::read("gateway.yaml");
        shipped.file("blue-ca.pem", blue.file());
        shipped.file("green-ca.pem", green.file());
        shipped.rename("example.com", DOMAIN);
        shipped.listen(settings.gateway);
        shipped.admin(settings.admin);
        shipped.lead("blue", issuers[0].address());
        shipped.lead("green", issuers[1].address());
        shipped.lead("alertmanager", alertmanager.address());
        shipped.lead("prometheus", prometheus.address());
        Self {
            envoy: shipped.start(ENVOY).await,
            _issuers: issuers,
            _alertmanager: alertmanager,
            _prometheus: prometheus,
        }
    }

    /// The name and the port of an app.
    pub(crate) fn host(&self, app: &str) -> String {
        format!("{app}.{DOMAIN}:{}", self.envoy.address().port())
    }

    /// Sends a call and returns its answer with its line of the access log.
    pub(crate) async fn call(&self, call: &Call) -> (Reply, Value) {
        self.envoy.call(call).await
    }

    /// Prints lines to copy.
    pub(crate) fn print_what_to_try(&self) {
        let bearer = |file| format!("-H \"Authorization: Bearer $(cat target/demo/{file})\"");
        let (alertmanager, prometheus) = (self.host("alertmanager"), self.host("prometheus"));
        println!("Try it, in another terminal and from this folder:\n");
        println!(
            "  curl -i {} http://{alertmanager}/api/v2/alerts",
            bearer("karma.jwt")
        );
        println!(
            "  curl -i {} http://{alertmanager}/api/v2/alerts",
            bearer("green-karma.jwt")
        );
        println!(
            "  curl -i -X POST {} http://{alertmanager}/-/reload",
            bearer("karma.jwt")
        );
        println!(
            "  curl -i {} 'http://{prometheus}/api/v1/query?query=up'",
            bearer("grafana.jwt")
        );
        println!(
            "  curl -s http://{}/stats/prometheus | grep ^portcullis_",
            self.envoy.admin()
        );
        println!("  tail -f {}", shown(&self.envoy.access_log()));
        println!("\nThe policy is in envoy/gateway.yaml. Fresh tokens are always in target/demo.");
        println!("Ctrl-C ends it all.");
    }
}

/// A path as people in the project's folder write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string()
}
