//! Tabs that a browser restores, each of which starts a sign-in.

use portcullis_tests::lab::full_stack::APP;

use crate::browser::{assert_no_console_errors, shared_stack};

/// More than the attempts that a browser keeps.
const TABS: usize = 10;

#[tokio::test]
async fn restored_tabs_all_arrive_whichever_signs_in_first() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    let client = browser.client();
    let mut tabs = Vec::new();
    for tab in 0..TABS {
        let window = client.new_window(true).await.unwrap().handle;
        client.switch_to_window(window.clone()).await.unwrap();
        let link = format!("{APP}/tab-{tab}?x=1#fragment-{tab}");
        browser.visit(&link).await;
        tabs.push((window, link));
    }
    for (window, link) in tabs {
        client.switch_to_window(window).await.unwrap();
        browser.sign_in_as("alice").await;
        let at_app = |url: &url::Url| url.as_str().starts_with(APP);
        let end = browser.wait_for_url("the app", at_app).await;
        assert_eq!(end.as_str(), link);
        assert!(browser.text().await.contains("\"app\":\"alertmanager\""));
    }
    assert_no_console_errors(&browser, &[]).await;
}
