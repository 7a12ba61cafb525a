//! People with a real browser: Chromium, a real Envoy with the filter, the companion, real providers.

mod cookies;
mod looks;
mod providers;
mod return_to;
mod sessions;
mod signing_in;
mod signing_out;

use portcullis_tests::lab::{Browser, Way};
use tokio::sync::OnceCell;

/// One way for all who only walk it. What changes a part of it starts its own.
async fn way() -> &'static Way {
    static WAY: OnceCell<Way> = OnceCell::const_new();
    WAY.get_or_init(async || Way::with().start().await).await
}

/// One way with two providers, of which `google` signs people out without asking.
async fn two() -> &'static Way {
    static TWO: OnceCell<Way> = OnceCell::const_new();
    let way = Way::with()
        .providers(&["gitlab", "google"])
        .unasked("google");
    TWO.get_or_init(async || way.start().await).await
}

/// Looks whether the browser had nothing against any page of ours since the last look, but that
/// pages with these statuses were refusals, as they should be.
async fn is_content(browser: &Browser, refusals: &[u16]) {
    let mut lines = browser.console().await;
    // The provider's own pages are not ours to help.
    for foreign in ["https://localhost:", "https://fonts.googleapis.com/"] {
        lines.retain(|line| !line.split_once(": ").unwrap().1.starts_with(foreign));
    }
    for status in refusals {
        let told = format!("the server responded with a status of {status} (");
        lines.retain(|line| !line.contains(&told));
    }
    assert!(lines.is_empty(), "{lines:#?}");
}
