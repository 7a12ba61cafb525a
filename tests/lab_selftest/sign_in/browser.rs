//! A real browser.

use portcullis_tests::lab::provider::Client;
use portcullis_tests::lab::{App, Authority, Browser, Gateway, Prometheus, Provider, wait};
use serde_json::{Value, json};

use super::authorization_url;

#[tokio::test]
async fn a_browser_signs_in_at_a_real_provider() {
    let (own, others) = (Authority::new(), Authority::new());
    let app = App::start("companion").await;
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .tls(&others, &["*.portcullis.localhost", "*.example.com"])
        .app("auth.portcullis.localhost", app.address())
        .app("app.example.com", app.address())
        .start()
        .await;
    let port = gateway.address().port();
    let callback = format!("https://auth.portcullis.localhost:{port}/oauth2/callback");
    let provider = Provider::with(&own)
        .client(Client::new("portcullis", "s3cret").redirect(&callback))
        .account("alice", json!({"email": "alice@example.com"}))
        .start()
        .await;
    let addresses = [("app.example.com", gateway.address())];
    let browser = Browser::start_with(&[&own, &others], &addresses).await;

    browser.visit("https://app.example.com/page#fragment").await;
    assert!(browser.text().await.contains("companion"));
    assert_eq!(browser.url().await.fragment(), Some("fragment"));
    let script = "console.error('from the page'); return location.href";
    browser.client().execute(script, vec![]).await.unwrap();
    wait::until_true("a line of the console", wait::LONG, async || {
        let lines = browser.console().await;
        lines.iter().any(|line| line.contains("from the page"))
    })
    .await;

    let begin = authorization_url(&provider, &callback);
    browser.visit(begin.as_str()).await;
    let picture = browser.screenshot("provider-sign-in").await;
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    browser.sign_in_as("alice").await;
    let url = browser
        .wait_for_url("the callback", |url| url.path() == "/oauth2/callback")
        .await;
    assert!(url.query_pairs().any(|(name, _)| name == "code"));
}

#[tokio::test]
async fn a_browser_rejects_an_unknown_ca_and_ends_when_dropped() {
    let app = App::start("untrusted").await;
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .tls(&Authority::new(), &["*.portcullis.localhost"])
        .app("app.portcullis.localhost", app.address())
        .start()
        .await;
    let browser = Browser::start(&[&Authority::new()]).await;
    let url = format!(
        "https://app.portcullis.localhost:{}/",
        gateway.address().port()
    );
    let result = browser.client().goto(&url).await;
    let text = browser.text().await;
    assert!(
        text.contains("ERR_CERT_AUTHORITY_INVALID"),
        "{result:?} {text}"
    );
    assert_eq!(app.count(), 0);

    let profile = browser.profile().display().to_string();
    assert_ne!(processes_with(&profile), 0);
    drop(browser);
    wait::until_true("the exit of the browser", wait::LONG, async || {
        processes_with(&profile) == 0
    })
    .await;
}

#[tokio::test]
async fn prometheus_serves_its_pages() {
    let (prometheus, browser) = tokio::join!(Prometheus::start(), Browser::start(&[]));
    let page = format!("http://{}/graph", prometheus.address());
    browser.visit(&page).await;
    browser.type_into("textarea", "6*7").await;
    browser.click("input[value=Execute]").await;
    let has_result = async || browser.text().await.contains("scalar 42");
    wait::until_true("a result on the page", wait::LONG, has_result).await;
    browser.screenshot("prometheus").await;
}

/// The number of processes with this in their command line.
fn processes_with(text: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .filter(|line| String::from_utf8_lossy(line).contains(text))
        .count()
}
