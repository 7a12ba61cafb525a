//! Users with sessions.

use portcullis_tests::lab::Call;
use portcullis_tests::lab::app::CACHED;
use portcullis_tests::lab::wait::{self, LONG};
use serde_json::json;

use crate::forward_auth::fixture::{AUTH, Fixture, forwarded};
use crate::forward_auth::proxies::HOST;
use crate::forward_auth::sign_in_fixture::{PAGE, SignInFixture, cookies};

#[tokio::test]
async fn a_user_signs_in_and_returns_to_the_same_page() {
    let sign_in = SignInFixture::start(json!({})).await;
    let alice = sign_in.alice().await;
    assert_eq!(alice.page().url.as_str(), PAGE);
    let identity = [
        ("x-auth-request-email", "alice@example.com"),
        ("x-auth-request-groups", "sre,a%2Cb"),
        ("x-auth-request-preferred-username", "alice"),
        ("x-auth-request-user", "alice"),
        ("x-portcullis-caller", "sso/alice"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let received = forwarded(&alice.page().response);
    assert_eq!(received.identity(), identity);
    assert_eq!(received.0["path"], "/graph?g0.expr=a%26b%2Bc&g0.tab=0");
    // The same session behind each proxy. The app gets only its own cookies.
    let session_cookies = cookies(&alice);
    assert!(
        session_cookies.contains("__Secure-portcullis=")
            && session_cookies.contains("__Secure-portcullis-session")
    );
    for proxy in &sign_in.fixture.proxies {
        let call =
            Call::get(HOST, "/").header("cookie", format!("theme=dark; {session_cookies}; a=b"));
        let received = forwarded(&proxy.send(call).await);
        assert_eq!(received.identity(), identity, "{}", proxy.name);
        assert_eq!(
            received.all("cookie"),
            ["theme=dark; a=b"],
            "{}",
            proxy.name
        );
        let received = forwarded(
            &proxy
                .send(Call::get(HOST, "/").header("cookie", &session_cookies))
                .await,
        );
        let left: String = received.all("cookie").concat();
        assert_eq!(left, "", "{}", proxy.name);
    }
}

#[tokio::test]
async fn h13_browsers_are_redirected_to_sign_in_and_programs_are_not() {
    let fixture = Fixture::start().await;
    let start = format!(
        "{AUTH}/oauth2/start?rd=https%3A%2F%2F{HOST}%2Fgraph%3Fg0.expr%3Da%2526b%26g0.tab%3D0"
    );
    for proxy in &fixture.proxies {
        let page = Call::get(HOST, "/graph?g0.expr=a%26b&g0.tab=0");
        let navigation = page.clone().header("sec-fetch-mode", "navigate");
        let old_browser = page.clone().header("accept", "text/html,*/*;q=0.8");
        for call in [navigation, old_browser] {
            let response = proxy.send(call).await;
            if proxy.forwards_refusal_body {
                assert_eq!(response.status, 401, "{}", proxy.name);
                assert!(response.text().contains(&format!("href=\"{start}\"")));
                let security = response.header("content-security-policy").unwrap();
                assert!(security.contains("script-src 'sha256-"), "{security}");
            } else {
                assert_eq!(response.status, 302, "{}", proxy.name);
                assert_eq!(response.header("location").as_deref(), Some(&*start));
            }
        }
        let script = page.clone().header("sec-fetch-mode", "cors");
        let script = script.header("accept", "text/html");
        for call in [page, script] {
            let response = proxy.send(call).await;
            assert_eq!(response.status, 401, "{}", proxy.name);
            assert_eq!(response.header("location"), None);
            assert!(!response.text().contains(AUTH));
        }
        // A redirect would lose what was entered.
        let form = Call::post(HOST, "/graph").header("accept", "text/html");
        let response = proxy.send(form).await;
        assert_eq!(response.status, 401, "{}", proxy.name);
        assert_eq!(response.header("location"), None);
    }
}

#[tokio::test]
async fn a_session_is_refreshed_behind_each_proxy() {
    let sign_in = SignInFixture::start(json!({"token": "5s"})).await;
    let alice = sign_in.alice().await;
    let session_cookies = cookies(&alice);
    for proxy in &sign_in.fixture.proxies {
        let call = Call::get(HOST, "/").header("cookie", &session_cookies);
        let fresh = wait::until("a new token", LONG, async || {
            let response = proxy.send(call.clone()).await;
            forwarded(&response);
            let mut lines = response.all("set-cookie");
            assert!(lines.len() <= 1, "{}: {lines:?}", proxy.name);
            lines.pop()
        });
        let fresh = fresh.await;
        let (pair, attributes) = fresh.split_once("; ").unwrap();
        assert!(pair.starts_with("__Secure-portcullis="), "{pair}");
        assert!(attributes.contains("Secure; HttpOnly; SameSite=Lax"));
        assert!(!session_cookies.contains(pair), "{}", proxy.name);
        // The session token alone is accepted, until it expires.
        let call = Call::get(HOST, "/").header("cookie", pair);
        let response = proxy.send(call).await;
        assert_eq!(response.status, 200, "{}", proxy.name);
    }
    // A session without the sealed cookie requires a new sign-in.
    let (_, sealed) = session_cookies.split_once("; ").unwrap();
    assert!(
        sealed.starts_with("__Secure-portcullis-session"),
        "{sealed}"
    );
    let token_alone = session_cookies.split_once("; ").unwrap().0;
    for proxy in &sign_in.fixture.proxies {
        let call = Call::get(HOST, "/").header("cookie", token_alone);
        let response = proxy.send(call).await;
        assert_eq!(response.status, 401, "{}", proxy.name);
        assert_eq!(response.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn h11_a_response_with_session_cookies_is_not_cacheable() {
    let sign_in = SignInFixture::start(json!({"token": "5s"})).await;
    let alice = sign_in.alice().await;
    let call = Call::get(HOST, CACHED).header("cookie", cookies(&alice));
    // Envoy's ext_authz cannot change the app's cache headers, and its configuration says so.
    for proxy in sign_in
        .fixture
        .proxies
        .iter()
        .filter(|proxy| proxy.name != "Envoy")
    {
        wait::until_true("a new token", LONG, async || {
            let response = proxy.send(call.clone()).await;
            assert_eq!(response.status, 200, "{}", proxy.name);
            let is_fresh = response.header("set-cookie").is_some();
            let expected = if is_fresh {
                "no-store"
            } else {
                "public, max-age=60"
            };
            assert_eq!(response.all("cache-control"), [expected], "{}", proxy.name);
            is_fresh
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_is_accepted_from_the_apps_own_pages_only() {
    let sign_in = SignInFixture::start(json!({})).await;
    let alice = sign_in.alice().await;
    let session_cookies = cookies(&alice);
    for proxy in &sign_in.fixture.proxies {
        let post = Call::post(HOST, "/api/v2/silences")
            .header("cookie", &session_cookies)
            .body(r#"{"comment":"test"}"#);
        let own = post.clone().header("sec-fetch-site", "same-origin");
        let received = forwarded(&proxy.send(own).await);
        assert_eq!(received.0["method"], "POST", "{}", proxy.name);
        assert_eq!(received.0["body_bytes"], 18, "{}", proxy.name);
        for (name, value) in [
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://grafana.example.com"),
        ] {
            let response = proxy.send(post.clone().header(name, value)).await;
            assert_eq!(response.status, 403, "{}: {value}", proxy.name);
        }
        let websocket = Call::get(HOST, "/live")
            .header("cookie", &session_cookies)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13");
        let own = websocket.clone().header("sec-fetch-site", "same-origin");
        assert_eq!(proxy.send(own).await.status, 101, "{}", proxy.name);
        for (name, value) in [
            ("sec-fetch-site", "same-site"),
            ("origin", "https://grafana.example.com"),
        ] {
            let response = proxy.send(websocket.clone().header(name, value)).await;
            assert_eq!(response.status, 403, "{}: {value}", proxy.name);
        }
    }
}

#[tokio::test]
async fn r06_a_long_link_survives_the_sign_in_behind_nginx() {
    let sign_in = SignInFixture::start(json!({})).await;
    let [proxy, _, _] = &sign_in.fixture.proxies;
    for (bytes, arrives) in [(2_700, true), (8_000, true), (9_000, false)] {
        let query = "a=(b:!(),c:%7B%22x%22%7D)&".repeat(bytes / 26);
        let page = format!("https://{HOST}/graph?{query}");
        let mut user = sign_in.user_agent(proxy.address);
        user.visit(&page).await;
        user.sign_in_as("alice").await;
        let root = format!("https://{HOST}/");
        let expected = if arrives { &page } else { &root };
        let end = user.page();
        assert_eq!(end.url.as_str(), expected, "{} {bytes}", proxy.name);
        assert_eq!(end.response.status, 200, "{} {bytes}", proxy.name);
    }
}
