//! The proxies, each with the configuration that we provide for it.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_tests::lab::example_config::RunningExample;
use portcullis_tests::lab::{
    Authority, Caddy, Call, ExampleConfig, Nginx, Response, Version, folder, port,
};
use rustls::ClientConfig;

/// The addresses in the example configurations: the companion and the app.
const COMPANION: &str = "127.0.0.1:4180";
const APP: &str = "alertmanager.internal.example.com:9093";

/// The app's host.
pub(crate) const HOST: &str = "alertmanager.example.com";

/// The companion's public host.
pub(crate) const PUBLIC_HOST: &str = "auth.example.com";

/// A proxy in front of an app that uses the companion for forward auth.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    /// Whether it forwards the body of a refusal, which has the reason.
    pub(crate) forwards_refusal_body: bool,
    pub(crate) address: SocketAddr,
    trust: Option<Arc<ClientConfig>>,
    _proxy: ProxyProcess,
}

/// Stopped when dropped.
enum ProxyProcess {
    Caddy { _caddy: Caddy },
    Envoy { _envoy: RunningExample },
    Nginx { _nginx: Nginx },
}

impl Proxy {
    /// All of them, in front of one app.
    pub(crate) async fn all(
        authority: &Authority,
        companion: SocketAddr,
        app: SocketAddr,
    ) -> [Self; 3] {
        [
            Self::nginx(authority, companion, app).await,
            Self::caddy(authority, companion, app).await,
            Self::envoy(companion, app).await,
        ]
    }

    /// NGINX with TLS.
    pub(crate) async fn nginx(
        authority: &Authority,
        companion: SocketAddr,
        app: SocketAddr,
    ) -> Self {
        let http = example_config("nginx.conf", companion, app);
        Self::nginx_with(authority, &http).await
    }

    /// NGINX with the subrequest of ingress-nginx, by `$http_host`, with this path.
    pub(crate) async fn ingress_nginx(
        authority: &Authority,
        companion: SocketAddr,
        app: SocketAddr,
        path: &str,
    ) -> Self {
        let mut http = example_config("nginx.conf", companion, app);
        for (ours, theirs) in [
            (
                "http://portcullis/oauth2/auth;",
                &*format!("http://portcullis{path};"),
            ),
            (
                "$scheme://$server_name$request_uri",
                "$scheme://$http_host$request_uri",
            ),
        ] {
            assert!(http.contains(ours), "{ours}");
            http = http.replace(ours, theirs);
        }
        Self::nginx_with(authority, &http).await
    }

    async fn nginx_with(authority: &Authority, http: &str) -> Self {
        let identity = authority.identity(&[HOST, PUBLIC_HOST]);
        let address = port::free();
        let http = http
            .replace("listen 443 ", &format!("listen {address} "))
            .replace(
                "/etc/portcullis/certificate.pem",
                &identity.certificate.display().to_string(),
            )
            .replace(
                "/etc/portcullis/key.pem",
                &identity.key.display().to_string(),
            );
        Self {
            name: "NGINX",
            forwards_refusal_body: false,
            address,
            trust: Some(authority.trust()),
            _proxy: ProxyProcess::Nginx {
                _nginx: Nginx::start(address, &http).await,
            },
        }
    }

    /// Caddy with TLS and a given certificate instead of its own.
    async fn caddy(authority: &Authority, companion: SocketAddr, app: SocketAddr) -> Self {
        let identity = authority.identity(&[HOST, PUBLIC_HOST]);
        let address = port::free();
        let mut sites = example_config("Caddyfile", companion, app);
        for host in [HOST, PUBLIC_HOST] {
            let site = format!(
                "\nhttps://{host}:{} {{\n\tbind {}\n\ttls {} {}\n",
                address.port(),
                address.ip(),
                identity.certificate.display(),
                identity.key.display(),
            );
            sites = sites.replace(&format!("\n{host} {{\n"), &site);
        }
        Self {
            name: "Caddy",
            forwards_refusal_body: true,
            address,
            trust: Some(authority.trust()),
            _proxy: ProxyProcess::Caddy {
                _caddy: Caddy::start(address, &sites).await,
            },
        }
    }

    /// Envoy in clear text.
    async fn envoy(companion: SocketAddr, app: SocketAddr) -> Self {
        let config = Self::envoy_config(companion, app);
        Self::envoy_with(config, Version::V1_40).await
    }

    /// The same in a given version, with an app that uses HTTP/2, for which Envoy forwards trailers.
    pub(crate) async fn envoy_with_http2(
        companion: SocketAddr,
        app: SocketAddr,
        version: Version,
    ) -> Self {
        let mut config = Self::envoy_config(companion, app);
        config.use_http2("alertmanager");
        Self::envoy_with(config, version).await
    }

    fn envoy_config(companion: SocketAddr, app: SocketAddr) -> ExampleConfig {
        let mut config = ExampleConfig::read("ext-authz.yaml");
        config.set_endpoint("portcullis", companion);
        config.set_endpoint("portcullis-public", companion);
        config.set_endpoint("alertmanager", app);
        config
    }

    async fn envoy_with(mut config: ExampleConfig, version: Version) -> Self {
        let address = port::free();
        config.listen(address);
        config.admin(port::free());
        Self {
            name: "Envoy",
            forwards_refusal_body: true,
            address,
            trust: None,
            _proxy: ProxyProcess::Envoy {
                _envoy: config.start(version).await,
            },
        }
    }

    /// Sends a request through the proxy.
    pub(crate) async fn send(&self, call: Call) -> Response {
        let sent = match &self.trust {
            Some(trust) => {
                let name = [PUBLIC_HOST].into_iter().find(|name| *name == call.host());
                let name = name.unwrap_or(HOST);
                call.try_send_as(name, self.address, trust).await
            }
            None => call.try_send(self.address).await,
        };
        sent.unwrap_or_else(|error| panic!("{}: {call:?}: {error}", self.name))
    }

    /// Sends bytes through the proxy, and returns the status, if there is one.
    pub(crate) async fn try_raw(&self, bytes: &str) -> Option<u16> {
        let call = Call::raw(bytes);
        let sent = match &self.trust {
            Some(trust) => call.try_send_as(HOST, self.address, trust).await,
            None => call.try_send(self.address).await,
        };
        sent.ok().map(|response| response.status)
    }
}

/// An example configuration with these addresses.
fn example_config(name: &str, companion: SocketAddr, app: SocketAddr) -> String {
    let path = folder::workspace().join("tests/proxies").join(name);
    let text = fs::read_to_string(&path).expect("an example configuration");
    for address in [COMPANION, APP] {
        assert!(text.contains(address), "{name}: {address}");
    }
    text.replace(COMPANION, &companion.to_string())
        .replace(APP, &app.to_string())
}
