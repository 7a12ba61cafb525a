//! A provider, an issuer of Karma's tokens, two apps, oauth2-proxy, and the companion beside it.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::provider::{Client, Route};
use portcullis_tests::lab::{
    App, Authority, Companion, Gateway, Issuer, Provider, SigningKey, Token, UserAgent, folder,
    port, tools,
};
use serde_json::{Value, json};

/// The hosts of the apps.
pub(crate) const HOSTS: [&str; 2] = ["alertmanager.example.com", "prometheus.example.com"];
/// The companion's host, with a redirect URI of its own.
pub(crate) const AUTH: &str = "auth.example.com";
/// oauth2-proxy's host.
pub(crate) const OAUTH2_PROXY: &str = "oauth2-proxy.example.com";

const SECRET: &str = "s3cret";
/// The audience of Karma's tokens, which stays.
const AUDIENCE: &str = "oauth2-proxy";

/// Everything but the proxies in front.
pub(crate) struct Stack {
    pub(crate) authority: Authority,
    pub(crate) apps: [App; 2],
    pub(crate) companion: Companion,
    pub(crate) oauth2_proxy: SocketAddr,
    provider: Provider,
    issuer: Issuer,
    key: SigningKey,
    _process: Process,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        let authority = Authority::new();
        let client = |name: &str, host: &str| {
            Client::new(name, SECRET).redirect(&format!("https://{host}/oauth2/callback"))
        };
        let provider = Provider::with(&authority)
            .client(client("portcullis", AUTH))
            .client(client("oauth2-proxy", OAUTH2_PROXY))
            .account(
                "alice",
                json!({"email": "alice@example.com", "email_verified": true, "groups": ["sre"]}),
            )
            .start()
            .await;
        // oauth2-proxy takes RS256 alone unless the issuer lists others.
        let key = SigningKey::rsa("migration");
        let issuer = Issuer::on_loopback(&authority, &[&key]).await;
        let (oauth2_proxy, process) = start_oauth2_proxy(&authority, &provider, &issuer).await;
        let configuration = json!({
            "url": format!("https://{AUTH}"),
            "providers": [{
                "issuer": provider.issuer(),
                "client_id": "portcullis",
                "client_secret": SECRET,
                "ca_file": authority.file(),
            }],
            "session": {"cookie": {"domain": "example.com"}},
            "trusted_proxies": ["127.0.0.1"],
            "trust": {"blue": {"ca_file": authority.file()}},
        });
        Self {
            companion: Companion::with(configuration, &policy(&issuer))
                .start()
                .await,
            apps: [
                App::start("alertmanager").await,
                App::start("prometheus").await,
            ],
            authority,
            oauth2_proxy,
            provider,
            issuer,
            key,
            _process: process,
        }
    }

    /// Karma's token, the same for all of the test.
    pub(crate) fn karma(&self) -> String {
        Token::service_account(self.issuer.name(), AUDIENCE, "monitoring", "karma").sign(&self.key)
    }

    /// A browser that finds all hosts at this address.
    pub(crate) fn user_agent(&self, address: SocketAddr) -> UserAgent {
        let hosts = HOSTS.into_iter().chain([AUTH, OAUTH2_PROXY]);
        hosts.fold(UserAgent::new(&[&self.authority]), |browser, host| {
            browser.at(host, address)
        })
    }

    /// How often the provider has issued tokens for a code.
    pub(crate) async fn sign_ins(&self) -> usize {
        self.provider.count(Route::Token).await
    }

    /// A gateway with the filter in front of both apps, and the companion's host.
    pub(crate) async fn gateway(&self) -> Gateway {
        let mut gateway = Gateway::with(policy(&self.issuer))
            .tls(&self.authority, &["*.example.com"])
            .issuer("blue", &self.issuer, &self.authority)
            .cluster("portcullis", self.companion.address())
            .app(AUTH, self.companion.address());
        for (host, app) in HOSTS.iter().zip(&self.apps) {
            gateway = gateway.app(host, app.address());
        }
        gateway.start().await
    }
}

/// The rules that replace "any token opens everything".
fn policy(issuer: &Issuer) -> Value {
    let app = |host: &str| {
        json!({
            "name": host.split('.').next(),
            "hosts": [host],
            "rules": [
                {
                    "name": "karma-reads",
                    "methods": ["GET", "HEAD"],
                    "paths": ["/api/v2/**", "/metrics"],
                    "allow": [{"service_account": "blue/monitoring/karma"}],
                },
                {"name": "operators", "allow": [{"from": "sso", "group": "sre"}]},
            ],
        })
    };
    json!({
        "trust": [{
            "name": "blue",
            "kind": "kubernetes",
            "issuer": issuer.name(),
            "audiences": [AUDIENCE],
            "keys": {"envoy_cluster": "blue"},
        }],
        "sso": {"url": format!("https://{AUTH}"), "envoy_cluster": "portcullis"},
        "apps": HOSTS.map(app),
    })
}

/// Starts oauth2-proxy with the options of the usual installation for tokens of clusters.
async fn start_oauth2_proxy(
    authority: &Authority,
    provider: &Provider,
    issuer: &Issuer,
) -> (SocketAddr, Process) {
    let (address, folder) = (port::free(), folder::fresh("oauth2-proxy"));
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let mut command = Command::new(tools::oauth2_proxy());
    for (name, value) in [
        ("provider", "oidc"),
        ("oidc-issuer-url", provider.issuer()),
        ("client-id", "oauth2-proxy"),
        ("client-secret-file", &file("client-secret", SECRET)),
        (
            "cookie-secret-file",
            &file("cookie-secret", "0123456789abcdef0123456789abcdef"),
        ),
        ("cookie-domain", ".example.com"),
        ("whitelist-domain", ".example.com"),
        ("code-challenge-method", "S256"),
        (
            "redirect-url",
            &format!("https://{OAUTH2_PROXY}/oauth2/callback"),
        ),
        ("http-address", &address.to_string()),
        ("upstream", "static://202"),
        ("email-domain", "*"),
        ("reverse-proxy", "true"),
        ("trusted-proxy-ip", "127.0.0.1"),
        ("set-xauthrequest", "true"),
        ("skip-provider-button", "true"),
        ("skip-jwt-bearer-tokens", "true"),
        (
            "extra-jwt-issuers",
            &format!("{}={AUDIENCE}", issuer.name()),
        ),
        ("provider-ca-file", &authority.file().display().to_string()),
        // These lines contain codes, which no log of the lab may contain.
        ("request-logging", "false"),
    ] {
        command.arg(format!("--{name}={value}"));
    }
    // The CA of the issuers of bearer tokens.
    command.env("SSL_CERT_FILE", authority.file());
    let mut process = Process::start("oauth2-proxy", &folder, command);
    process.ready_at(address, "/ping").await;
    (address, process)
}
