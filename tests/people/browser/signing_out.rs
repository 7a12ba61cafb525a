//! Sign-out, and sign-in as another user.

use portcullis_tests::lab::full_stack::{APP, COOKIE_PREFIX, URL};
use portcullis_tests::lab::{Browser, wait};

use crate::browser::{assert_no_console_errors, shared_stack, two_providers};

/// Signs in on the way to this page of the app.
async fn sign_in(browser: &Browser, login: &str, path: &str) {
    let link = format!("{APP}{path}");
    browser.visit(&link).await;
    browser.sign_in_as(login).await;
    browser
        .wait_for_url("the app", |url| url.as_str() == link)
        .await;
}

/// Waits for a page with this heading.
pub(crate) async fn wait_for_heading(browser: &Browser, heading: &str) {
    let script = "return document.querySelector('h1')?.textContent";
    let shown = async || {
        // A page that is being replaced cannot run a script.
        let shown = browser.client().execute(script, vec![]).await;
        shown.is_ok_and(|shown| shown == heading)
    };
    wait::until_true(heading, wait::LONG, shown).await;
}

#[tokio::test]
async fn l01_after_signing_out_the_app_asks_for_a_sign_in_again() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    sign_in(&browser, "carol", "/out").await;
    browser
        .visit(&format!("{URL}/oauth2/sign_out?rd={APP}/out"))
        .await;
    browser.confirm_sign_out().await;
    wait_for_heading(&browser, "You are signed out").await;
    let left = browser.cookies().await;
    let our_cookies = |cookie: &&serde_json::Value| {
        let name = cookie["name"].as_str().unwrap();
        name.starts_with(COOKIE_PREFIX) || name.starts_with("__Host-portcullis")
    };
    assert_eq!(left.iter().find(our_cookies), None);
    browser.click("main a").await;
    sign_in(&browser, "carol", "/out").await;
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn l01_a_provider_that_signs_out_without_a_prompt_redirects_back() {
    let stack = two_providers().await;
    let browser = stack.browser().await;
    let start = format!("{URL}/oauth2/start?provider=google&rd={APP}/out");
    browser.visit(&start).await;
    browser.sign_in_as("carol").await;
    browser
        .wait_for_url("the app", |url| url.path() == "/out")
        .await;
    browser
        .visit(&format!("{URL}/oauth2/sign_out?rd={APP}/out"))
        .await;
    wait_for_heading(&browser, "You are signed out").await;
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn l01_another_site_cannot_sign_a_user_out_without_a_prompt() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    sign_in(&browser, "dave", "/asked").await;
    browser
        .visit(&format!(
            "{}/.well-known/openid-configuration",
            stack.provider().issuer()
        ))
        .await;
    let script = format!("location.href = '{URL}/oauth2/sign_out'");
    browser.run(&script).await;
    wait_for_heading(&browser, "Sign out?").await;
    assert_signed_in(&browser, "/asked").await;
    browser.client().back().await.unwrap();
    wait_for_heading(&browser, "Sign out?").await;
    browser.click("main button").await;
    browser.confirm_sign_out().await;
    wait_for_heading(&browser, "You are signed out").await;
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn another_site_has_no_handle_of_a_window_with_our_page() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    browser
        .visit(&format!(
            "{}/.well-known/openid-configuration",
            stack.provider().issuer()
        ))
        .await;
    let open = format!("window.opened = window.open('{URL}/oauth2/sign_out')");
    browser.run(&open).await;
    // The window is open, and its handle says that it is closed.
    let severed = async || {
        let closed = browser
            .client()
            .execute("return window.opened.closed", vec![])
            .await;
        closed.is_ok_and(|closed| closed == true)
    };
    wait::until_true("no handle", wait::LONG, severed).await;
    assert_eq!(browser.client().windows().await.unwrap().len(), 2);
}

#[tokio::test]
async fn r11_another_site_ends_no_session_by_a_sign_in() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    // No other test uses this user: a logout at the provider may end all sessions of a user.
    sign_in(&browser, "frank", "/kept").await;
    let elsewhere = format!(
        "{}/.well-known/openid-configuration",
        stack.provider().issuer()
    );
    browser.visit(&elsewhere).await;
    // Deletes the provider's cookies, so that it shows its login form and no callback replaces the
    // session.
    browser.client().delete_all_cookies().await.unwrap();
    for path in [
        "start",
        "start?initiator=user",
        "start?initiator=other-site",
        "start?provider=sso",
        "start?rd=https%3A%2F%2Falertmanager.example.com%2Fother%23x",
        "sign_in",
    ] {
        browser.visit(&elsewhere).await;
        let script = format!("location.href = '{URL}/oauth2/{path}'");
        browser.run(&script).await;
        let form = "return document.querySelector('form [name=login]') !== null";
        let shown = async || {
            let shown = browser.client().execute(form, vec![]).await;
            shown.is_ok_and(|shown| shown == true)
        };
        wait::until_true("the provider's sign-in page", wait::LONG, shown).await;
        assert_signed_in(&browser, "/kept").await;
    }
    // A sign-in that the user starts deletes the old session.
    browser
        .visit(&format!("{URL}/oauth2/start?rd={APP}/again"))
        .await;
    let gone = async || {
        let cookies = browser.cookies().await;
        !cookies.iter().any(|cookie| cookie["name"] == COOKIE_PREFIX)
    };
    wait::until_true("the old session is deleted", wait::LONG, gone).await;
}

async fn assert_signed_in(browser: &Browser, path: &str) {
    browser.visit(&format!("{APP}{path}")).await;
    assert_eq!(browser.url().await.as_str(), format!("{APP}{path}"));
}

#[tokio::test]
async fn a_user_without_access_can_sign_in_as_another_user() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    sign_in(&browser, "bob", "/secret?x=1").await;
    wait_for_heading(&browser, "Access denied").await;
    assert!(browser.text().await.contains("caller-not-allowed"));
    assert!(stack.app_requests("GET", "/secret?x=1").is_empty());
    browser.click("main a").await;
    browser.confirm_sign_out().await;
    wait_for_heading(&browser, "You are signed out").await;
    browser.click("main a").await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.as_str() == format!("{APP}/secret?x=1"))
        .await;
    assert_eq!(stack.app_requests("GET", "/secret?x=1").len(), 1);
    assert_no_console_errors(&browser, &[403]).await;
}
