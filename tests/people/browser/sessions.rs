//! Sessions that expire while the user fills in a form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::full_stack::{APP, COOKIE_PREFIX};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Browser, FullStack, wait};
use serde_json::Value;

use crate::browser::{assert_no_console_errors, shared_stack};

/// Submits a form of the app's own page.
async fn submit_form(browser: &Browser, path: &str, text: &str) {
    let script = format!(
        "const form = document.createElement('form'); form.method = 'post'; form.action = '{path}'; \
         const field = document.createElement('input'); field.name = 'text'; field.value = '{text}'; \
         form.append(field); document.body.append(form); form.submit()"
    );
    browser.run(&script).await;
    let target = format!("{APP}{path}");
    browser
        .wait_for_url("a response", |url| url.as_str() == target)
        .await;
}

/// The claims of the session token in the browser.
async fn session_token(browser: &Browser) -> Value {
    let cookies = browser.cookies().await;
    let cookie = cookies
        .iter()
        .find(|cookie| cookie["name"] == COOKIE_PREFIX);
    let token = cookie.expect("a session token")["value"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    serde_json::from_slice(&claims.unwrap()).unwrap()
}

#[tokio::test]
async fn a_form_sent_after_the_session_token_expired_reaches_the_app_once() {
    let stack = FullStack::with().token("5s").start().await;
    let browser = stack.browser().await;
    browser.visit(&format!("{APP}/form")).await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.path() == "/form")
        .await;
    let old = session_token(&browser).await;
    let is_expired = async || now() > old["exp"].as_i64().unwrap();
    wait::until_true("the expiry of the token", wait::LONG, is_expired).await;

    submit_form(&browser, "/form/send", "hello").await;
    let seen = stack.app_requests("POST", "/form/send");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["body_bytes"], "text=hello".len());
    assert!(browser.text().await.contains("/form/send"));
    let new = session_token(&browser).await;
    assert_eq!(new["sid"], old["sid"]);
    assert!(new["exp"].as_i64() > old["exp"].as_i64());
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn h13_a_form_without_a_session_is_refused_without_a_redirect() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    browser.visit(&format!("{APP}/form")).await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.path() == "/form")
        .await;
    browser.client().delete_all_cookies().await.unwrap();

    submit_form(&browser, "/form/lost", "hello").await;
    let text = browser.text().await;
    assert!(text.contains("no-credentials"), "{text}");
    assert!(stack.app_requests("POST", "/form/lost").is_empty());
    // Back navigation works: the previous page requires a sign-in, and the provider still knows the
    // user.
    browser.visit(&format!("{APP}/form?again=1")).await;
    browser
        .wait_for_url("the app", |url| url.query() == Some("again=1"))
        .await;
    assert_no_console_errors(&browser, &[401]).await;
}
