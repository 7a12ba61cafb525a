//! A cluster, an app, a companion, and proxies that use it for forward auth.

use portcullis_tests::lab::companion::Settings;
use portcullis_tests::lab::{App, Authority, Call, Companion, Issuer, Response, SigningKey, Token};
use serde_json::{Value, json};

use crate::forward_auth::proxies::{HOST, Proxy};

pub(crate) const AUTH: &str = "https://auth.example.com";

const BLUE: &str = "https://kubernetes.default.svc.cluster.local";

/// The running programs.
pub(crate) struct Fixture {
    pub(crate) companion: Companion,
    pub(crate) app: App,
    pub(crate) proxies: [Proxy; 3],
    pub(crate) issuer: Issuer,
    key: SigningKey,
}

impl Fixture {
    /// Without a provider: it is unreachable, and the companion starts all the same.
    pub(crate) async fn start() -> Self {
        Self::with(&Authority::new(), unreachable_provider(), json!({})).await
    }

    /// With this provider, and these options of `session`.
    pub(crate) async fn with(authority: &Authority, provider: Value, session: Value) -> Self {
        let key = SigningKey::p256();
        let issuer = Issuer::start(authority, BLUE, &[&key]).await;
        let mut more = json!({
            "providers": [provider],
            "trusted_proxies": ["127.0.0.1"],
            "trust": {"blue": {"connect": issuer.address(), "ca_file": authority.file()}},
        });
        more["session"] = json!({"cookie": {"domain": "example.com"}});
        for (name, value) in session.as_object().into_iter().flatten() {
            more["session"][name] = value.clone();
        }
        let companion = Self::companion(more).start().await;
        let app = App::start("alertmanager").await;
        let proxies = Proxy::all(authority, companion.address(), app.address()).await;
        Self {
            companion,
            app,
            proxies,
            issuer,
            key,
        }
    }

    /// A companion that is not started yet, with these additional settings.
    pub(crate) fn companion(more: Value) -> Settings {
        let mut configuration = json!({
            "url": AUTH,
            "providers": [unreachable_provider()],
            "session": {"cookie": {"domain": "example.com"}},
        });
        let more = more.as_object().cloned().unwrap_or_default();
        configuration.as_object_mut().unwrap().extend(more);
        Companion::with(configuration, &policy())
    }

    /// Karma's token.
    pub(crate) fn karma(&self) -> String {
        Token::service_account(BLUE, "gate", "monitoring", "karma").sign(&self.key)
    }
}

/// A provider that is not running.
fn unreachable_provider() -> Value {
    json!({
        "issuer": "https://localhost:1",
        "client_id": "portcullis",
        "client_secret": "s3cret",
    })
}

fn policy() -> Value {
    json!({
        "trust": [{
            "name": "blue", "kind": "kubernetes", "issuer": BLUE, "audiences": ["gate"],
            "keys": {"envoy_cluster": "blue"},
        }],
        "sso": {"url": AUTH, "envoy_cluster": "portcullis"},
        "apps": [
            {
                "name": "alertmanager", "hosts": [HOST],
                "rules": [
                    {"name": "karma", "methods": ["GET"], "paths": ["/api/v2/**"],
                     "allow": [{"service_account": "blue/monitoring/karma"}]},
                    {"name": "operators", "allow": [{"from": "sso", "group": "sre"}]},
                    {"name": "probes", "paths": ["/-/healthy"], "public": true},
                ],
            },
            // Served by another proxy, and public.
            {
                "name": "elsewhere", "hosts": ["elsewhere.example.com"],
                "rules": [{"name": "all", "paths": ["/**"], "public": true}],
            },
        ],
    })
}

/// The request that the app received, from its response.
pub(crate) fn forwarded(response: &Response) -> ForwardedRequest {
    assert_eq!(response.status, 200, "{}", response.text());
    ForwardedRequest(response.json())
}

/// A request that the app received.
pub(crate) struct ForwardedRequest(pub(crate) Value);

impl ForwardedRequest {
    /// All values of headers with this name, in any spelling (see [`canonical`]).
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let headers = self.0["headers"].as_array().unwrap().iter();
        headers
            .filter(|pair| canonical(pair[0].as_str().unwrap()) == canonical(name))
            .map(|pair| pair[1].as_str().unwrap().to_owned())
            .collect()
    }

    /// The names and values of headers that could identify the caller, sorted.
    pub(crate) fn identity(&self) -> Vec<(String, String)> {
        let headers = self.0["headers"].as_array().unwrap().iter();
        let mut identity: Vec<(String, String)> = headers
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .filter(|(name, _)| {
                let name = canonical(name);
                let harmless = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
                let prefixes = [
                    "x-auth-request-",
                    "x-portcullis-",
                    "x-forwarded-",
                    "x-original-",
                ];
                prefixes.iter().any(|prefix| name.starts_with(prefix))
                    && !harmless.contains(&&*name)
            })
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        identity.sort();
        identity
    }
}

/// A header name as some servers see it: in any case, and with `-` for every byte other than a letter
/// or digit.
pub(crate) fn canonical(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// Karma's request.
pub(crate) fn alerts() -> Call {
    Call::get(HOST, "/api/v2/alerts?active=true&filter=a%2Cb")
}
