//! The proxies, each with the file that we ship for it.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_tests::lab::example_config::RunningExample;
use portcullis_tests::lab::{
    Authority, Caddy, Call, ExampleConfig, Nginx, Reply, Version, folder, port,
};
use rustls::ClientConfig;

/// Where the shipped files listen, and what they lead to.
const COMPANION: &str = "127.0.0.1:4180";
const APP: &str = "alertmanager.internal.example.com:9093";

/// The one host that they serve.
pub(crate) const HOST: &str = "alertmanager.example.com";

/// A proxy in proxy of an app, which asks a companion.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    /// Whether it hands on the companion's answer, and so its reason.
    pub(crate) forwards_refusal_body: bool,
    pub(crate) address: SocketAddr,
    trust: Option<Arc<ClientConfig>>,
    _proxy: ProxyProcess,
}

/// Ends when dropped.
enum ProxyProcess {
    Caddy { _caddy: Caddy },
    Envoy { _envoy: RunningExample },
    Nginx { _nginx: Nginx },
}

impl Proxy {
    /// All of them, in proxy of one app.
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

    /// NGINX, which terminates TLS.
    pub(crate) async fn nginx(
        authority: &Authority,
        companion: SocketAddr,
        app: SocketAddr,
    ) -> Self {
        let http = shipped("nginx.conf", companion, app);
        Self::nginx_with(authority, &http).await
    }

    /// NGINX that asks as ingress-nginx makes it ask, by `$http_host`, at this place.
    pub(crate) async fn ingress_nginx(
        authority: &Authority,
        companion: SocketAddr,
        app: SocketAddr,
        place: &str,
    ) -> Self {
        let mut http = shipped("nginx.conf", companion, app);
        for (ours, theirs) in [
            (
                "http://portcullis/oauth2/auth;",
                &*format!("http://portcullis{place};"),
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
        let identity = authority.identity(&[HOST]);
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

    /// Caddy, which terminates TLS with a certificate that it is given, and not one of its own.
    async fn caddy(authority: &Authority, companion: SocketAddr, app: SocketAddr) -> Self {
        let identity = authority.identity(&[HOST]);
        let address = port::free();
        let site = format!(
            "https://{HOST}:{} {{\n\tbind {}\n\ttls {} {}\n",
            address.port(),
            address.ip(),
            identity.certificate.display(),
            identity.key.display(),
        );
        let sites = shipped("Caddyfile", companion, app).replace(&format!("{HOST} {{\n"), &site);
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

    /// Envoy, in clear text.
    async fn envoy(companion: SocketAddr, app: SocketAddr) -> Self {
        let mut config = ExampleConfig::read("ext-authz.yaml");
        let address = port::free();
        config.listen(address);
        config.admin(port::free());
        config.set_endpoint("portcullis", companion);
        config.set_endpoint("alertmanager", app);
        Self {
            name: "Envoy",
            forwards_refusal_body: true,
            address,
            trust: None,
            _proxy: ProxyProcess::Envoy {
                _envoy: config.start(Version::V1_40).await,
            },
        }
    }

    /// Sends a call through it.
    pub(crate) async fn send(&self, call: Call) -> Reply {
        let sent = match &self.trust {
            Some(trust) => call.try_send_as(HOST, self.address, trust).await,
            None => call.try_send(self.address).await,
        };
        sent.unwrap_or_else(|error| panic!("{}: {call:?}: {error}", self.name))
    }

    /// Sends bytes through it, and returns the status, if there is one.
    pub(crate) async fn try_raw(&self, bytes: &str) -> Option<u16> {
        let call = Call::raw(bytes);
        let sent = match &self.trust {
            Some(trust) => call.try_send_as(HOST, self.address, trust).await,
            None => call.try_send(self.address).await,
        };
        sent.ok().map(|reply| reply.status)
    }
}

/// A shipped file that leads to these.
fn shipped(name: &str, companion: SocketAddr, app: SocketAddr) -> String {
    let path = folder::workspace().join("tests/proxies").join(name);
    let text = fs::read_to_string(&path).expect("a file that is shipped");
    for place in [COMPANION, APP] {
        assert!(text.contains(place), "{name}: {place}");
    }
    text.replace(COMPANION, &companion.to_string())
        .replace(APP, &app.to_string())
}
