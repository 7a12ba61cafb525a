//! Apps whose pages use the platform in ways that gates with cookies break: service workers, requests
//! without credentials, and pages that disclose no origin.

use portcullis_tests::lab::app::SERVICE_WORKER;
use portcullis_tests::lab::full_stack::APP;
use portcullis_tests::lab::{Browser, FullStack};

use crate::browser::{assert_no_console_errors, shared_stack};

async fn signed_in(stack: &FullStack, path: &str) -> Browser {
    let browser = stack.browser().await;
    browser.visit(&format!("{APP}{path}")).await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.path() == path)
        .await;
    browser
}

/// The header of a request that reached the app.
fn header(request: &serde_json::Value, name: &str) -> Option<String> {
    let headers = request["headers"].as_array()?;
    let found = headers.iter().find(|header| header[0] == name)?;
    found[1].as_str().map(str::to_owned)
}

#[tokio::test]
async fn h13_a_page_of_a_service_worker_leads_to_sign_in_and_back() {
    let stack = shared_stack().await;
    let browser = signed_in(stack, "/pwa").await;
    let register = format!(
        "return navigator.serviceWorker.register('{SERVICE_WORKER}')
            .then(() => navigator.serviceWorker.ready).then(() => true)"
    );
    assert_eq!(browser.run(&register).await, true);
    browser.client().delete_all_cookies().await.unwrap();
    // The worker passes on the redirect to sign in, and the provider knows the user.
    browser.visit(&format!("{APP}/pwa?again=1#now")).await;
    browser
        .wait_for_url("the app", |url| url.query() == Some("again=1"))
        .await;
    assert!(browser.text().await.contains("/pwa?again=1"));
    let controlled = "return navigator.serviceWorker.controller !== null";
    assert_eq!(browser.run(controlled).await, true);
    assert_no_console_errors(&browser, &[]).await;
}

#[tokio::test]
async fn h13_a_request_without_credentials_gets_a_401_that_the_page_can_read() {
    let stack = shared_stack().await;
    let browser = signed_in(stack, "/manifest").await;
    // A manifest is requested in this way.
    let fetch = "return fetch('/manifest.json', {credentials: 'omit'})
                    .then((response) => [response.status, response.redirected])";
    assert_eq!(
        browser.run(fetch).await,
        serde_json::json!([401, false]),
        "no redirect to another origin"
    );
    assert!(stack.app_requests("GET", "/manifest.json").is_empty());
    assert_no_console_errors(&browser, &[401]).await;
}

#[tokio::test]
async fn a_form_of_a_page_with_the_policy_no_referrer_reaches_its_own_app() {
    let stack = shared_stack().await;
    let browser = signed_in(stack, "/no-referrer").await;
    let submit = "
        const policy = document.createElement('meta');
        policy.name = 'referrer';
        policy.content = 'no-referrer';
        document.head.append(policy);
        const form = document.createElement('form');
        form.method = 'post';
        form.action = '/no-referrer/send';
        document.body.append(form);
        form.submit()";
    browser.run(submit).await;
    browser
        .wait_for_url("a response", |url| url.path() == "/no-referrer/send")
        .await;
    let seen = stack.app_requests("POST", "/no-referrer/send");
    assert_eq!(seen.len(), 1, "{}", browser.text().await);
    // What the browser sends if the page discloses nothing.
    assert_eq!(header(&seen[0], "origin").as_deref(), Some("null"));
    assert_no_console_errors(&browser, &[]).await;
}
