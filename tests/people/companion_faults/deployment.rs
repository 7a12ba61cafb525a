//! A provider, companions with a real Envoy in front of each, one app, and users.

use std::time::Duration;

use portcullis_tests::lab::provider::{self, Client};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{
    App, Authority, Call, Companion, Gateway, Provider, Redis, Response, UserAgent, port, wait,
};
use serde_json::{Value, json};

use crate::companion_faults::actions::sign_in;

/// The companion's URL and host.
pub(crate) const URL: &str = "https://auth.example.com";
pub(crate) const AUTH: &str = "auth.example.com";

/// The app's URL and host.
pub(crate) const APP: &str = "https://alertmanager.example.com";
pub(crate) const HOST: &str = "alertmanager.example.com";

/// The time within which every filter and every replica has received a revocation.
pub(crate) const PROPAGATION_LIMIT: Duration = Duration::from_secs(10);

/// The running programs.
pub(crate) struct Deployment {
    pub(crate) authority: Authority,
    pub(crate) provider: Provider,
    pub(crate) redis: Option<Redis>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) app: App,
}

/// A companion and the gateway in front of it.
pub(crate) struct Replica {
    pub(crate) companion: Companion,
    pub(crate) gateway: Gateway,
}

/// The settings of a deployment.
pub(crate) struct Settings {
    replicas: usize,
    redis: bool,
    session: Value,
    provider: Value,
    settings: Value,
}

impl Settings {
    /// One companion with sessions in cookies.
    pub(crate) fn single() -> Self {
        Self {
            replicas: 1,
            redis: false,
            session: json!({"cookie": {"domain": "example.com"}}),
            provider: json!({}),
            settings: json!({}),
        }
    }

    /// One companion with Redis.
    pub(crate) fn with_redis() -> Self {
        Self {
            redis: true,
            ..Self::single()
        }
    }

    /// One companion with sessions in a file.
    pub(crate) fn with_file() -> Self {
        let mut settings = Self::single();
        settings.session["store"] = json!("file:sessions");
        settings
    }

    /// Two companions with a shared Redis and shared keys, each with its own gateway.
    pub(crate) fn replicas() -> Self {
        Self {
            replicas: 2,
            ..Self::with_redis()
        }
    }

    /// Sets the lifetime of session tokens.
    pub(crate) fn token(mut self, lifetime: &str) -> Self {
        self.session["token"] = json!(lifetime);
        self
    }

    /// Sets which groups sessions keep.
    pub(crate) fn groups(mut self, kept: &str) -> Self {
        self.session["groups"] = json!(kept);
        self
    }

    /// Sets an option of the provider in the companion's configuration.
    pub(crate) fn provider(mut self, name: &str, value: Value) -> Self {
        self.provider[name] = value;
        self
    }

    /// Sets another member of the companion's configuration.
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.settings[name] = value;
        self
    }

    pub(crate) async fn start(self) -> Deployment {
        let authority = Authority::new();
        let redis = match self.redis {
            true => Some(Redis::start().await),
            false => None,
        };
        let listen: Vec<_> = (0..self.replicas).map(|_| port::free()).collect();
        let provider = provider(&authority, &listen[0].to_string()).start().await;
        let mut configuration = json!({
            "url": URL,
            "providers": [{
                "issuer": provider.issuer(), "client_id": "portcullis", "client_secret": "s3cret",
                "ca_file": authority.file(), "scopes": ["openid", "email", "profile", "offline_access"],
            }],
            "session": self.session,
        });
        merge(&mut configuration["providers"][0], self.provider);
        merge(&mut configuration, self.settings);
        if let Some(redis) = &redis {
            merge(&mut configuration["session"], redis.session());
        }
        let app = App::start("alertmanager").await;
        let mut replicas: Vec<Replica> = Vec::new();
        for listen in listen {
            configuration["listen"] = json!(listen);
            if let Some(first) = replicas.first() {
                let keys = first.companion.file("session-keys");
                configuration["session"]["keys_file"] = json!(keys);
            }
            let companion = Companion::with(configuration.clone(), &policy());
            let companion = companion.start().await;
            let gateway = Gateway::with(policy())
                .tls(&authority, &["*.example.com"])
                .cluster("portcullis", companion.address())
                .app_at(AUTH, "portcullis")
                .app(HOST, app.address());
            let gateway = gateway.start().await;
            replicas.push(Replica { companion, gateway });
        }
        Deployment {
            authority,
            provider,
            redis,
            replicas,
            app,
        }
    }
}

impl Deployment {
    /// A user agent that uses the gateway of this replica.
    pub(crate) fn user_agent(&self, replica: usize) -> UserAgent {
        self.route_through(UserAgent::new(&[&self.authority]), replica)
    }

    /// The same user agent, using the gateway of another replica from now on.
    pub(crate) fn route_through(&self, user: UserAgent, replica: usize) -> UserAgent {
        let address = self.replicas[replica].gateway.address();
        user.at(AUTH, address).at(HOST, address)
    }

    /// A user agent that has signed in with this login.
    pub(crate) async fn signed_in(&self, login: &str, replica: usize) -> UserAgent {
        let mut user = self.user_agent(replica);
        sign_in(&mut user, login, "/graph").await;
        user
    }

    /// Its Redis.
    pub(crate) fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("a deployment with Redis")
    }

    /// The number of refresh tokens used so far.
    pub(crate) async fn refresh_count(&self) -> usize {
        self.provider.grants("refresh_token").await
    }

    /// From now on every session must be refreshed at the provider: one that was verified before the revocation
    /// list was lost must be. So a test need not wait until the provider's tokens expire.
    pub(crate) async fn require_refresh(&mut self) {
        let begun = now();
        wait::until_true("the next second", wait::LONG, async || now() > begun).await;
        let lost = self.redis().keys("*ended*");
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert_eq!(self.redis().command(&["DEL", &lost[0]]), "1");
    }

    /// Waits until the filter of this replica refuses the session in these cookies.
    pub(crate) async fn wait_until_revoked(&self, cookies: &str, replica: &Replica) {
        let is_revoked =
            async || self.request_alerts(cookies, replica).await.verdict() == "401 revoked";
        wait::until_true("a revoked session", PROPAGATION_LIMIT, is_revoked).await;
    }

    /// Requests the app's alerts with these cookies, through the gateway of this replica.
    pub(crate) async fn request_alerts(&self, cookies: &str, replica: &Replica) -> Response {
        let call = Call::get(HOST, "/api/v2/alerts").header("cookie", cookies);
        replica.gateway.call(call).await
    }
}

impl Replica {
    /// Requests a path of the companion directly, not through the gateway.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.companion.call(Call::get(AUTH, path)).await
    }

    /// The revocation list.
    pub(crate) async fn revocations(&self) -> Value {
        let response = self.get("/oauth2/revocations").await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// Waits until `/ready` returns this.
    pub(crate) async fn wait_for_ready(&self, status: u16, text: &str) {
        wait::until_true(text, wait::LONG, async || {
            let response = self.get("/ready").await;
            (response.status, &*response.text()) == (status, text)
        })
        .await;
    }
}

/// The number of open connections of a companion.
pub(crate) async fn connections(companion: &Companion) -> u64 {
    let call = Call::get("localhost", "/metrics");
    let metrics = call.send(companion.metrics()).await.text();
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix("portcullis_companion_connections "));
    count
        .and_then(|count| count.parse().ok())
        .expect("a number")
}

fn provider(authority: &Authority, first: &str) -> provider::Settings {
    let client = Client::new("portcullis", "s3cret")
        .redirect(&format!("{URL}/oauth2/callback"))
        .post_logout(&format!("{URL}/oauth2/sign_out"))
        .backchannel(&format!("http://{first}/oauth2/backchannel-logout"));
    let user = |name: &str| {
        json!({"email": format!("{name}@example.com"), "email_verified": true, "groups": ["sre"],
               "preferred_username": name})
    };
    Provider::with(authority)
        .client(client)
        .account("alice", user("alice"))
        .account("eve", user("eve"))
}

fn policy() -> Value {
    json!({
        "sso": {"url": URL, "envoy_cluster": "portcullis"},
        "apps": [{
            "name": "alertmanager", "hosts": [HOST],
            "rules": [{"name": "operators", "allow": [{"from": "sso", "group": "sre"}]}],
        }],
    })
}

/// Sets the members of one object in another.
fn merge(whole: &mut Value, more: Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
}
