//! Chromium's WebDriver command for console messages.

use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::json;
use url::{ParseError, Url};

/// Reads the messages and clears them.
#[derive(Debug)]
pub(super) struct ReadConsole;

impl WebDriverCompatibleCommand for ReadConsole {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}
