//! Every page of ours, looked at on a phone and on a desk, in light and in dark colours.
//!
//! The pictures are in `target/screenshots`.

mod checks;

use portcullis_tests::lab::browser::Screen;
use portcullis_tests::lab::provider::{Fault, Route};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::way::{APP, URL};
use portcullis_tests::lab::{Browser, Call, Way, wait};

use crate::browser::signing_out::shows;
use crate::browser::{is_content, two};

/// How pages are looked at, and what the name of the picture ends in, if one is taken.
const SIGHTS: [(Screen, bool, Option<&str>); 5] = [
    (Screen::NARROW, false, None),
    (Screen::PHONE, true, None),
    (Screen::DESK, true, Some("dark")),
    (Screen::DESK, false, Some("desk")),
    (Screen::PHONE, false, Some("phone")),
];

/// Looks at the page that is shown, whose heading this is.
async fn look(browser: &Browser, name: &str, heading: &str) {
    shows(browser, heading).await;
    for (screen, dark, picture) in SIGHTS {
        browser.shows_on(screen, dark).await;
        let faults = checks::faults(browser).await;
        assert!(faults.is_empty(), "{name}, {screen:?}: {faults:#?}");
        if let Some(kind) = picture {
            browser.screenshot(&format!("{name}-{kind}")).await;
        }
    }
    checks::walks_by_keyboard(browser, name).await;
}

/// Shows a page that leads on by itself, as a copy that can't.
async fn shows_a_copy(browser: &Browser, html: &str) {
    browser.visit("about:blank").await;
    let html = serde_json::to_string(html).unwrap();
    let script = format!("document.open(); document.write({html}); document.close()");
    browser.run(&script).await;
}

#[tokio::test]
async fn the_pages_of_a_sign_in_are_fit_for_everybody() {
    let way = two().await;
    let browser = way.browser().await;
    let begin = format!("/oauth2/start?provider=google&rd={APP}/graph");
    let call = Call::get("auth.example.com", &begin).header("sec-fetch-mode", "navigate");
    let start = way.gateway.call(call).await.text();
    shows_a_copy(&browser, &start).await;
    look(&browser, "start", "Signing in").await;
    // What the copy's script had to say of being nowhere.
    browser.console().await;

    browser.visit(&format!("{APP}/graph")).await;
    look(&browser, "sign-in", "Sign in").await;
    browser.click("a[href*='provider=google']").await;
    browser.sign_in_as("bob").await;
    shows(&browser, "Not allowed").await;
    // At once: after ten seconds it would be no loop.
    browser
        .visit(&format!("{URL}/oauth2/start?rd={APP}/graph"))
        .await;
    look(&browser, "looping", "Signed in, but redirected back").await;
    browser.visit(&format!("{APP}/graph")).await;
    look(&browser, "not-allowed", "Not allowed").await;
    browser
        .visit(&format!("{URL}/oauth2/callback/google?code=x&state=y"))
        .await;
    look(&browser, "over", "This sign-in has expired").await;
    browser
        .visit(&format!("{URL}/oauth2/start?rd=//evil.example"))
        .await;
    look(&browser, "bad-request", "Invalid request").await;
    browser
        .visit(&format!("{URL}/oauth2/start?provider=nobody"))
        .await;
    look(&browser, "unknown-provider", "Invalid request").await;
    browser.visit(&format!("{APP}/a%2Fb")).await;
    look(&browser, "ambiguous", "Bad request").await;
    browser.visit(&format!("{URL}/nothing")).await;
    look(&browser, "nothing", "Page not found").await;
    is_content(&browser, &[400, 403]).await;
}

#[tokio::test]
async fn the_pages_of_a_session_and_of_its_end_are_fit_for_everybody() {
    let way = Way::with().token("5s").start().await;
    let browser = way.browser().await;
    let provider = way.provider();
    provider.fail(Route::Token, Fault::Status(503)).await;
    browser.visit(&format!("{URL}/oauth2/sign_in")).await;
    browser.sign_in_as("alice").await;
    look(&browser, "unreachable", "Temporarily unavailable").await;
    provider.work(Route::Token).await;
    browser.click("main a").await;
    look(&browser, "signed-in", "You are signed in").await;
    let over = now() + 5;
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
    look(&browser, "sign-out", "Sign out?").await;

    wait::until_true("the token's end", wait::LONG, async || now() > over).await;
    way.companion.pause().await;
    browser.visit(&format!("{APP}/graph")).await;
    look(&browser, "unavailable", "Try again shortly").await;
    way.companion.resume();
    browser.click("main a").await;
    let reached = async || way.reached("GET", "/graph").len() == 1;
    wait::until_true("the app", wait::LONG, reached).await;

    browser.without_scripts().await;
    browser
        .visit(&format!("{URL}/oauth2/sign_out?rd={APP}/graph"))
        .await;
    look(&browser, "leave", "Signing out").await;
    browser.click("main button").await;
    browser.confirm_sign_out().await;
    look(&browser, "signed-out", "You are signed out").await;
    is_content(&browser, &[503]).await;
}
