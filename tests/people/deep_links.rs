//! Long links to pages of apps, as Kibana and Grafana write them: they survive the sign-in, or end at the
//! app's root.

use portcullis_tests::lab::full_stack::{APP, URL};
use portcullis_tests::lab::{Call, FullStack, UserAgent};
use tokio::sync::OnceCell;
use url::form_urlencoded::byte_serialize;

async fn shared_stack() -> &'static FullStack {
    static STACK: OnceCell<FullStack> = OnceCell::const_new();
    STACK
        .get_or_init(async || FullStack::with().start().await)
        .await
}

/// A link of this length after `APP`, in bytes. A browser sends each of its characters as it is.
fn link(start: &str, bytes: usize) -> String {
    let pattern = "_g=(filters:!(),time:(from:now-15m,to:now))&var-job=api%2Fv1%20%7Bx%7D;";
    let pattern = pattern.chars().cycle();
    let mut link: String = start.chars().chain(pattern).take(bytes - 10).collect();
    // Not in the middle of an escaped byte.
    link.push_str("0123456789");
    link
}

fn start(rd: &str) -> String {
    let rd: String = byte_serialize(rd.as_bytes()).collect();
    format!("{URL}/oauth2/start?rd={rd}")
}

/// Where a new user arrives who opens this URL and signs in.
async fn arrival(stack: &FullStack, url: &str) -> UserAgent {
    let mut user = stack.user_agent();
    user.visit(url).await;
    user.sign_in_as("alice").await;
    let page = user.page();
    assert_eq!(page.response.status, 200, "{}: {}", page.url, page.text());
    assert_eq!(user.cookies().dropped(), [""; 0], "{url}");
    user
}

#[tokio::test]
async fn r06_links_of_up_to_eight_kib_survive_the_sign_in() {
    let stack = shared_stack().await;
    for bytes in [100, 2_700, 4_000, 4_096, 5_500, 8_000, 8_192 - APP.len()] {
        let link = link("/app/kibana?", bytes);
        let user = arrival(stack, &format!("{APP}{link}")).await;
        assert_eq!(user.page().url.as_str(), format!("{APP}{link}"), "{bytes}");
        assert_eq!(stack.app_requests("GET", &link).len(), 1, "{bytes}");
        let left = user.cookies().names();
        let attempts = left.iter().filter(|name| name.contains("-login-"));
        assert_eq!(attempts.count(), 1, "only the completed one: {left:?}");
    }
}

#[tokio::test]
async fn r06_a_longer_link_ends_at_the_apps_root() {
    let stack = shared_stack().await;
    for bytes in [8_193 - APP.len(), 8_192, 8_193, 12_000, 20_000] {
        let link = link("/app/kibana?", bytes);
        let user = arrival(stack, &format!("{APP}{link}")).await;
        assert_eq!(user.page().url.as_str(), format!("{APP}/"), "{bytes}");
    }
}

#[tokio::test]
async fn r06_a_redirect_target_with_a_fragment_has_the_same_limit() {
    let stack = shared_stack().await;
    for (query, fragment, arrives) in [
        (20, 2_700, true),
        (2_700, 20, true),
        (4_000, 4_000, true),
        (20, 8_000, true),
        (4_000, 4_300, false),
        (20, 12_000, false),
        (9_000, 20, false),
    ] {
        let (query, fragment) = (link("/d/x?", query), link("/discover?", fragment));
        let full = format!("{APP}{query}#{fragment}");
        let user = arrival(stack, &start(&full)).await;
        let expected = if arrives { full } else { format!("{APP}/") };
        assert_eq!(user.page().url.as_str(), expected);
    }
}

#[tokio::test]
async fn r06_a_long_target_that_leads_elsewhere_is_rejected() {
    let stack = shared_stack().await;
    let long = "x".repeat(9_000);
    for rd in [
        format!("https://evil.example/{long}"),
        format!("https://evil.example\\@alertmanager.example.com/{long}"),
        format!("https://alertmanager.example.com@evil.example/{long}"),
        format!("http://alertmanager.example.com/{long}"),
        format!("{APP}:8443/{long}"),
        format!("javascript:{long}"),
    ] {
        let call = Call::get("auth.example.com", start(&rd).trim_start_matches(URL));
        let response = stack.gateway.call(call).await;
        assert_eq!(response.status, 400, "{}", &rd[..60]);
        assert!(!response.text().contains("evil"), "{}", response.text());
    }
    // Nothing need be at the root of the companion's host: the user is signed in there.
    let mut user = stack.user_agent();
    user.visit(&start(&format!("/{long}"))).await;
    let page = user.sign_in_as("alice").await;
    assert!(page.text().contains("You are signed in"), "{}", page.text());
}

#[tokio::test]
async fn a_sign_out_with_a_long_redirect_target_returns_to_it_or_to_the_root() {
    // The provider's logout ends the user's sign-ins of other tests.
    let stack = &FullStack::with().start().await;
    for (bytes, arrives) in [(8_000, true), (9_000, false)] {
        let mut user = arrival(stack, &format!("{APP}/")).await;
        let target = format!("{APP}{}", link("/d/x?", bytes));
        let rd: String = byte_serialize(target.as_bytes()).collect();
        user.visit(&format!("{URL}/oauth2/sign_out?rd={rd}")).await;
        let form = user.page().forms().into_iter().next().unwrap();
        user.submit(form).await;
        let page = user.confirm_sign_out().await;
        assert!(page.text().contains("signed out"), "{}", page.text());
        let expected = if arrives { target } else { format!("{APP}/") };
        let links: Vec<String> = page.links().into_iter().map(String::from).collect();
        assert!(links.contains(&expected), "{links:?}");
    }
}
