//! Everything that sign-in needs: a browser, a real Envoy with the filter, the companion, real
//! providers, and an app.

use serde_json::{Value, json};

use super::app::App;
use super::authority::Authority;
use super::browser::Browser;
use super::companion::Companion;
use super::envoy::Gateway;
use super::port;
use super::provider::{Client, Provider};
use super::user_agent::UserAgent;

/// The companion's URL, as browsers see it.
pub const URL: &str = "https://auth.example.com";

/// The app's URL.
pub const APP: &str = "https://alertmanager.example.com";

/// The prefix of our cookies' names.
pub const COOKIE_PREFIX: &str = "__Secure-portcullis";

/// The secret of the OAuth client.
const SECRET: &str = "s3cret";

/// The running programs. Stopped when dropped.
#[derive(Debug)]
pub struct FullStack {
    /// The CA of the providers and of the gateway.
    pub authority: Authority,
    /// The providers, in the order of their names. Alice is in the group `sre`, Bob in `sales`.
    pub providers: Vec<Provider>,
    /// The companion, reached through the gateway only.
    pub companion: Companion,
    /// The gateway for the companion and the app.
    pub gateway: Gateway,
    /// The app, for the group `sre`; its `/-/healthy` is public.
    pub app: App,
}

/// The settings before the start.
#[derive(Clone, Debug)]
pub struct Settings {
    token: String,
    access: u32,
    providers: Vec<String>,
    signs_out_without_prompt: Option<String>,
}

impl FullStack {
    /// One provider, `sso`. Session tokens are valid for five minutes, the provider's access tokens
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
    /// Never: there is at least one.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        self.providers.first().expect("one at least")
    }

    /// A user agent without scripts, whose hosts resolve to the gateway.
    #[must_use]
    pub fn user_agent(&self) -> UserAgent {
        let user = UserAgent::new(&[&self.authority]);
        let hosts = ["auth.example.com", "alertmanager.example.com"].into_iter();
        hosts.fold(user, |user, host| user.at(host, self.gateway.address()))
    }

    /// A real browser without state. Every host but the providers' resolves to the gateway.
    pub async fn browser(&self) -> Browser {
        let addresses = [("*.example.com", self.gateway.address())];
        Browser::start_with(&[&self.authority], &addresses).await
    }

    /// Opens a page of the app without a session, signs in, and checks that the browser returns to
    /// the page.
    ///
    /// # Panics
    /// If it does not.
    pub async fn sign_in(&self, user: &mut UserAgent, login: &str, path: &str) -> u16 {
        user.visit(&format!("{APP}{path}")).await;
        let page = user.sign_in_as(login).await;
        assert_eq!(page.url.as_str(), format!("{APP}{path}"), "{}", page.text());
        page.response.status
    }

    /// The requests with this method and path, including the query, that reached the app.
    #[must_use]
    pub fn app_requests(&self, method: &str, path: &str) -> Vec<Value> {
        let mut requests = self.app.requests();
        requests.retain(|request| request["method"] == method && request["path"] == path);
        requests
    }
}

impl Settings {
    /// Sets the lifetime of session tokens.
    #[must_use]
    pub fn token(mut self, lifetime: &str) -> Self {
        lifetime.clone_into(&mut self.token);
        self
    }

    /// Sets the lifetime of the providers' access tokens in seconds.
    #[must_use]
    pub fn access(mut self, seconds: u32) -> Self {
        self.access = seconds;
        self
    }

    /// Uses providers with these names instead.
    #[must_use]
    pub fn providers(mut self, names: &[&str]) -> Self {
        self.providers = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Makes the provider with this name sign users out without a prompt, and redirect back at
    /// once.
    #[must_use]
    pub fn signs_out_without_prompt(mut self, name: &str) -> Self {
        self.signs_out_without_prompt = Some(name.to_owned());
        self
    }

    /// Starts everything and waits until it is ready.
    ///
    /// # Panics
    /// If a part does not become ready; the message has the end of its log.
    pub async fn start(self) -> FullStack {
        let authority = Authority::new();
        let listen = port::free();
        let mut providers = Vec::new();
        let mut provider_settings = Vec::new();
        for name in &self.providers {
            let callback = self.callback(name);
            let mut provider = Provider::with(&authority)
                .client(
                    Client::new("portcullis", SECRET)
                        .redirect(&format!("{URL}{callback}"))
                        .post_logout(&format!("{URL}/oauth2/sign_out"))
                        .backchannel(&format!("http://{listen}/oauth2/backchannel-logout")),
                )
                .account("alice", user("sre"))
                .account("bob", user("sales"))
                // A sign-out at the provider ends all sessions of a user. Tests of sign-out on a
                // shared stack use one of these users.
                .account("carol", user("sre"))
                .account("dave", user("sre"))
                .account("frank", user("sre"))
                .seconds("AccessToken", self.access);
            if self.signs_out_without_prompt.as_ref() == Some(name) {
                provider = provider.signs_out_without_prompt();
            }
            let provider = provider.start().await;
            provider_settings.push(json!({
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
            "providers": provider_settings,
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

    /// The path of the redirect URI for a provider.
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

fn user(group: &str) -> Value {
    json!({"email": "user@example.com", "email_verified": true, "groups": [group]})
}
