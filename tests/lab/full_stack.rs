//! The whole way of a person: a browser, a real Envoy with the filter, the companion, real providers,
//! and an app that never sees a cookie of ours.

use serde_json::{Value, json};

use super::app::App;
use super::authority::Authority;
use super::browser::Browser;
use super::companion::Companion;
use super::envoy::Gateway;
use super::port;
use super::provider::{Client, Provider};
use super::user_agent::UserAgent;

/// Where a browser meets the companion.
pub const URL: &str = "https://auth.example.com";

/// Where it meets the app.
pub const APP: &str = "https://alertmanager.example.com";

/// How the names of all cookies of ours begin.
pub const COOKIE_PREFIX: &str = "__Secure-portcullis";

/// The secret of the provider's client.
const SECRET: &str = "s3cret";

/// Everything, running. It ends when dropped.
#[derive(Debug)]
pub struct FullStack {
    /// Who vouches for the providers and for the gateway.
    pub authority: Authority,
    /// Where people sign in, in the order of their names. Alice is of the group `sre`, Bob of
    /// `sales`.
    pub providers: Vec<Provider>,
    /// The companion, reached through the gateway alone.
    pub companion: Companion,
    /// The gateway, for the companion and for the app.
    pub gateway: Gateway,
    /// The app, for the group `sre`; its `/-/healthy` is public.
    pub app: App,
}

/// A way to be.
#[derive(Clone, Debug)]
pub struct Settings {
    token: String,
    access: u32,
    providers: Vec<String>,
    signs_out_without_prompt: Option<String>,
}

impl FullStack {
    /// A way with one provider, `sso`. Session tokens live for five minutes, and the provider's own
    /// for an hour.
    #[must_use]
    pub fn with() -> Settings {
        Settings {
            token: "5m".to_owned(),
            access: 3600,
            providers: vec!["sso".to_owned()],
            signs_out_without_prompt: None,
        }
    }

    /// The first provider.
    ///
    /// # Panics
    /// Never: there is one at least.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        self.providers.first().expect("one at least")
    }

    /// A person with a browser that runs no scripts.
    #[must_use]
    pub fn user_agent(&self) -> UserAgent {
        let person = UserAgent::new(&[&self.authority]);
        let hosts = ["auth.example.com", "alertmanager.example.com"].into_iter();
        hosts.fold(person, |person, host| {
            person.at(host, self.gateway.address())
        })
    }

    /// A real browser with nothing in it. Every host but the providers' leads to the gateway.
    pub async fn browser(&self) -> Browser {
        let places = [("*.example.com", self.gateway.address())];
        Browser::start_with(&[&self.authority], &places).await
    }

    /// Goes to the app without a session, signs in, and is where the way began.
    ///
    /// # Panics
    /// When it is not.
    pub async fn sign_in(&self, person: &mut UserAgent, login: &str, path: &str) -> u16 {
        person.visit(&format!("{APP}{path}")).await;
        let page = person.sign_in_as(login).await;
        assert_eq!(page.url.as_str(), format!("{APP}{path}"), "{}", page.text());
        page.reply.status
    }

    /// What reached the app for this path, query and all, by this method.
    #[must_use]
    pub fn app_requests(&self, method: &str, path: &str) -> Vec<Value> {
        let mut requests = self.app.requests();
        requests.retain(|request| request["method"] == method && request["path"] == path);
        requests
    }
}

impl Settings {
    /// How long session tokens live.
    #[must_use]
    pub fn token(mut self, lives: &str) -> Self {
        lives.clone_into(&mut self.token);
        self
    }

    /// How many seconds the provider's own tokens live.
    #[must_use]
    pub fn access(mut self, seconds: u32) -> Self {
        self.access = seconds;
        self
    }

    /// Providers of these names in place of the one.
    #[must_use]
    pub fn providers(mut self, names: &[&str]) -> Self {
        self.providers = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Lets the provider of this name sign people out without asking, and send them back at once.
    #[must_use]
    pub fn signs_out_without_prompt(mut self, name: &str) -> Self {
        self.signs_out_without_prompt = Some(name.to_owned());
        self
    }

    /// Starts everything and waits until it is ready.
    ///
    /// # Panics
    /// When a part does not get ready, with the end of its log.
    pub async fn start(self) -> FullStack {
        let authority = Authority::new();
        let listen = port::free();
        let mut providers = Vec::new();
        let mut known = Vec::new();
        for name in &self.providers {
            let callback = self.callback(name);
            let mut provider = Provider::with(&authority)
                .client(
                    Client::new("portcullis", SECRET)
                        .redirect(&format!("{URL}{callback}"))
                        .post_logout(&format!("{URL}/oauth2/sign_out"))
                        .backchannel(&format!("http://{listen}/oauth2/backchannel-logout")),
                )
                .account("alice", person("sre"))
                .account("bob", person("sales"))
                // A sign-out at the provider ends all sessions of a person: who tests it on a way that
                // others walk too is one of these.
                .account("carol", person("sre"))
                .account("dave", person("sre"))
                .seconds("AccessToken", self.access);
            if self.signs_out_without_prompt.as_ref() == Some(name) {
                provider = provider.signs_out_without_prompt();
            }
            let provider = provider.start().await;
            known.push(json!({
                "name": name, "issuer": provider.issuer(),
                "client_id": "portcullis", "client_secret": SECRET,
                "ca_file": authority.file(),
                "scopes": ["openid", "email", "profile", "offline_access"],
            }));
            providers.push(provider);
        }
        let policy = self.policy();
        let configuration = json!({
            "url": URL,
            "listen": listen,
            "providers": known,
            "session": {"cookie": {"domain": "example.com"}, "token": self.token},
        });
        let companion = Companion::with(configuration, &policy).start().await;
        let app = App::start("alertmanager").await;
        let gateway = Gateway::with(policy)
            .tls(&authority, &["*.example.com"])
            .cluster("portcullis", companion.address())
            .app_at("auth.example.com", "portcullis")
            .app("alertmanager.example.com", app.address())
            .start()
            .await;
        FullStack {
            authority,
            providers,
            companion,
            gateway,
            app,
        }
    }

    /// Where a provider sends people back to.
    fn callback(&self, name: &str) -> String {
        if name == "sso" || self.providers.len() == 1 {
            "/oauth2/callback".to_owned()
        } else {
            format!("/oauth2/callback/{name}")
        }
    }

    fn policy(&self) -> Value {
        let operators = |name: &String| json!({"from": name, "group": "sre"});
        let operators: Vec<Value> = self.providers.iter().map(operators).collect();
        json!({
            "sso": {"url": URL, "envoy_cluster": "portcullis", "providers": self.providers},
            "apps": [{
                "name": "alertmanager", "hosts": ["alertmanager.example.com"],
                "rules": [
                    {"name": "operators", "allow": operators},
                    {"name": "probes", "paths": ["/-/healthy"], "public": true},
                ],
            }],
        })
    }
}

fn person(group: &str) -> Value {
    json!({"email": "person@example.com", "email_verified": true, "groups": [group]})
}
