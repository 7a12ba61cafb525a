//! A real provider, the companion, and a signed-in user.

use std::net::SocketAddr;

use portcullis_tests::lab::provider::Client;
use portcullis_tests::lab::{Authority, Companion, Gateway, Provider, UserAgent, port};
use serde_json::{Value, json};

/// The hosts of the companion and of oauth2-proxy, as browsers see them.
const AUTH: &str = "auth.example.com";
pub(crate) const OTHER: &str = "oauth2-proxy.example.com";
/// The sign-in URLs of both.
pub(crate) const SIGN_IN: &str = "https://auth.example.com/oauth2/sign_in";
pub(crate) const OTHER_SIGN_IN: &str = "https://oauth2-proxy.example.com/oauth2/start?rd=/ping";
/// The prefixes of their session cookies' names.
pub(crate) const COOKIES: &str = "__Secure-portcullis";
pub(crate) const OTHER_COOKIES: &str = "_oauth2_proxy";
/// The app that all requests are for.
pub(crate) const APP: &str = "alertmanager.example.com";
/// oauth2-proxy's OAuth client ID.
pub(crate) const CLIENT: &str = "oauth2-proxy";
pub(crate) const SECRET: &str = "s3cret";

/// The programs that sign-in needs.
#[derive(Debug)]
pub(crate) struct SignInStack {
    /// The CA of all certificates.
    pub(crate) authority: Authority,
    /// The OpenID provider.
    pub(crate) provider: Provider,
    /// The companion.
    pub(crate) companion: Companion,
    /// The address for oauth2-proxy to listen on.
    pub(crate) other: SocketAddr,
    gateway: Gateway,
}

impl SignInStack {
    /// Starts everything. An Envoy without a filter terminates TLS for both.
    pub(crate) async fn start() -> Self {
        let authority = Authority::new();
        let client = |name: &str, host: &str| {
            Client::new(name, SECRET).redirect(&format!("https://{host}/oauth2/callback"))
        };
        let provider = Provider::with(&authority)
            .client(client("portcullis", AUTH))
            .client(client(CLIENT, OTHER))
            .account(
                "alice",
                json!({"email": "alice@example.com", "email_verified": true, "groups": ["sre"]}),
            )
            .start()
            .await;
        let companion = Companion::with(configuration(&authority, &provider), &policy());
        let companion = companion.start().await;
        let other = port::free();
        let gateway = Gateway::with(Value::Null)
            .filters(vec![])
            .tls(&authority, &["*.example.com"])
            .app(AUTH, companion.address())
            .app(OTHER, other)
            .start()
            .await;
        Self {
            authority,
            provider,
            companion,
            other,
            gateway,
        }
    }

    /// The companion's configuration.
    pub(crate) fn configuration(&self) -> Value {
        configuration(&self.authority, &self.provider)
    }

    /// A user agent that has just signed in at this URL.
    pub(crate) async fn sign_in(&self, url: &str) -> UserAgent {
        let mut browser = UserAgent::new(&[&self.authority]);
        for host in [AUTH, OTHER, APP] {
            browser = browser.at(host, self.gateway.address());
        }
        browser.visit(url).await;
        browser.sign_in_as("alice").await;
        browser
    }
}

/// The cookies with this name prefix that a browser would send to the app.
pub(crate) fn cookies(browser: &UserAgent, begin: &str) -> String {
    let cookies = browser.cookies().iter();
    let cookies = cookies.filter(|cookie| cookie.name.starts_with(begin));
    let pairs: Vec<_> = cookies
        .map(|cookie| format!("{}={}", cookie.name, cookie.value))
        .collect();
    assert!(!pairs.is_empty(), "no cookie with the prefix {begin}");
    pairs.join("; ")
}

fn configuration(authority: &Authority, provider: &Provider) -> Value {
    json!({
        "url": format!("https://{AUTH}"),
        "providers": [{
            "issuer": provider.issuer(),
            "client_id": "portcullis",
            "client_secret": SECRET,
            "ca_file": authority.file(),
        }],
        // Longer than the whole measurement.
        "session": {"cookie": {"domain": "example.com"}, "token": "15m"},
        "trusted_proxies": ["127.0.0.1"],
    })
}

/// The policy of the companion and the filter.
pub(crate) fn policy() -> Value {
    json!({
        "sso": {"url": format!("https://{AUTH}"), "envoy_cluster": "portcullis"},
        "apps": [{
            "name": "alertmanager",
            "hosts": [APP],
            "rules": [{
                "name": "operators",
                "methods": ["GET", "HEAD"],
                "paths": ["/api/v2/**"],
                "allow": [{"from": "sso", "group": "sre"}],
            }],
        }],
    })
}
