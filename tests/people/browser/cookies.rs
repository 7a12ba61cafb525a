//! Cookies as the browser stores them.

use portcullis_tests::lab::full_stack::{APP, COOKIE_PREFIX};
use portcullis_tests::lab::{Browser, token};
use serde_json::{Value, json};

use crate::browser::{assert_no_console_errors, shared_stack};

/// The prefix of the names of sign-in attempts' cookies.
const LOGIN: &str = "__Host-portcullis-login-";

/// Our cookies. The names of session cookies are without their prefix.
async fn our_cookies(browser: &Browser) -> Vec<(String, Value)> {
    let all = browser.cookies().await.into_iter();
    let mut our_cookies: Vec<(String, Value)> = all
        .filter_map(|cookie| {
            let name = cookie["name"].as_str().unwrap();
            let attempt = name.starts_with(LOGIN).then_some(name);
            let rest = name.strip_prefix(COOKIE_PREFIX).or(attempt);
            rest.map(|rest| (rest.to_owned(), cookie.clone()))
        })
        .collect();
    our_cookies.sort_by(|(one, _), (other, _)| one.cmp(other));
    our_cookies
}

/// Checks the attributes of our cookies, and their lifetimes.
fn assert_attributes(cookie: &Value, domain: &str, seconds: i64) {
    assert_eq!(cookie["domain"], domain, "{cookie}");
    assert_eq!(cookie["path"], "/", "{cookie}");
    assert_eq!(cookie["secure"], true, "{cookie}");
    assert_eq!(cookie["httpOnly"], true, "{cookie}");
    assert_eq!(cookie["sameSite"], "Lax", "{cookie}");
    let left = cookie["expires"].as_f64().unwrap() as i64 - token::now();
    assert!(
        (1..=seconds).contains(&left),
        "{left} of {seconds}: {cookie}"
    );
}

#[tokio::test]
async fn c01_c02_our_cookies_are_hidden_from_scripts_other_hosts_and_clear_text() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    browser.visit(&format!("{APP}/cookies")).await;
    // During a sign-in there is one cookie for this attempt. It is host-only: its domain has no
    // leading dot.
    let during = our_cookies(&browser).await;
    assert_eq!(during.len(), 1, "{during:?}");
    let (attempt, cookie) = &during[0];
    assert!(attempt.starts_with(LOGIN), "{attempt}");
    assert_attributes(cookie, "auth.example.com", 600);

    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.path() == "/cookies")
        .await;
    let after = our_cookies(&browser).await;
    let names: Vec<&str> = after.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["", "-session", "__Host-portcullis-login-done"],
        "the cookie of the attempt is deleted"
    );
    for (name, cookie) in &after {
        match name.as_str() {
            "__Host-portcullis-login-done" => assert_attributes(cookie, "auth.example.com", 10),
            _ => assert_attributes(cookie, ".example.com", 12 * 3600),
        }
    }
    assert_eq!(browser.run("return document.cookie").await, json!(""));
    // A page in clear text cannot set a cookie with these names, and a subdomain's script cannot
    // set one that is not `Secure`.
    let overwrite = format!("document.cookie = '{COOKIE_PREFIX}=x; path=/; domain=example.com'");
    browser.run(&overwrite).await;
    assert_eq!(our_cookies(&browser).await.len(), after.len());
    browser.visit(&format!("{APP}/cookies?again")).await;
    assert_eq!(stack.app_requests("GET", "/cookies?again").len(), 1);
    assert_no_console_errors(&browser, &[]).await;
}
