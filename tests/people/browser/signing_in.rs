//! Signing in, on the way to a page of an app.

use portcullis_tests::lab::way::{APP, URL};
use portcullis_tests::lab::{Browser, wait};

use crate::browser::signing_out::shows;
use crate::browser::{is_content, way};

const LINK: &str =
    "/graph?g0.expr=up%20%2B1&tab=1#/alerts?silenced=false&filter=%7Bseverity%3D%22page%22%7D";

/// Waits until the browser is at the app, and says where.
async fn at_the_app(browser: &Browser) -> String {
    let at_app = |url: &url::Url| url.as_str().starts_with(APP);
    browser.arrives("the app", at_app).await.into()
}

#[tokio::test]
async fn a_deep_link_with_query_and_fragment_survives_the_sign_in() {
    let way = way().await;
    let browser = way.browser().await;
    browser.visit(&format!("{APP}{LINK}")).await;
    browser.sign_in_as("alice").await;
    assert_eq!(at_the_app(&browser).await, format!("{APP}{LINK}"));
    assert!(browser.text().await.contains("\"app\":\"alertmanager\""));
    is_content(&browser, &[]).await;
}

#[tokio::test]
async fn without_scripts_the_way_is_the_same_but_for_the_fragment() {
    let way = way().await;
    let browser = way.browser().await;
    browser.without_scripts().await;
    browser.visit(&format!("{APP}{LINK}")).await;
    browser.sign_in_as("alice").await;
    let (page, _) = LINK.split_once('#').unwrap();
    assert_eq!(at_the_app(&browser).await, format!("{APP}{page}"));
    is_content(&browser, &[]).await;
}

#[tokio::test]
async fn two_tabs_that_sign_in_at_once_both_end_where_they_began() {
    let way = way().await;
    let browser = way.browser().await;
    let client = browser.client();
    let one = client.window().await.unwrap();
    browser.visit(&format!("{APP}/one?tab=1#first")).await;
    let two = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(two.clone()).await.unwrap();
    browser.visit(&format!("{APP}/two?tab=2#second")).await;
    // The first comes first, and the second is at the provider's page by then.
    for (tab, link) in [(one, "/one?tab=1#first"), (two, "/two?tab=2#second")] {
        client.switch_to_window(tab).await.unwrap();
        browser.sign_in_as("alice").await;
        assert_eq!(at_the_app(&browser).await, format!("{APP}{link}"));
    }
    is_content(&browser, &[]).await;
}

#[tokio::test]
async fn the_back_button_leads_back_to_where_the_person_came_from() {
    let way = way().await;
    let browser = way.browser().await;
    let client = browser.client();
    let portal = format!("{APP}/-/healthy");
    browser.visit(&portal).await;
    let follow = "const link = document.createElement('a'); link.href = '/back?x=1#y'; \
                  document.body.append(link); link.click()";
    browser.run(follow).await;
    browser.sign_in_as("alice").await;
    let app = format!("{APP}/back?x=1#y");
    assert_eq!(at_the_app(&browser).await, app);

    let mut passed = Vec::new();
    while browser.url().await.as_str() != portal {
        let before = browser.url().await;
        client.back().await.unwrap();
        let moved = async || browser.url().await != before;
        wait::until_true("a page before this one", wait::LONG, moved).await;
        passed.push(browser.url().await);
    }
    let ours = |url: &&url::Url| url.as_str().starts_with(URL);
    assert_eq!(passed.iter().find(ours), None, "{passed:#?}");
    for _ in &passed {
        client.forward().await.unwrap();
    }
    assert_eq!(at_the_app(&browser).await, app);
    // The app's icon, before the sign-in.
    is_content(&browser, &[401]).await;
}

#[tokio::test]
async fn a_callback_that_is_over_leads_on() {
    let way = way().await;
    let browser = way.browser().await;
    let over = format!("{URL}/oauth2/callback?code=abc&state=def");
    browser.visit(&over).await;
    shows(&browser, "This sign-in has expired").await;
    browser.click("main a").await;
    browser.sign_in_as("alice").await;
    shows(&browser, "You are signed in").await;
    // Again, now that there is a session: nobody is sent around.
    browser.visit(&over).await;
    browser.click("main a").await;
    shows(&browser, "You are signed in").await;
    is_content(&browser, &[403]).await;
}
