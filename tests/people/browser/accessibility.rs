//! Every page of ours, on a phone and on a desktop, in the light and the dark color scheme.
//!
//! The screenshots are in `target/screenshots`.

mod checks;

use portcullis_tests::lab::browser::Screen;
use portcullis_tests::lab::full_stack::{APP, URL};
use portcullis_tests::lab::provider::{Fault, Route};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Browser, Call, FullStack, wait};

use crate::browser::signing_out::wait_for_heading;
use crate::browser::{assert_no_console_errors, two_providers};

/// The screens and color schemes, and the suffix of the screenshot's name, if one is taken.
const SCREENS: [(Screen, bool, Option<&str>); 5] = [
    (Screen::NARROW, false, None),
    (Screen::PHONE, true, None),
    (Screen::DESKTOP, true, Some("dark")),
    (Screen::DESKTOP, false, Some("desktop")),
    (Screen::PHONE, false, Some("phone")),
];

/// Checks the current page, which has this heading.
async fn check_page(browser: &Browser, name: &str, heading: &str) {
    wait_for_heading(browser, heading).await;
    for (screen, dark, suffix) in SCREENS {
        browser.set_screen(screen, dark).await;
        let faults = checks::faults(browser).await;
        assert!(faults.is_empty(), "{name}, {screen:?}: {faults:#?}");
        if let Some(suffix) = suffix {
            browser.screenshot(&format!("{name}-{suffix}")).await;
        }
    }
    checks::assert_keyboard_navigation(browser, name).await;
}

/// Shows a copy of a page, without the script that would leave it.
async fn show_copy(browser: &Browser, html: &str) {
    browser.visit("about:blank").await;
    let html = serde_json::to_string(html).unwrap();
    let script = format!("document.open(); document.write({html}); document.close()");
    browser.run(&script).await;
}

#[tokio::test]
async fn the_pages_of_a_sign_in_are_accessible() {
    let stack = two_providers().await;
    let browser = stack.browser().await;
    let begin = format!("/oauth2/start?provider=google&rd={APP}/graph");
    let call = Call::get("auth.example.com", &begin).header("sec-fetch-mode", "navigate");
    let start = stack.gateway.call(call).await.text();
    show_copy(&browser, &start).await;
    check_page(&browser, "start", "Signing in").await;
    // Discards the console errors of the copy's script.
    browser.console().await;

    browser.visit(&format!("{APP}/graph")).await;
    check_page(&browser, "sign-in", "Sign in").await;
    browser
        .visit(&format!("{URL}/oauth2/callback/google?code=x&state=y"))
        .await;
    check_page(&browser, "invalid-sign-in", "This sign-in is not valid").await;
    browser.visit(&format!("{APP}/graph")).await;
    browser.click("a[href*='provider=google']").await;
    browser.sign_in_as("bob").await;
    wait_for_heading(&browser, "Access denied").await;
    // At once: after ten seconds it would not count as a loop.
    browser
        .visit(&format!("{URL}/oauth2/start?rd={APP}/graph"))
        .await;
    check_page(&browser, "redirect-loop", "Signed in, but redirected back").await;
    browser.visit(&format!("{APP}/graph")).await;
    check_page(&browser, "not-allowed", "Access denied").await;
    browser
        .visit(&format!("{URL}/oauth2/start?rd=//evil.example"))
        .await;
    check_page(&browser, "bad-request", "Invalid request").await;
    browser
        .visit(&format!("{URL}/oauth2/start?provider=nobody"))
        .await;
    check_page(&browser, "unknown-provider", "Invalid request").await;
    browser.visit(&format!("{APP}/a%2Fb")).await;
    check_page(&browser, "ambiguous", "Bad request").await;
    browser.visit(&format!("{URL}/unknown")).await;
    check_page(&browser, "not-found", "Page not found").await;
    assert_no_console_errors(&browser, &[400, 403]).await;
}

#[tokio::test]
async fn the_pages_of_sessions_and_sign_out_are_accessible() {
    let stack = FullStack::with().token("5s").start().await;
    let browser = stack.browser().await;
    let provider = stack.provider();
    provider.fail(Route::Token, Fault::Status(503)).await;
    browser.visit(&format!("{URL}/oauth2/sign_in")).await;
    browser.sign_in_as("alice").await;
    check_page(&browser, "unreachable", "Temporarily unavailable").await;
    provider.recover(Route::Token).await;
    browser.click("main a").await;
    check_page(&browser, "signed-in", "You are signed in").await;
    let expires_at = now() + 5;
    browser
        .visit(&format!(
            "{}/.well-known/openid-configuration",
            provider.issuer()
        ))
        .await;
    browser
        .run(&format!(
            "location.href = '{URL}/oauth2/sign_out?rd={APP}/graph'"
        ))
        .await;
    check_page(&browser, "sign-out", "Sign out?").await;

    wait::until_true("the expiry of the token", wait::LONG, async || {
        now() > expires_at
    })
    .await;
    stack.companion.pause().await;
    browser.visit(&format!("{APP}/graph")).await;
    check_page(&browser, "unavailable", "Try again shortly").await;
    stack.companion.resume();
    browser.click("main a").await;
    let reached = async || stack.app_requests("GET", "/graph").len() == 1;
    wait::until_true("a request to the app", wait::LONG, reached).await;

    browser.without_scripts().await;
    browser
        .visit(&format!("{URL}/oauth2/sign_out?rd={APP}/graph"))
        .await;
    check_page(&browser, "signing-out", "Signing out").await;
    browser.click("main button").await;
    browser.confirm_sign_out().await;
    check_page(&browser, "signed-out", "You are signed out").await;
    assert_no_console_errors(&browser, &[503]).await;
}
