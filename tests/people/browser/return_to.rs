//! Redirect targets (`rd`): every endpoint that reads an `rd` rejects those of open-redirect attacks, as
//! a real browser resolves them.

mod addresses;

use portcullis_tests::lab::full_stack::{APP, URL};
use portcullis_tests::lab::user_agent::Page;
use portcullis_tests::lab::{Browser, Call};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::browser::{assert_no_console_errors, shared_stack};
use addresses::{ELSEWHERE, NORMALIZED, UNUSUAL};

fn encoded(rd: &str) -> String {
    byte_serialize(rd.as_bytes()).collect()
}

/// Requests with this `rd` to every endpoint that reads one, and whether it must refuse the request. The
/// others ignore the `rd`.
fn endpoints(rd: &str) -> Vec<(&'static str, Call, bool)> {
    let get = |path: &str| Call::get("auth.example.com", path);
    let post = Call::post("auth.example.com", "/oauth2/sign_out")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", URL);
    let page = |call: Call| call.header("sec-fetch-mode", "navigate");
    let start = format!("/oauth2/start?rd={rd}");
    let out = format!("/oauth2/sign_out?rd={rd}");
    vec![
        ("start", page(get(&start)), true),
        ("start, for a script", get(&start), true),
        (
            "start, second step",
            page(get(&format!("{start}&initiator=user"))),
            true,
        ),
        (
            "start, with a provider",
            page(get(&format!("{start}&provider=sso"))),
            true,
        ),
        (
            "start, two rd",
            page(get(&format!("/oauth2/start?rd={APP}/&rd={rd}"))),
            true,
        ),
        (
            "sign_in",
            page(get(&format!("/oauth2/sign_in?rd={rd}"))),
            true,
        ),
        ("sign_out", page(get(&out)), false),
        (
            "sign_out, by form",
            page(post.body(format!("rd={rd}"))),
            false,
        ),
        (
            "sign_out, prompt",
            page(get(&out)).header("sec-fetch-site", "cross-site"),
            false,
        ),
        (
            "sign_out, return",
            page(get(&format!("{out}&state=unknown"))),
            false,
        ),
    ]
}

#[tokio::test]
async fn r06_t18_no_endpoint_is_an_open_redirect() {
    let stack = shared_stack().await;
    for hostile in NORMALIZED.iter().chain(ELSEWHERE) {
        for (endpoint, call, refuses) in endpoints(&encoded(hostile)) {
            let response = stack.gateway.call(call).await;
            let status = if refuses { 400 } else { 200 };
            assert_eq!(
                response.status,
                status,
                "{endpoint}, {hostile:?}: {}",
                response.text()
            );
            assert_eq!(response.header("location"), None, "{endpoint}, {hostile:?}");
            let text = response.text();
            assert!(
                !text.contains("evil.example"),
                "{endpoint}, {hostile:?}: {text}"
            );
            assert!(
                !text.contains("http-equiv"),
                "{endpoint}, {hostile:?}: {text}"
            );
            let page = Page {
                url: Url::parse(URL).unwrap(),
                response,
            };
            let forms = page.forms();
            let mut fields = forms.iter().flat_map(|form| &form.fields);
            assert!(
                fields.all(|(name, _)| name != "rd"),
                "{endpoint}, {hostile:?}"
            );
            let actions = forms.into_iter().map(|form| form.action);
            for url in actions.chain(page.links()) {
                assert_eq!(
                    url.host_str(),
                    Some("auth.example.com"),
                    "{endpoint}, {hostile:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn r06_the_filter_redirects_to_the_companion_only() {
    let stack = shared_stack().await;
    let trust = stack.authority.trust();
    for authority in [
        "alertmanager.example.com:443",
        "alertmanager.example.com:8443",
        "ALERTMANAGER.example.com",
        "alertmanager.example.com:443@evil.example",
        "alertmanager.example.com@evil.example",
        "alertmanager.example.com.",
        "evil.example",
    ] {
        let call = Call::get(authority, "//evil.example/\\evil.example?rd=//evil.example");
        let call = call.header("sec-fetch-mode", "navigate");
        let response =
            call.try_send_as("alertmanager.example.com", stack.gateway.address(), &trust);
        let response = response.await.unwrap();
        if let Some(location) = response.header("location") {
            let start = format!("{URL}/oauth2/start?rd=https%3A%2F%2F");
            assert!(location.starts_with(&start), "{authority}: {location}");
            let after = location.trim_start_matches(&start);
            assert!(
                after
                    .to_ascii_lowercase()
                    .starts_with("alertmanager.example.com"),
                "{location}"
            );
            assert!(!after.contains(['/', '@', '\\']), "{location}");
        } else {
            assert!(
                matches!(response.status, 400 | 403 | 404),
                "{authority}: {}",
                response.status
            );
        }
    }
}

/// The host of the current page and the hosts of its links and forms, as the browser parses them.
async fn hosts(browser: &Browser) -> Value {
    let script = "return [location].concat([...document.links])\
                  .concat([...document.forms].map((form) => new URL(form.action)))\
                  .map((url) => url.host)";
    browser.run(script).await
}

#[tokio::test]
async fn r06_t18_a_real_browser_is_not_redirected_to_another_host() {
    let stack = shared_stack().await;
    let browser = stack.browser().await;
    for hostile in NORMALIZED {
        browser
            .visit(&format!("{URL}/oauth2/start?rd={}", encoded(hostile)))
            .await;
        // The page itself and its one link.
        let hosts = hosts(&browser).await;
        assert_eq!(
            hosts,
            json!(["auth.example.com", "auth.example.com"]),
            "{hostile:?}"
        );
    }
    browser.visit(&format!("{APP}/first")).await;
    browser.sign_in_as("alice").await;
    browser
        .wait_for_url("the app", |url| url.path() == "/first")
        .await;
    for (unusual, path) in UNUSUAL {
        browser
            .visit(&format!("{URL}/oauth2/start?rd={}", encoded(unusual)))
            .await;
        let end = browser
            .wait_for_url(unusual, |url| url.as_str().starts_with(APP))
            .await;
        assert_eq!(end.as_str(), format!("{APP}{path}"), "{unusual}");
        assert_eq!(
            browser.run("return location.host").await,
            json!("alertmanager.example.com")
        );
    }
    assert_no_console_errors(&browser, &[400]).await;
}
