//! A provider, companions with a real Envoy in front of each, one app, and people.

use std::time::Duration;

use portcullis_tests::lab::provider::{self, Client};
use portcullis_tests::lab::{
    App, Authority, Call, Companion, Gateway, Person, Provider, Redis, Reply, port, wait,
};
use serde_json::{Value, json};

use crate::companion_faults::people::sign_in;

/// Where browsers meet the companion, and its host.
pub(crate) const URL: &str = "https://auth.example.com";
pub(crate) const AUTH: &str = "auth.example.com";

/// The app, and its host.
pub(crate) const APP: &str = "https://alertmanager.example.com";
pub(crate) const HOST: &str = "alertmanager.example.com";

/// How soon every filter and every replica must know that a session is over.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// Everything, running.
pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) provider: Provider,
    pub(crate) redis: Option<Redis>,
    pub(crate) sites: Vec<Site>,
    pub(crate) app: App,
}

/// A companion and the gateway in front of it.
pub(crate) struct Site {
    pub(crate) companion: Companion,
    pub(crate) gateway: Gateway,
}

/// What a stage is to be.
pub(crate) struct Plan {
    sites: usize,
    redis: bool,
    session: Value,
    more: Value,
}

impl Plan {
    /// One companion, whose sessions are in cookies.
    pub(crate) fn alone() -> Self {
        Self {
            sites: 1,
            redis: false,
            session: json!({"cookie": {"domain": "example.com"}}),
            more: json!({}),
        }
    }

    /// One companion with Redis.
    pub(crate) fn with_redis() -> Self {
        Self {
            redis: true,
            ..Self::alone()
        }
    }

    /// Two companions that share a Redis and their keys, each with a gateway of its own.
    pub(crate) fn replicas() -> Self {
        Self {
            sites: 2,
            ..Self::with_redis()
        }
    }

    /// Session tokens live for so long.
    pub(crate) fn token(mut self, lives: &str) -> Self {
        self.session["token"] = json!(lives);
        self
    }

    /// Another member of the companion's configuration.
    pub(crate) fn and(mut self, name: &str, value: Value) -> Self {
        self.more[name] = value;
        self
    }

    pub(crate) async fn start(self) -> Stage {
        let authority = Authority::new();
        let redis = match self.redis {
            true => Some(Redis::start().await),
            false => None,
        };
        let listen: Vec<_> = (0..self.sites).map(|_| port::free()).collect();
        let provider = provider(&authority, &listen[0].to_string()).start().await;
        let mut configuration = json!({
            "url": URL,
            "providers": [{
                "issuer": provider.issuer(), "client_id": "portcullis", "client_secret": "s3cret",
                "ca_file": authority.file(), "scopes": ["openid", "email", "profile", "offline_access"],
            }],
            "session": self.session,
        });
        merge(&mut configuration, self.more);
        if let Some(redis) = &redis {
            merge(&mut configuration["session"], redis.session());
        }
        let app = App::start("alertmanager").await;
        let mut sites: Vec<Site> = Vec::new();
        for listen in listen {
            configuration["listen"] = json!(listen);
            if let Some(first) = sites.first() {
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
            sites.push(Site { companion, gateway });
        }
        Stage {
            authority,
            provider,
            redis,
            sites,
            app,
        }
    }
}

impl Stage {
    /// Somebody who comes through the gateway of this site.
    pub(crate) fn person(&self, site: usize) -> Person {
        self.moved(Person::new(&[&self.authority]), site)
    }

    /// The same person, who comes through another gateway from now on.
    pub(crate) fn moved(&self, person: Person, site: usize) -> Person {
        let address = self.sites[site].gateway.address();
        person.at(AUTH, address).at(HOST, address)
    }

    /// Somebody of this name who has signed in there.
    pub(crate) async fn signed_in(&self, login: &str, site: usize) -> Person {
        let mut person = self.person(site);
        sign_in(&mut person, login, "/graph").await;
        person
    }

    /// The Redis there is.
    pub(crate) fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("a plan with Redis")
    }

    /// How often refresh tokens were redeemed so far.
    pub(crate) async fn redeemed(&self) -> usize {
        self.provider.grants("refresh_token").await
    }

    /// Waits until the filter of this site refuses the session in these cookies.
    pub(crate) async fn is_out(&self, cookies: &str, site: &Site) {
        let out = async || self.ask(cookies, site).await.verdict() == "401 revoked";
        wait::until_true("the end of the session", SOON, out).await;
    }

    /// Asks for the app's alerts with these cookies, through the gateway of this site.
    pub(crate) async fn ask(&self, cookies: &str, site: &Site) -> Reply {
        let call = Call::get(HOST, "/api/v2/alerts").header("cookie", cookies);
        site.gateway.call(call).await
    }
}

impl Site {
    /// What the companion says of itself, past the gateway.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.companion.call(Call::get(AUTH, path)).await
    }

    /// The list of what has ended.
    pub(crate) async fn revocations(&self) -> Value {
        let reply = self.get("/oauth2/revocations").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// Waits until `/ready` says this.
    pub(crate) async fn says(&self, status: u16, text: &str) {
        wait::until_true(text, wait::LONG, async || {
            let reply = self.get("/ready").await;
            (reply.status, &*reply.text()) == (status, text)
        })
        .await;
    }
}

fn provider(authority: &Authority, first: &str) -> provider::Settings {
    let client = Client::new("portcullis", "s3cret")
        .redirect(&format!("{URL}/oauth2/callback"))
        .post_logout(&format!("{URL}/oauth2/sign_out"))
        .backchannel(&format!("http://{first}/oauth2/backchannel-logout"));
    let person = |name: &str| {
        json!({"email": format!("{name}@example.com"), "email_verified": true, "groups": ["sre"],
               "preferred_username": name})
    };
    Provider::with(authority)
        .client(client)
        .account("alice", person("alice"))
        .account("eve", person("eve"))
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
