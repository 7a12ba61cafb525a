//! A provider, an issuer of Karma's tokens, two apps, oauth2-proxy, and beside it the companion with what the import made
//! of oauth2-proxy's options.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::provider::{Client, Route};
use portcullis_tests::lab::{
    App, Authority, Call, Companion, Gateway, Imported, Issuer, Provider, SigningKey, Token,
    UserAgent, folder, port, tools,
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

/// The trust entry of the cluster, which the import names by the issuer's host.
const TRUST: &str = "localhost";

/// Everything but the proxies in front.
pub(crate) struct Stack {
    pub(crate) authority: Authority,
    pub(crate) apps: [App; 2],
    pub(crate) companion: Companion,
    pub(crate) oauth2_proxy: SocketAddr,
    /// As imported.
    policy: Value,
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
        let (oauth2_proxy, folder) = (port::free(), folder::fresh("oauth2-proxy"));
        let options = options(&folder, oauth2_proxy, &authority, &provider, &issuer);
        let process = start_oauth2_proxy(&folder, oauth2_proxy, &options, &authority).await;
        let imported = import(&folder, &options);
        let mut observed = imported.policy.clone();
        observe(&mut observed, &target_rules());
        Self {
            companion: Companion::with(imported.configuration, &observed)
                .start()
                .await,
            policy: imported.policy,
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

    /// How often the companion has found that the rules to come decide otherwise.
    pub(crate) async fn has_differences(&self) -> bool {
        let call = Call::get("localhost", "/metrics");
        let metrics = call.send(self.companion.metrics()).await.text();
        let mut lines = metrics.lines();
        lines.any(|line| line.starts_with("portcullis_companion_shadow_differences_total{"))
    }

    /// Enforces the rules that were observed.
    pub(crate) fn enforce(&self) {
        self.companion.write_policy(&self.enforced());
    }

    fn enforced(&self) -> Value {
        let mut policy = self.policy.clone();
        for app in policy["apps"].as_array_mut().expect("apps") {
            app["rules"] = target_rules();
        }
        policy
    }

    /// A gateway with the filter in front of both apps, and the companion's host.
    pub(crate) async fn gateway(&self) -> Gateway {
        let mut gateway = Gateway::with(self.enforced())
            .tls(&self.authority, &["*.example.com"])
            .issuer(TRUST, &self.issuer, &self.authority)
            .cluster("portcullis", self.companion.address())
            .app(AUTH, self.companion.address());
        for (host, app) in HOSTS.iter().zip(&self.apps) {
            gateway = gateway.app(host, app.address());
        }
        gateway.start().await
    }
}

/// The rules that replace "any token opens everything".
fn target_rules() -> Value {
    json!([
        {
            "name": "karma-reads",
            "methods": ["GET", "HEAD"],
            "paths": ["/api/v2/**", "/metrics"],
            "allow": [{"service_account": format!("{TRUST}/monitoring/karma")}],
        },
        {"name": "operators", "allow": [{"from": "sso", "group": "sre"}]},
    ])
}

/// Adds rules to each app that are evaluated beside its own.
fn observe(policy: &mut Value, rules: &Value) {
    for app in policy["apps"].as_array_mut().expect("apps") {
        app["shadow_rules"] = rules.clone();
    }
}

/// The options of the usual installation for tokens of clusters.
fn options(
    folder: &Path,
    address: SocketAddr,
    authority: &Authority,
    provider: &Provider,
    issuer: &Issuer,
) -> Vec<String> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let options = [
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
    ];
    let options = options.iter();
    options
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

/// Imports the options and the Ingresses, and completes the result as its comments and the guide say.
fn import(folder: &Path, options: &[String]) -> Imported {
    let ingresses = HOSTS.map(|host| {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": host.split('.').next(),
                "annotations": {
                    "nginx.ingress.kubernetes.io/auth-url": format!("https://{OAUTH2_PROXY}/oauth2/auth"),
                },
            },
            "spec": {"rules": [{"host": host}]},
        })
        .to_string()
    });
    let file = folder.join("ingresses.yaml");
    fs::write(&file, ingresses.join("\n---\n")).expect("a file");
    let file = file.display().to_string();
    let mut arguments = vec!["--ingress", &*file, "--"];
    arguments.extend(options.iter().map(String::as_str));
    let mut imported = Imported::with(&arguments);

    // The issuer is a cluster, and no program has tokens of the provider.
    let names_provider = |member: &str, value: &Value| value[member] == "sso-tokens";
    let trusts = imported.policy["trust"].as_array_mut().expect("trust");
    trusts.retain(|trust| !names_provider("name", trust));
    trusts[0]["kind"] = json!("kubernetes");
    for app in imported.policy["apps"].as_array_mut().expect("apps") {
        for rule in app["rules"].as_array_mut().expect("rules") {
            if let Some(allow) = rule["allow"].as_array_mut() {
                allow.retain(|entry| !names_provider("from", entry));
            }
        }
    }

    // The companion has a host and a client of its own.
    let url = json!(format!("https://{AUTH}"));
    imported.policy["sso"]["url"] = url.clone();
    let configuration = imported.configuration.as_object_mut().expect("a mapping");
    configuration.insert("url".to_owned(), url);
    for name in ["listen", "metrics", "policy"] {
        configuration.remove(name);
    }
    let provider = configuration["providers"][0].as_object_mut();
    let provider = provider.expect("a provider");
    provider.insert("client_id".to_owned(), json!("portcullis"));
    provider.insert("client_secret".to_owned(), json!(SECRET));
    provider.remove("client_secret_file");
    let session = configuration["session"].as_object_mut();
    session.expect("a session").remove("keys_file");
    imported
}

async fn start_oauth2_proxy(
    folder: &Path,
    address: SocketAddr,
    options: &[String],
    authority: &Authority,
) -> Process {
    let mut command = Command::new(tools::oauth2_proxy());
    command.args(options);
    // The CA of the issuers of bearer tokens.
    command.env("SSL_CERT_FILE", authority.file());
    let mut process = Process::start("oauth2-proxy", folder, command);
    process.ready_at(address, "/ping").await;
    process
}
