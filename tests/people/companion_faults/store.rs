//! Redis fails. Whose session is verified without it goes on, what needs it is 503 and tries again,
//! nothing opens, nobody is signed out, and when it is back all goes on by itself.

use std::fs;

use portcullis_tests::lab::{Call, Person, Reply, secrets, wait};
use serde_json::json;

use crate::companion_faults::people::{
    alerts, at_provider, goes_on, refresh, shown, sign_out, userinfo,
};
use crate::companion_faults::stage::{APP, AUTH, HOST, Plan, Stage, URL};

/// Not Redis's.
const OTHER: &str = "another-password";

#[tokio::test]
async fn a_redis_that_was_killed_signs_nobody_out_and_lets_nobody_in() {
    let mut scene = Scene::start().await;
    scene.stage.redis().kill();
    scene.fails().await;
    scene.stage.redis().restart().await;
    scene.recovers().await;
}

#[tokio::test]
async fn a_redis_that_stands_still_signs_nobody_out_and_lets_nobody_in() {
    let mut scene = Scene::start().await;
    scene.stage.redis().pause().await;
    scene.fails().await;
    scene.stage.redis().resume();
    scene.recovers().await;
}

#[tokio::test]
async fn a_redis_that_wants_another_password_signs_nobody_out_and_lets_nobody_in() {
    let mut scene = Scene::start().await;
    let session = scene.stage.redis().session();
    let file = session["redis"]["password_file"]
        .as_str()
        .unwrap()
        .to_owned();
    let right = fs::read_to_string(&file).unwrap();
    secrets::keep("Redis's password", OTHER);
    fs::write(&file, OTHER).unwrap();
    let broken = scene
        .stage
        .redis()
        .command(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_ne!(broken, "0", "connections of the companion");
    scene.fails().await;
    let log = scene.stage.sites[0].companion.log();
    assert!(log.contains("Password authentication failed"), "{log}");
    fs::write(&file, right).unwrap();
    scene.recovers().await;
}

#[tokio::test]
async fn a_session_whose_token_runs_out_without_redis_waits_for_it() {
    let mut stage = Plan::with_redis().token("5s").start().await;
    let mut alice = stage.signed_in("alice", 0).await;
    let cookies = shown(&alice);
    stage.redis().kill();
    let site = &stage.sites[0];
    let refused = wait::until("a token that is over", wait::LONG, async || {
        let reply = stage.ask(&cookies, site).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    is_unavailable("a program", &refused);
    assert_eq!(refused.verdict(), "503 session-unavailable");
    let page = alice.visit(&format!("{APP}/graph")).await;
    is_unavailable("a person", &page.reply);
    assert_eq!(
        page.url.as_str(),
        format!("{APP}/graph"),
        "nobody is sent to sign in"
    );

    stage.redis().restart().await;
    goes_on(&mut alice).await;
}

/// Alice has signed in, and Bob is half-way.
struct Scene {
    stage: Stage,
    alice: Person,
    half_way: Person,
}

impl Scene {
    async fn start() -> Self {
        let plan = Plan::with_redis().and("trusted_proxies", json!(["127.0.0.1"]));
        let stage = plan.start().await;
        let alice = stage.signed_in("alice", 0).await;
        let mut half_way = stage.person(0);
        half_way.visit(&format!("{APP}/graph")).await;
        stage.sites[0].says(200, "OK\n").await;
        Self {
            stage,
            alice,
            half_way,
        }
    }

    /// What holds while there is no Redis.
    async fn fails(&mut self) {
        let (stage, alice) = (&self.stage, &mut self.alice);
        let site = &stage.sites[0];
        let cookies = shown(alice);
        // What is verified where it is judged goes on, before anybody has noticed and after.
        assert_eq!(alerts(alice).await.status, 200);
        site.says(503, "missing: store\n").await;
        assert!(site.companion.log().contains("session store unavailable"));
        assert_eq!(alerts(alice).await.status, 200);
        assert_eq!(forward_auth(stage, &cookies).await.status, 202);

        // What needs the store says so.
        is_unavailable("userinfo", &userinfo(alice).await);
        is_unavailable("a refresh", &refresh(alice).await);
        is_unavailable("what has ended", &site.get("/oauth2/revocations").await);
        let page = alice.visit(&format!("{URL}/oauth2/sign_out")).await;
        is_unavailable("a sign-out", &page.reply);
        assert!(page.text().contains("Try again"), "{}", page.text());
        let page = self.half_way.sign_in_as("eve").await;
        assert_eq!(page.url.path(), "/oauth2/callback");
        is_unavailable("a sign-in", &page.reply);
        assert!(page.text().contains("Try again"), "{}", page.text());
        let told = stage.provider.told().await;
        assert_eq!(told.len(), 0);

        // Nothing opens, and nothing of the session has gone.
        assert_eq!(
            alerts(&mut self.half_way).await.verdict(),
            "401 no-credentials"
        );
        let nobody = forward_auth(stage, "").await;
        assert_eq!(nobody.status, 401, "{}", nobody.text());
        assert_eq!(shown(&self.alice), cookies);
        assert_eq!(site.get("/ping").await.status, 200);
    }

    /// What holds when it is back.
    async fn recovers(&mut self) {
        let site = &self.stage.sites[0];
        site.says(200, "OK\n").await;
        assert!(site.companion.log().contains("session store available again"));
        let cookies = shown(&self.alice);
        assert_eq!(userinfo(&mut self.alice).await.json()["user"], "alice");
        assert_eq!(alerts(&mut self.alice).await.status, 200);
        assert_eq!(refresh(&mut self.alice).await.status, 200);
        assert_ne!(shown(&self.alice), cookies, "a fresh token");
        assert_eq!(site.revocations().await["entries"], json!([]));
        // The page of the sign-in that came to nothing leads on to another.
        let page = self.half_way.page();
        let again = page
            .links()
            .into_iter()
            .find(|to| to.path() == "/oauth2/sign_in");
        self.half_way.follow(again.unwrap().as_str()).await;
        let page = at_provider(&mut self.half_way, "eve").await;
        assert!(page.text().contains("You are signed in"), "{}", page.text());
        assert_eq!(alerts(&mut self.half_way).await.status, 200);
        // And what could not be ended ends.
        sign_out(&mut self.alice).await;
        self.stage.is_out(&cookies, site).await;
    }
}

/// What a client is told that should come again.
fn is_unavailable(what: &str, reply: &Reply) {
    assert_eq!(reply.status, 503, "{what}: {}", reply.text());
    let after = reply.header("retry-after").and_then(|s| s.parse().ok());
    assert!(
        after.is_some_and(|seconds: u32| seconds > 0),
        "{what}: {after:?}"
    );
    assert_eq!(
        reply.header("cache-control").as_deref(),
        Some("no-store"),
        "{what}"
    );
    let cookies = reply.all("set-cookie");
    let session = cookies.iter().find(|line| !line.contains("-login-"));
    assert_eq!(session, None, "{what}: the session stays as it is");
}

/// Asks the companion as a proxy does, for a page of the app.
async fn forward_auth(stage: &Stage, cookies: &str) -> Reply {
    let mut call = Call::get(AUTH, "/oauth2/auth")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", HOST)
        .header("x-forwarded-uri", "/api/v2/alerts");
    if !cookies.is_empty() {
        call = call.header("cookie", cookies);
    }
    stage.sites[0].companion.call(call).await
}
