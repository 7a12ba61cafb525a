//! Callbacks whose sign-in attempt is not known any more: the browser continues at the page that was wanted,
//! with its session or after another sign-in, and no code is redeemed.

use portcullis_tests::lab::full_stack::{APP, URL};
use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::user_agent::Step;
use portcullis_tests::lab::{Call, FullStack, UserAgent};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use url::Url;

const AUTH: &str = "auth.example.com";
const APP_ROOT: &str = "https://alertmanager.example.com/";

/// The stack, for one test at a time: they count the requests at the provider.
async fn stack() -> (&'static FullStack, MutexGuard<'static, ()>) {
    static STACK: OnceCell<FullStack> = OnceCell::const_new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let stack = STACK
        .get_or_init(async || FullStack::with().start().await)
        .await;
    (stack, turn)
}

fn is_callback(step: &&Step) -> bool {
    step.url.path() == "/oauth2/callback"
}

/// The last callback of the user agent.
fn callback(user: &UserAgent) -> Url {
    let mut steps = user.history().iter().rev();
    steps.find(is_callback).expect("a callback").url.clone()
}

fn assert_arrived(user: &UserAgent, page: &str) {
    let shown = user.page();
    assert_eq!(shown.url.as_str(), page, "{}", shown.text());
    assert_eq!(shown.response.status, 200, "{}", shown.text());
}

/// Removes the cookies of sign-in attempts, as a browser does after ten minutes.
fn forget_attempts(user: &mut UserAgent) {
    let names = user.cookies().names().into_iter();
    let names = names.filter(|name| name.contains("-login-"));
    for name in names.map(str::to_owned).collect::<Vec<_>>() {
        user.cookies_mut().remove(&name);
    }
}

async fn who(user: &mut UserAgent) -> serde_json::Value {
    let userinfo = format!("{URL}/oauth2/userinfo");
    let response = user.fetch(&userinfo, Call::get("", "")).await;
    response.json()["user"].clone()
}

#[tokio::test]
async fn twenty_restored_tabs_all_arrive() {
    let (stack, _turn) = stack().await;
    // Short links, and long ones, of which only two attempts fit into the cookies.
    for (length, tabs) in [(10, 20), (5_000, 6)] {
        let mut user = stack.user_agent();
        let mut opened = Vec::new();
        for tab in 0..tabs {
            let page = format!("{APP}/tab-{tab}?x={}", "y".repeat(length));
            user.visit(&page).await;
            opened.push((page, user.page().url.clone()));
        }
        // The oldest ones, whose attempts are deleted, come first.
        for (tab, (page, login)) in opened.into_iter().enumerate() {
            user.visit(login.as_str()).await;
            user.sign_in_as("alice").await;
            // A `state` has no room for a long link, so its tab may end at the app's root.
            let at_root = length > 700 && user.page().url.path() == "/";
            assert_arrived(&user, if at_root { APP_ROOT } else { &page });
            assert!(!at_root || tab + 2 < tabs, "{tab}: the last ones arrive");
        }
    }
}

#[tokio::test]
async fn a_callback_that_is_loaded_again_continues_at_the_page() {
    let (stack, _turn) = stack().await;
    for path in ["/graph?g0.expr=up%20%2B1", "/", "/a/b?c=d&e=f"] {
        let mut user = stack.user_agent();
        let page = format!("{APP}{path}");
        stack.sign_in(&mut user, "alice", path).await;
        let url = callback(&user);
        let redeemed = stack.provider().count(Route::Token).await;
        for _ in 0..2 {
            user.visit(url.as_str()).await;
            assert_arrived(&user, &page);
        }
        assert_eq!(stack.provider().count(Route::Token).await, redeemed);
        // Without a session: the user signs in, and goes there.
        let mut other = stack.user_agent();
        other.visit(url.as_str()).await;
        other.sign_in_as("carol").await;
        assert_arrived(&other, &page);
        assert_eq!(who(&mut other).await, "carol");
        assert_eq!(stack.provider().count(Route::Token).await, redeemed + 1);
    }
}

#[tokio::test]
async fn a_login_page_that_was_open_for_an_hour_leads_to_the_page() {
    let (stack, _turn) = stack().await;
    for path in ["/graph?tab=1#/alerts", "/-/status"] {
        let mut user = stack.user_agent();
        let page = format!("{APP}{path}");
        user.visit(&page).await;
        forget_attempts(&mut user);
        let redeemed = stack.provider().count(Route::Token).await;
        // The provider knows the user then, so the second sign-in needs no page.
        user.sign_in_as("alice").await;
        let without_fragment = page.split('#').next().unwrap();
        assert_arrived(&user, without_fragment);
        assert_eq!(stack.provider().count(Route::Token).await, redeemed + 1);
        assert_eq!(user.history().iter().filter(is_callback).count(), 2);
    }
}

#[tokio::test]
async fn a_session_of_another_tab_is_used() {
    let (stack, _turn) = stack().await;
    let mut user = stack.user_agent();
    user.visit(&format!("{APP}/first")).await;
    let login = user.page().url.clone();
    forget_attempts(&mut user);
    stack.sign_in(&mut user, "alice", "/second").await;
    let redeemed = stack.provider().count(Route::Token).await;
    user.visit(login.as_str()).await;
    user.sign_in_as("alice").await;
    assert_arrived(&user, &format!("{APP}/first"));
    assert_eq!(stack.provider().count(Route::Token).await, redeemed);
}

#[tokio::test]
async fn an_error_of_the_provider_without_an_attempt_is_followed_by_one_sign_in() {
    let (stack, _turn) = stack().await;
    let mut user = stack.user_agent();
    stack.sign_in(&mut user, "alice", "/graph").await;
    let url = callback(&user);
    let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
    let error = format!("{URL}/oauth2/callback?error=access_denied&state={state}");
    user.visit(&error).await;
    assert_arrived(&user, &format!("{APP}/graph"));
    let mut other = stack.user_agent();
    other.visit(&error).await;
    other.sign_in_as("carol").await;
    assert_arrived(&other, &format!("{APP}/graph"));
}

#[tokio::test]
async fn r07_a_browser_without_cookies_does_not_loop() {
    let (stack, _turn) = stack().await;
    let get = async |url: &str| {
        let url = Url::parse(url).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let call = Call::get(AUTH, &path).header("sec-fetch-mode", "navigate");
        stack.gateway.call(call.header("accept", "text/html")).await
    };
    let state_of = |authorization: &str| {
        let url = Url::parse(authorization).unwrap();
        let mut pairs = url.query_pairs();
        let (_, state) = pairs.find(|(name, _)| name == "state").unwrap();
        state.into_owned()
    };
    let rd = "https%3A%2F%2Falertmanager.example.com%2Fgraph";
    let start = get(&format!("{URL}/oauth2/start?rd={rd}&initiator=user")).await;
    let state = state_of(&start.header("location").unwrap());
    let again = get(&format!("{URL}/oauth2/callback?code=x&state={state}")).await;
    assert_eq!(again.status, 302);
    let again = format!("{URL}{}", again.header("location").unwrap());
    let second = get(&again).await;
    let state = state_of(&second.header("location").unwrap());
    let page = get(&format!("{URL}/oauth2/callback?code=x&state={state}")).await;
    assert_eq!(page.status, 403);
    let text = page.text();
    assert!(text.contains("does not accept our cookies"), "{text}");
    assert!(text.contains(&format!("/oauth2/sign_in?rd={rd}")), "{text}");
}

#[tokio::test]
async fn r02_an_attackers_callback_signs_nobody_in_as_the_attacker() {
    let (stack, _turn) = stack().await;
    // Eve stops before her callback, and lures Alice to it.
    let mut eve = stack.user_agent();
    eve.visit(&format!("{APP}/eve")).await;
    let before = eve.history().len();
    eve.sign_in_as("carol").await;
    let lure = eve.history()[before..].iter().find(is_callback).unwrap();
    let lure = lure.url.clone();
    let fresh = |lure: &Url, code: &str| {
        let mut url = lure.clone();
        let pairs = lure.query_pairs().into_owned();
        let pairs: Vec<_> = pairs.filter(|(name, _)| name != "code").collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(pairs)
            .append_pair("code", code);
        url
    };
    let lure = fresh(&lure, "a-code-of-eve");
    let redeemed = stack.provider().count(Route::Token).await;
    // Without a session, Alice signs in as herself.
    let mut alice = stack.user_agent();
    alice.visit(lure.as_str()).await;
    assert_eq!(stack.provider().count(Route::Token).await, redeemed);
    alice.sign_in_as("alice").await;
    assert_arrived(&alice, &format!("{APP}/eve"));
    assert_eq!(who(&mut alice).await, "alice");
    // With a session, she keeps it.
    let redeemed = stack.provider().count(Route::Token).await;
    alice.visit(lure.as_str()).await;
    assert_arrived(&alice, &format!("{APP}/eve"));
    assert_eq!(who(&mut alice).await, "alice");
    assert_eq!(stack.provider().count(Route::Token).await, redeemed);
}

#[tokio::test]
async fn r06_a_state_that_is_not_ours_is_rejected() {
    let (stack, _turn) = stack().await;
    let mut alice = stack.user_agent();
    stack.sign_in(&mut alice, "alice", "/graph").await;
    let url = callback(&alice);
    let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
    let (random, sealed) = state.split_once('.').unwrap();
    let redeemed = stack.provider().count(Route::Token).await;
    for state in [
        "x".to_owned(),
        "https://evil.example/".to_owned(),
        format!("{random}.https://evil.example/"),
        format!("{random}."),
        format!("{sealed}.{random}"),
        format!("x{random}.{sealed}"),
        format!("{random}.{sealed}x"),
    ] {
        let mut callback = Url::parse(&format!("{URL}/oauth2/callback")).unwrap();
        callback
            .query_pairs_mut()
            .append_pair("code", "x")
            .append_pair("state", &state);
        let mut nobody = stack.user_agent();
        let page = nobody.visit(callback.as_str()).await;
        assert_eq!(page.response.status, 403, "{state}");
        assert!(!page.text().contains("evil"), "{state}: {}", page.text());
        // With a session, the page says so.
        let page = alice.visit(callback.as_str()).await;
        assert_eq!(page.url.host_str(), Some(AUTH), "{state}");
        assert!(page.text().contains("You are signed in"), "{state}");
    }
    assert_eq!(stack.provider().count(Route::Token).await, redeemed);
}
