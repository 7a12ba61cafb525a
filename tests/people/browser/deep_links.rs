//! Long links with a real browser: query and fragment together have up to 8 KiB.

use portcullis_tests::lab::full_stack::APP;

use crate::browser::{assert_no_console_errors, shared_stack};

/// A text of this length that a browser neither encodes nor decodes.
fn text(bytes: usize) -> String {
    let pattern = "(filters:!(),time:(from:now-15m,to:now),a:%7B%22%7D);&x=";
    let mut text: String = pattern.chars().cycle().take(bytes - 2).collect();
    text.push_str("00");
    text
}

#[tokio::test]
async fn r06_long_links_arrive_or_end_at_the_apps_root() {
    let stack = shared_stack().await;
    for (query, fragment, arrives) in [
        (2_700, 0, true),
        (8_000, 0, true),
        (20, 2_700, true),
        (4_000, 4_000, true),
        (20, 8_000, true),
        (9_000, 0, false),
        (5_000, 5_000, false),
        (20, 100_000, false),
    ] {
        let mut link = format!("{APP}/app/kibana?_g={}", text(query));
        if fragment > 0 {
            link = format!("{link}#/discover?_a={}", text(fragment));
        }
        let browser = stack.browser().await;
        browser.visit(&link).await;
        browser.sign_in_as("alice").await;
        let at_app = |url: &url::Url| url.as_str().starts_with(APP);
        let end = browser.wait_for_url("the app", at_app).await;
        let root = format!("{APP}/");
        let expected = if arrives { &link } else { &root };
        assert_eq!(end.as_str(), expected, "{query} {fragment}");
        assert!(browser.text().await.contains("\"app\":\"alertmanager\""));
        assert_no_console_errors(&browser, &[]).await;
    }
}
