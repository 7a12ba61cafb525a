//! The whole way of a person: a browser, a real Envoy with the filter, the companion, a real provider,
//! and an app that never sees a cookie of ours.

use std::time::Duration;

use portcullis_tests::lab::provider::{Client, Route};
use portcullis_tests::lab::{
    App, Authority, Call, Companion, Gateway, Person, Provider, Reply, port, wait,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const URL: &str = "https://auth.example.com";
const APP: &str = "https://alertmanager.example.com";
const FAMILY: &str = "__Secure-portcullis";

/// Everything, running.
struct Way {
    authority: Authority,
    provider: Provider,
    companion: Companion,
    gateway: Gateway,
    app: App,
}

impl Way {
    /// Session tokens live for `token`, and the provider's own for `access` seconds.
    async fn start(token: &str, access: u32) -> Self {
        let authority = Authority::new();
        let listen = port::free();
        let provider = Provider::with(&authority)
            .client(
                Client::new("portcullis", "s3cret")
                    .redirect(&format!("{URL}/oauth2/callback"))
                    .post_logout(&format!("{URL}/oauth2/sign_out"))
                    .backchannel(&format!("http://{listen}/oauth2/backchannel-logout")),
            )
            .account("alice", person("sre"))
            .account("bob", person("sales"))
            .seconds("AccessToken", access)
            .start()
            .await;
        let policy = policy();
        let configuration = json!({
            "url": URL,
            "listen": listen,
            "providers": [{
                "issuer": provider.issuer(), "client_id": "portcullis", "client_secret": "s3cret",
                "ca_file": authority.file(), "scopes": ["openid", "email", "profile", "offline_access"],
            }],
            "session": {"cookie": {"domain": "example.com"}, "token": token},
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
        Self {
            authority,
            provider,
            companion,
            gateway,
            app,
        }
    }

    fn person(&self) -> Person {
        Person::new(&[&self.authority])
            .at("auth.example.com", self.gateway.address())
            .at("alertmanager.example.com", self.gateway.address())
    }

    /// Goes to the app without a session, signs in, and is where the way began.
    async fn sign_in(&self, person: &mut Person, login: &str, path: &str) -> u16 {
        person.visit(&format!("{APP}{path}")).await;
        let page = person.sign_in_as(login).await;
        assert_eq!(page.url.as_str(), format!("{APP}{path}"), "{}", page.text());
        page.reply.status
    }

    async fn call(&self, person: &mut Person, call: Call) -> (u16, String) {
        let reply = person.fetch(&format!("{APP}/api/v2/alerts"), call).await;
        (reply.status, reply.text())
    }

    /// Sends this call as often at once.
    async fn storm(&self, call: &Call, times: usize) -> Vec<Reply> {
        let mut replies = JoinSet::new();
        for _ in 0..times {
            let (call, address) = (call.clone(), self.gateway.address());
            let trust = self.authority.trust();
            replies.spawn(async move { call.try_send_tls(address, &trust).await.unwrap() });
        }
        replies.join_all().await
    }
}

fn person(group: &str) -> Value {
    json!({"email": "person@example.com", "email_verified": true, "groups": [group]})
}

fn policy() -> Value {
    json!({
        "sso": {"url": URL, "envoy_cluster": "portcullis"},
        "apps": [{
            "name": "alertmanager", "hosts": ["alertmanager.example.com"],
            "rules": [{"name": "operators", "allow": [{"from": "sso", "group": "sre"}]}],
        }],
    })
}

#[tokio::test]
async fn a_person_signs_in_on_the_way_to_an_app_and_groups_decide_who_sees_it() {
    let way = Way::start("5m", 3600).await;
    let mut alice = way.person();
    let status = way
        .sign_in(&mut alice, "alice", "/graph?g0.expr=up%20%2B1&tab=1")
        .await;
    assert_eq!(status, 200);
    let seen = way.app.seen().pop().unwrap();
    let headers = seen["headers"].as_array().unwrap();
    for (name, value) in [("user", "alice"), ("groups", "sre")] {
        let header = json!([format!("x-auth-request-{name}"), value]);
        assert!(headers.contains(&header), "{seen}");
    }
    assert!(!seen.to_string().contains(FAMILY), "{seen}");

    let mut bob = way.person();
    let status = way.sign_in(&mut bob, "bob", "/graph").await;
    assert_eq!(status, 403, "a page, and no loop");
    assert_eq!(way.app.count(), 1);

    // A program is told, and not sent around.
    let reply = way
        .gateway
        .call(Call::get("alertmanager.example.com", "/api/v2/alerts"))
        .await;
    assert_eq!(reply.verdict(), "401 no-credentials");
}

#[tokio::test]
async fn r10_a_storm_of_requests_at_expiry_redeems_once_and_signs_nobody_out() {
    // Session tokens of five seconds, and a provider's of as many: both run out at once.
    let way = Way::start("5s", 5).await;
    let mut alice = way.person();
    assert_eq!(way.sign_in(&mut alice, "alice", "/").await, 200);
    let before = way.provider.grants("refresh_token").await;
    let cookie = alice.trail().last().unwrap().cookie.clone().unwrap();
    let call = Call::get("alertmanager.example.com", "/api/v2/alerts").header("cookie", cookie);
    // The browser keeps showing what it had, as tabs do whose answers come late.
    wait::until_true("a redemption", Duration::from_secs(90), async || {
        let replies = way.storm(&call, 50).await;
        let all = replies.iter().all(|reply| reply.status == 200);
        assert!(all, "nobody is signed out");
        way.provider.grants("refresh_token").await > before
    })
    .await;
    let replies = way.storm(&call, 50).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(way.provider.grants("refresh_token").await, before + 1);
}

#[tokio::test]
async fn a_companion_that_is_down_is_not_missed_and_loses_nobodys_session() {
    let mut way = Way::start("5m", 3600).await;
    let mut alice = way.person();
    assert_eq!(way.sign_in(&mut alice, "alice", "/").await, 200);
    way.companion.kill();
    assert_eq!(way.call(&mut alice, Call::get("", "")).await.0, 200);
    way.companion.restart().await;
    assert_eq!(way.call(&mut alice, Call::get("", "")).await.0, 200);
    let reply = alice
        .fetch(&format!("{URL}/oauth2/userinfo"), Call::get("", ""))
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn b06_who_signs_out_at_the_provider_is_signed_out_everywhere_within_seconds() {
    let way = Way::start("5m", 3600).await;
    let mut alice = way.person();
    assert_eq!(way.sign_in(&mut alice, "alice", "/").await, 200);
    let issuer = way.provider.issuer().to_owned();
    alice.visit(&format!("{issuer}/session/end")).await;
    alice.confirm_sign_out().await;
    let told = way.provider.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].error, None);
    alice.visit(&format!("{URL}/ping")).await;
    wait::until_true(
        "the end of the session",
        Duration::from_secs(10),
        async || way.call(&mut alice, Call::get("", "")).await.0 == 401,
    )
    .await;
    assert!(way.provider.count(Route::Token).await >= 1);
}
