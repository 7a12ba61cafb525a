//! Sign-in on the way to a page of an app.

use portcullis_tests::lab::full_stack::{APP, URL};
use portcullis_tests::lab::{Browser, wait};

use crate::browser::signing_out::wait_for_heading;
use crate::browser::{assert_no_console_errors, shared_stack};

const LINK: &str =
    "/graph?g0.expr=up%20%2B1&tab=1#/alerts?silenced=false&filter=%7Bseverity%3D%22page%22%7D";

/// Waits until the browser is at the app, and returns the URL.
async fn wait_for_app(browser: &Browser) -> String {
    let at_app = |url: &url::Url| url.as_str().starts_with(APP);
    browser.wait_for_url("the app", at_app).await.into()
}

#[tokio::test]
async fn a_deep_link_with_query_and_fragment_survives_the_sign_in() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    browser.visit(&format!("{APP}{LINK}")).await;
    browser.sign_in_as("alice").await;
    assert_eq!(wait_for_app(&browser).await, format!("{APP}{LINK}"));
    assert!(browser.text().await.contains("\"app\":\"alertmanager\""));
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn without_scripts_only_the_fragment_is_lost() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    browser.without_scripts().await;
    browser.visit(&format!("{APP}{LINK}")).await;
    browser.sign_in_as("alice").await;
    let (page, _) = LINK.split_once('#').unwrap();
    assert_eq!(wait_for_app(&browser).await, format!("{APP}{page}"));
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn two_tabs_that_sign_in_at_once_both_return_to_their_page() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    let client = browser.client();
    let one = client.window().await.unwrap();
    browser.visit(&format!("{APP}/one?tab=1#first")).await;
    let two = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(two.clone()).await.unwrap();
    browser.visit(&format!("{APP}/two?tab=2#second")).await;
    // The first one finishes first; the second is at the provider's page by then.
    for (tab, link) in [(one, "/one?tab=1#first"), (two, "/two?tab=2#second")] {
        client.switch_to_window(tab).await.unwrap();
        browser.sign_in_as("alice").await;
        assert_eq!(wait_for_app(&browser).await, format!("{APP}{link}"));
    }
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn the_back_button_returns_to_the_previous_page() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    let client = browser.client();
    let first_page = format!("{APP}/-/healthy");
    browser.visit(&first_page).await;
    let follow = "const link = document.createElement('a'); link.href = '/back?x=1#y'; \
                  document.body.append(link); link.click()";
    browser.run(follow).await;
    browser.sign_in_as("alice").await;
    let app = format!("{APP}/back?x=1#y");
    assert_eq!(wait_for_app(&browser).await, app);

    let mut visited = Vec::new();
    while browser.url().await.as_str() != first_page {
        let before = browser.url().await;
        client.back().await.unwrap();
        let moved = async || browser.url().await != before;
        wait::until_true("a page before this one", wait::LONG, moved).await;
        visited.push(browser.url().await);
    }
    let at_companion = |url: &&url::Url| url.as_str().starts_with(URL);
    assert_eq!(visited.iter().find(at_companion), None, "{visited:#?}");
    for _ in &visited {
        client.forward().await.unwrap();
    }
    assert_eq!(wait_for_app(&browser).await, app);
    // The request for the app's icon, before the sign-in.
    assert_no_console_errors(&browser, &[401]).await;
}

#[tokio::test]
async fn a_callback_of_no_sign_in_shows_a_page_with_a_link() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    let callback = format!("{URL}/oauth2/callback?code=abc&state=def");
    browser.visit(&callback).await;
    wait_for_heading(&browser, "This sign-in is not valid").await;
    browser.click("main a").await;
    browser.sign_in_as("alice").await;
    wait_for_heading(&browser, "You are signed in").await;
    // Again, now with a session.
    browser.visit(&callback).await;
    wait_for_heading(&browser, "You are signed in").await;
    assert_no_console_errors(&browser, &[403]).await;
}
