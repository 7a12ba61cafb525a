//! Sessions behind NGINX, which forwards a single cookie, when the provider's token has expired.

use std::fs;

use portcullis_tests::lab::provider::{self, Fault, Route};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::wait::{self, LONG};
use portcullis_tests::lab::{Call, Response, UserAgent};
use serde_json::{Value, json};

use crate::forward_auth::fixture::{AUTH, Fixture};
use crate::forward_auth::sign_in_fixture::{SignInFixture, cookies};

/// Another page than at the sign-in, which was just now: the same one would look like a redirect loop.
const PAGE: &str = "https://alertmanager.example.com/again";

/// A request by a script of the page.
async fn poll(user: &mut UserAgent) -> Response {
    let url = "https://alertmanager.example.com/api/v2/alerts";
    user.fetch(url, Call::get("", "")).await
}

/// The cookie store, after the revocation list was lost: then each session must be refreshed at its provider, and
/// the test need not wait until the provider's token expires. The result is Alice, whose page gets 401.
async fn alice_with_a_session_that_is_due(sign_in: &mut SignInFixture) -> UserAgent {
    let mut alice = sign_in.alice().await;
    assert_eq!(poll(&mut alice).await.status, 200);
    let signed_in = now();
    wait::until_true("the next second", LONG, async || now() > signed_in).await;
    let companion = &mut sign_in.fixture.companion;
    companion.stop().await;
    fs::remove_file(companion.file("session-keys.state")).unwrap();
    companion.restart().await;
    // Until its session token has expired.
    wait::until_true("a refused request", LONG, async || {
        poll(&mut alice).await.status == 401
    })
    .await;
    assert_eq!(sign_in.provider.grants("refresh_token").await, 0);
    alice
}

/// Only a proxy that copies one cookie needs this store, so the request goes through NGINX.
#[tokio::test]
async fn in_the_file_store_a_page_that_polls_behind_nginx_stays_signed_in() {
    let session = json!({"token": "5s", "store": "file:sessions"});
    let short = |provider: provider::Settings| provider.seconds("AccessToken", 5);
    let mut sign_in = SignInFixture::start_with(session, short).await;
    let mut alice = sign_in.alice().await;
    let refreshed = async |alice: &mut UserAgent, count| {
        // The provider's token expires after seconds, and is refreshed after half a minute at the earliest.
        wait::until_true("a refresh at the provider", LONG, async || {
            let response = poll(alice).await;
            assert_eq!(response.status, 200, "{}", response.text());
            assert!(response.all("set-cookie").len() <= 1);
            sign_in.provider.grants("refresh_token").await == count
        })
        .await;
    };
    refreshed(&mut alice, 1).await;
    // After a crash, the session is the same.
    let companion = &mut sign_in.fixture.companion;
    companion.kill();
    companion.restart().await;
    assert_eq!(poll(&mut alice).await.status, 200);
    // A sign-out ends it.
    let cookies = cookies(&alice);
    alice.visit(&format!("{AUTH}/oauth2/sign_out")).await;
    let [nginx, _, _] = &sign_in.fixture.proxies;
    let call = Call::get("alertmanager.example.com", "/api/v2/alerts").header("cookie", cookies);
    assert_eq!(nginx.send(call).await.status, 401);
}

/// The value of a counter of the companion.
async fn counter(sign_in: &SignInFixture, name: &str) -> u32 {
    let metrics = Call::get("localhost", "/metrics");
    let metrics = metrics.send(sign_in.fixture.companion.metrics()).await;
    let text = metrics.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

const REFRESHED: &str = "portcullis_companion_refreshes_total{outcome=\"refreshed\"}";
const LEFT_OUT: &str = "portcullis_companion_groups_left_out_total";

/// A session whose token expires after seconds, and a provider that says that Alice has more groups than fit into
/// a cookie.
async fn with_many_groups(session: Value) -> SignInFixture {
    let mut groups: Vec<String> = (0..200).map(|number| format!("{number:060}")).collect();
    groups.push("sre".to_owned());
    let claims = json!({"email": "alice@example.com", "email_verified": true, "groups": groups});
    let sign_in = SignInFixture::start(session).await;
    sign_in.provider.set_account("alice", claims).await;
    sign_in
}

#[tokio::test]
async fn refreshes_by_forward_auth_are_counted_and_so_are_groups_left_out() {
    // In this store, the session has all groups. That in a cookie has only those that fit.
    let sign_in = with_many_groups(json!({"token": "5s", "store": "file:sessions"})).await;
    let mut alice = sign_in.alice().await;
    assert_eq!(counter(&sign_in, REFRESHED).await, 0);
    let at_sign_in = counter(&sign_in, LEFT_OUT).await;
    wait::until_true("a refreshed token", LONG, async || {
        assert_eq!(poll(&mut alice).await.status, 200);
        counter(&sign_in, REFRESHED).await == 1
    })
    .await;
    assert_eq!(counter(&sign_in, LEFT_OUT).await, at_sign_in + 1);
}

#[tokio::test]
async fn refreshes_by_start_are_counted_and_so_are_groups_left_out() {
    let mut sign_in = with_many_groups(json!({"token": "5s"})).await;
    let mut alice = alice_with_a_session_that_is_due(&mut sign_in).await;
    assert_eq!(counter(&sign_in, LEFT_OUT).await, 0);
    let page = alice.visit(PAGE).await;
    assert_eq!(page.response.status, 200, "{}", page.text());
    assert_eq!(counter(&sign_in, REFRESHED).await, 1);
    assert_eq!(counter(&sign_in, LEFT_OUT).await, 1);
}

#[tokio::test]
async fn one_companion_has_the_file_store_open() {
    let session = json!({"store": "file:sessions"});
    let sign_in = SignInFixture::start(session).await;
    let path = sign_in.fixture.companion.file("sessions");
    let store = json!(format!("file:{}", path.display()));
    let session = json!({"cookie": {"domain": "example.com"}, "store": store});
    let second = Fixture::companion(json!({"session": session}));
    let refused = second.refuse().await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.log.contains("in use by another companion") && refused.log.contains("help: stop"),
        "{}",
        refused.log
    );
}

#[tokio::test]
async fn in_the_cookie_store_a_reload_behind_nginx_needs_no_sign_in() {
    let mut sign_in = SignInFixture::start(json!({"token": "5s"})).await;
    let mut alice = alice_with_a_session_that_is_due(&mut sign_in).await;
    let prompts = sign_in.provider.count(Route::Authorization).await;
    let page = alice.visit(PAGE).await;
    assert_eq!(page.url.as_str(), PAGE, "{}", page.text());
    assert_eq!(page.response.status, 200);
    assert_eq!(poll(&mut alice).await.status, 200);
    assert_eq!(sign_in.provider.grants("refresh_token").await, 1);
    // A second tab, for another page, right after the first.
    let start =
        |path: &str| format!("{AUTH}/oauth2/start?rd=https://alertmanager.example.com{path}");
    let page = alice.visit(&start("/other")).await;
    assert_eq!(page.url.path(), "/other", "{}", page.text());
    assert_eq!(sign_in.provider.grants("refresh_token").await, 1);
    // If the app sends the browser back at once, a page says so, and its link leads to the provider.
    let page = alice.visit(&start("/other")).await;
    assert!(page.text().contains("redirected back"), "{}", page.text());
    let links = page.links();
    let again = links.iter().find(|link| link.path() == "/oauth2/start");
    let query = again.unwrap().query().unwrap();
    assert!(query.contains("provider=sso"), "{query}");
    assert_eq!(sign_in.provider.count(Route::Authorization).await, prompts);
    // A user who chooses the provider signs in there, perhaps as somebody else.
    let named = format!("{}&provider=sso", start("/third"));
    alice.visit(&named).await;
    assert!(sign_in.provider.count(Route::Authorization).await > prompts);
}

#[tokio::test]
async fn a_named_provider_is_asked_although_the_session_could_be_refreshed() {
    let mut sign_in = SignInFixture::start(json!({"token": "5s"})).await;
    let mut alice = alice_with_a_session_that_is_due(&mut sign_in).await;
    let prompts = sign_in.provider.count(Route::Authorization).await;
    alice
        .visit(&format!("{AUTH}/oauth2/start?provider=sso&rd={PAGE}"))
        .await;
    assert!(sign_in.provider.count(Route::Authorization).await > prompts);
    assert_eq!(sign_in.provider.grants("refresh_token").await, 0);
}

/// The session is renewed, and nothing else: no user is signed out, or in as another one.
#[tokio::test]
async fn r11_another_site_that_starts_a_sign_in_may_renew_a_session_and_never_ends_it() {
    let mut sign_in = SignInFixture::start(json!({"token": "5s"})).await;
    let mut alice = alice_with_a_session_that_is_due(&mut sign_in).await;
    let discovery = "/.well-known/openid-configuration";
    let elsewhere = format!("{}{discovery}", sign_in.provider.issuer());
    // While the provider is unavailable, the session stays.
    sign_in
        .provider
        .fail(Route::Token, Fault::Status(503))
        .await;
    alice.visit(&elsewhere).await;
    alice
        .follow(&format!("{AUTH}/oauth2/start?rd={PAGE}"))
        .await;
    let has_session =
        |user: &UserAgent| user.cookies().get("__Secure-portcullis-session").is_some();
    assert!(has_session(&alice));
    sign_in.provider.recover(Route::Token).await;
    wait::until_true("a renewed session", LONG, async || {
        alice.visit(&elsewhere).await;
        let page = alice
            .follow(&format!("{AUTH}/oauth2/start?rd={PAGE}"))
            .await;
        page.url.as_str() == PAGE
    })
    .await;
    assert!(has_session(&alice));
    assert_eq!(poll(&mut alice).await.status, 200);
}

#[tokio::test]
async fn a_session_that_the_provider_has_ended_leads_to_a_sign_in() {
    let mut sign_in = SignInFixture::start(json!({"token": "5s"})).await;
    let mut alice = alice_with_a_session_that_is_due(&mut sign_in).await;
    let ended = Fault::RefreshResponse(400, json!({"error": "invalid_grant"}));
    sign_in.provider.fail(Route::Token, ended).await;
    let prompts = sign_in.provider.count(Route::Authorization).await;
    alice.visit(PAGE).await;
    assert!(sign_in.provider.count(Route::Authorization).await > prompts);
}
