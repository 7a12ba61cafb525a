//! Users with a real browser: Chromium, a real Envoy with the filter, the companion, real
//! providers.

mod accessibility;
mod apps;
mod cookies;
mod deep_links;
mod providers;
mod return_to;
mod sessions;
mod signing_in;
mod signing_out;
mod tabs;

use portcullis_tests::lab::{Browser, FullStack};
use tokio::sync::OnceCell;

/// One stack shared by the tests that do not change it. Other tests start their own.
async fn shared_stack() -> &'static FullStack {
    static STACK: OnceCell<FullStack> = OnceCell::const_new();
    STACK
        .get_or_init(async || FullStack::with().start().await)
        .await
}

/// A stack with two providers, of which `google` signs users out without a prompt.
async fn two_providers() -> &'static FullStack {
    static TWO_PROVIDERS: OnceCell<FullStack> = OnceCell::const_new();
    let stack = FullStack::with()
        .providers(&["gitlab", "google"])
        .signs_out_without_prompt("google");
    TWO_PROVIDERS
        .get_or_init(async || stack.start().await)
        .await
}

/// Checks that the console has no errors since the last call, except that pages with these statuses
/// were refused as expected.
async fn assert_no_console_errors(browser: &Browser, refusals: &[u16]) {
    let mut lines = browser.console().await;
    // Errors of the provider's own pages are not ours.
    for other in ["https://localhost:", "https://fonts.googleapis.com/"] {
        lines.retain(|line| !line.split_once(": ").unwrap().1.starts_with(other));
    }
    for status in refusals {
        let message = format!("the server responded with a status of {status} (");
        lines.retain(|line| !line.contains(&message));
    }
    assert!(lines.is_empty(), "{lines:#?}");
}
