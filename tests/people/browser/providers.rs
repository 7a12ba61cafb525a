//! Several providers: the choice, and protection against mix-up attacks.

use portcullis_tests::lab::full_stack::{APP, URL};
use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::{Call, FullStack, UserAgent};
use serde_json::json;
use url::Url;

use crate::browser::{assert_no_console_errors, two_providers};

#[tokio::test]
async fn a_user_chooses_a_provider_and_a_name_skips_the_choice() {
    let stack = two_providers().await;
    let issuers: Vec<&str> = stack.providers.iter().map(|one| one.issuer()).collect();
    let browser = stack.browser().await;
    let link = format!("{APP}/chosen?x=1#y=2");
    browser.visit(&link).await;
    assert!(browser.text().await.contains("alertmanager.example.com"));
    browser.click("a[href*='provider=google']").await;
    let at_google = |url: &Url| url.as_str().starts_with(issuers[1]);
    browser.wait_for_url("the chosen provider", at_google).await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.as_str() == link)
        .await;
    let seen = stack.app_requests("GET", "/chosen?x=1").pop().unwrap();
    let caller = json!(["x-portcullis-caller", "google/alice"]);
    assert!(
        seen["headers"].as_array().unwrap().contains(&caller),
        "{seen}"
    );

    let start = format!("{URL}/oauth2/start?provider=gitlab&rd={APP}/named");
    browser.visit(&start).await;
    let at_gitlab = |url: &Url| url.as_str().starts_with(issuers[0]);
    browser.wait_for_url("the named provider", at_gitlab).await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.path() == "/named")
        .await;
    let seen = stack.app_requests("GET", "/named").pop().unwrap();
    let caller = json!(["x-portcullis-caller", "gitlab/alice"]);
    assert!(
        seen["headers"].as_array().unwrap().contains(&caller),
        "{seen}"
    );
    assert_no_console_errors(&browser, &[]).await;
}

/// Starts a sign-in at this provider, where the user has a session, and returns the URL of the callback.
async fn provider_response(user: &mut UserAgent, provider: &str) -> Url {
    let start = format!("{URL}/oauth2/start?provider={provider}&initiator=user&rd={APP}/mixed");
    let authorization = user.step(&start).await.redirect().unwrap();
    let callback = user.step(authorization.as_str()).await.redirect().unwrap();
    assert_eq!(callback.path(), format!("/oauth2/callback/{provider}"));
    callback
}

fn parameter(url: &Url, name: &str) -> String {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(own, _)| own == name);
    found
        .unwrap_or_else(|| panic!("{url} has no {name}"))
        .1
        .into_owned()
}

/// The callback URL of this provider.
fn callback(provider: &str, state: &str, code: &str, iss: Option<&str>) -> String {
    let mut url = Url::parse(&format!("{URL}/oauth2/callback/{provider}")).unwrap();
    url.query_pairs_mut()
        .append_pair("state", state)
        .append_pair("code", code)
        .extend_pairs(iss.map(|iss| ("iss", iss)));
    url.into()
}

#[tokio::test]
async fn r04_mixed_up_responses_of_providers_are_rejected() {
    // A stack of its own, because the requests to the providers are counted.
    let stack = FullStack::with()
        .providers(&["gitlab", "google"])
        .start()
        .await;
    let mut alice = stack.user_agent();
    for provider in ["gitlab", "google"] {
        alice
            .visit(&format!(
                "{URL}/oauth2/start?provider={provider}&rd={APP}/{provider}"
            ))
            .await;
        let page = alice.sign_in_as("alice").await;
        assert_eq!(page.url.as_str(), format!("{APP}/{provider}"));
    }
    let issuers: Vec<&str> = stack.providers.iter().map(|one| one.issuer()).collect();
    let (gitlab, google) = (issuers[0], issuers[1]);
    let redeemed = async || {
        let at = |one: usize| stack.providers[one].count(Route::Token);
        at(0).await + at(1).await
    };
    let before = redeemed().await;

    for (what, provider, whose_state, iss, status) in [
        (
            "google's response to gitlab's request",
            "gitlab",
            "gitlab",
            Some(google),
            403,
        ),
        ("the same without iss", "gitlab", "gitlab", None, 502),
        (
            "google's response at gitlab's callback",
            "gitlab",
            "google",
            Some(google),
            403,
        ),
        (
            "the same, with gitlab's iss",
            "gitlab",
            "google",
            Some(gitlab),
            403,
        ),
        (
            "gitlab's request at google's callback",
            "google",
            "gitlab",
            Some(google),
            403,
        ),
        (
            "google's response with gitlab's iss",
            "google",
            "google",
            Some(gitlab),
            403,
        ),
        (
            "google's response without iss",
            "google",
            "google",
            None,
            502,
        ),
        (
            "an iss that only looks the same",
            "google",
            "google",
            Some(&*format!("{google}/")),
            403,
        ),
    ] {
        let at_gitlab = provider_response(&mut alice, "gitlab").await;
        let at_google = provider_response(&mut alice, "google").await;
        let state = match whose_state {
            "gitlab" => parameter(&at_gitlab, "state"),
            _ => parameter(&at_google, "state"),
        };
        let code = parameter(&at_google, "code");
        let page = alice.step(&callback(provider, &state, &code, iss)).await;
        assert_eq!(page.response.status, status, "{what}: {}", page.text());
        let info = alice
            .fetch(&format!("{URL}/oauth2/userinfo"), Call::get("", ""))
            .await;
        assert_eq!(info.status, 401, "{what}: nobody is signed in");
        assert_eq!(redeemed().await, before, "{what}: no token request");
    }
    let complete = provider_response(&mut alice, "google").await;
    assert_eq!(parameter(&complete, "iss"), google);
    assert_eq!(
        alice.visit(complete.as_str()).await.url.as_str(),
        format!("{APP}/mixed")
    );
}
