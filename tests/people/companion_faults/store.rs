//! Redis fails. Sessions that are verified without it stay valid; what needs it returns 503 with
//! `Retry-After`. No access is granted, nobody is signed out, and everything recovers when Redis is
//! back.

use std::fs;

use portcullis_tests::lab::{Call, Response, UserAgent, secrets, wait};
use serde_json::json;

use crate::companion_faults::actions::{
    alerts, at_provider, cookie_header, refresh, sign_out, userinfo, wait_until_refreshed,
};
use crate::companion_faults::deployment::{APP, AUTH, Deployment, HOST, Settings, URL};

/// A password that is not Redis's.
const WRONG_PASSWORD: &str = "another-password";

#[tokio::test]
async fn a_killed_redis_signs_nobody_out_and_grants_no_access() {
    let mut fixture = Fixture::start().await;
    fixture.deployment.redis().kill();
    fixture.assert_outage().await;
    fixture.deployment.redis().restart().await;
    fixture.assert_recovery().await;
}

#[tokio::test]
async fn a_hanging_redis_signs_nobody_out_and_grants_no_access() {
    let mut fixture = Fixture::start().await;
    fixture.deployment.redis().pause().await;
    fixture.assert_outage().await;
    fixture.deployment.redis().resume();
    fixture.assert_recovery().await;
}

#[tokio::test]
async fn a_redis_with_another_password_signs_nobody_out_and_grants_no_access() {
    let mut fixture = Fixture::start().await;
    let session = fixture.deployment.redis().session();
    let file = session["redis"]["password_file"]
        .as_str()
        .unwrap()
        .to_owned();
    let right = fs::read_to_string(&file).unwrap();
    secrets::register("Redis's password", WRONG_PASSWORD);
    fs::write(&file, WRONG_PASSWORD).unwrap();
    let closed = fixture
        .deployment
        .redis()
        .command(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_ne!(closed, "0", "connections of the companion");
    fixture.assert_outage().await;
    let log = fixture.deployment.replicas[0].companion.log();
    assert!(log.contains("Password authentication failed"), "{log}");
    fs::write(&file, right).unwrap();
    fixture.assert_recovery().await;
}

#[tokio::test]
async fn a_session_that_expires_while_redis_is_down_recovers() {
    let mut deployment = Settings::with_redis().token("5s").start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    let cookies = cookie_header(&alice);
    deployment.redis().kill();
    let replica = &deployment.replicas[0];
    let refused = wait::until("an expired token", wait::LONG, async || {
        let response = deployment.request_alerts(&cookies, replica).await;
        (response.status != 200).then_some(response)
    })
    .await;
    assert_unavailable("a program", &refused);
    assert_eq!(refused.verdict(), "503 session-unavailable");
    let page = alice.visit(&format!("{APP}/graph")).await;
    assert_unavailable("a user", &page.response);
    assert_eq!(
        page.url.as_str(),
        format!("{APP}/graph"),
        "no redirect to sign-in"
    );

    deployment.redis().restart().await;
    wait_until_refreshed(&mut alice).await;
}

/// Alice has signed in, and Eve has started to sign in.
struct Fixture {
    deployment: Deployment,
    alice: UserAgent,
    pending_sign_in: UserAgent,
}

impl Fixture {
    async fn start() -> Self {
        let settings = Settings::with_redis().with("trusted_proxies", json!(["127.0.0.1"]));
        let deployment = settings.start().await;
        let alice = deployment.signed_in("alice", 0).await;
        let mut pending_sign_in = deployment.user_agent(0);
        pending_sign_in.visit(&format!("{APP}/graph")).await;
        deployment.replicas[0].wait_for_ready(200, "OK\n").await;
        Self {
            deployment,
            alice,
            pending_sign_in,
        }
    }

    /// The behavior without Redis.
    async fn assert_outage(&mut self) {
        let (deployment, alice) = (&self.deployment, &mut self.alice);
        let replica = &deployment.replicas[0];
        let cookies = cookie_header(alice);
        // Sessions that the filter verifies stay valid, before and after the outage is noticed.
        assert_eq!(alerts(alice).await.status, 200);
        replica.wait_for_ready(503, "missing: store\n").await;
        assert!(
            replica
                .companion
                .log()
                .contains("session store unavailable")
        );
        assert_eq!(alerts(alice).await.status, 200);
        assert_eq!(forward_auth(deployment, &cookies).await.status, 202);

        // What needs the store reports the outage.
        assert_unavailable("userinfo", &userinfo(alice).await);
        assert_unavailable("a refresh", &refresh(alice, replica).await);
        assert_unavailable("revocations", &replica.get("/oauth2/revocations").await);
        let page = alice.visit(&format!("{URL}/oauth2/sign_out")).await;
        assert_unavailable("a sign-out", &page.response);
        assert!(page.text().contains("Try again"), "{}", page.text());
        let page = self.pending_sign_in.sign_in_as("eve").await;
        assert_eq!(page.url.path(), "/oauth2/callback");
        assert_unavailable("a sign-in", &page.response);
        assert!(page.text().contains("Try again"), "{}", page.text());
        let logout_tokens = deployment.provider.logout_tokens().await;
        assert_eq!(logout_tokens.len(), 0);

        // No sign-in succeeds, and no session is lost.
        assert_eq!(
            alerts(&mut self.pending_sign_in).await.verdict(),
            "401 no-credentials"
        );
        let anonymous = forward_auth(deployment, "").await;
        assert_eq!(anonymous.status, 401, "{}", anonymous.text());
        assert_eq!(cookie_header(&self.alice), cookies);
        assert_eq!(replica.get("/ping").await.status, 200);
    }

    /// The behavior after Redis is back.
    async fn assert_recovery(&mut self) {
        let replica = &self.deployment.replicas[0];
        replica.wait_for_ready(200, "OK\n").await;
        assert!(
            replica
                .companion
                .log()
                .contains("session store available again")
        );
        let cookies = cookie_header(&self.alice);
        assert_eq!(userinfo(&mut self.alice).await.json()["user"], "alice");
        assert_eq!(alerts(&mut self.alice).await.status, 200);
        assert_eq!(refresh(&mut self.alice, replica).await.status, 200);
        assert_ne!(cookie_header(&self.alice), cookies, "a new token");
        assert_eq!(replica.revocations().await["entries"], json!([]));
        // The error page of the failed sign-in links to a new one.
        let page = self.pending_sign_in.page();
        let again = page
            .links()
            .into_iter()
            .find(|to| to.path() == "/oauth2/sign_in");
        self.pending_sign_in.follow(again.unwrap().as_str()).await;
        let page = at_provider(&mut self.pending_sign_in, "eve").await;
        assert!(page.text().contains("You are signed in"), "{}", page.text());
        assert_eq!(alerts(&mut self.pending_sign_in).await.status, 200);
        // A sign-out that failed now succeeds.
        sign_out(&mut self.alice).await;
        self.deployment.wait_until_revoked(&cookies, replica).await;
    }
}

/// The response to a client that should try again.
fn assert_unavailable(what: &str, response: &Response) {
    assert_eq!(response.status, 503, "{what}: {}", response.text());
    let after = response.header("retry-after").and_then(|s| s.parse().ok());
    assert!(
        after.is_some_and(|seconds: u32| seconds > 0),
        "{what}: {after:?}"
    );
    assert_eq!(
        response.header("cache-control").as_deref(),
        Some("no-store"),
        "{what}"
    );
    let cookies = response.all("set-cookie");
    let session = cookies.iter().find(|line| !line.contains("-login-"));
    assert_eq!(session, None, "{what}: no cookie is set");
}

/// A forward auth request for a page of the app.
async fn forward_auth(deployment: &Deployment, cookies: &str) -> Response {
    let mut call = Call::get(AUTH, "/oauth2/auth")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", HOST)
        .header("x-forwarded-uri", "/api/v2/alerts");
    if !cookies.is_empty() {
        call = call.header("cookie", cookies);
    }
    deployment.replicas[0].companion.call(call).await
}
