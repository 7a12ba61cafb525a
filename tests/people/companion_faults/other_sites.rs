//! Requests that another site can make a browser send.

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::{Call, UserAgent};
use serde_json::json;
use url::form_urlencoded::Serializer;

use crate::companion_faults::actions::{alerts, cookie_header, userinfo};
use crate::companion_faults::deployment::{APP, AUTH, Settings, URL};

#[tokio::test]
async fn t17_a_link_cannot_sign_a_user_in_as_somebody_else() {
    let deployment = Settings::single().start().await;
    let mut eve = deployment.user_agent(0);
    // A complete callback URL: it would sign in the attacker's own browser.
    let link = pending_sign_in(&mut eve, "eve").await;
    for (mut victim, own) in [
        (deployment.user_agent(0), None),
        (deployment.signed_in("alice", 0).await, Some("alice")),
    ] {
        let token_requests = deployment.provider.count(Route::Token).await;
        // Without the attempt's cookie the browser keeps its session, or its user signs in.
        victim.visit(&link).await;
        let response = userinfo(&mut victim).await;
        let is_own = match own {
            Some(user) => response.json()["user"] == user,
            None => response.status == 401,
        };
        assert!(is_own, "{own:?}: {}", response.text());
        assert_eq!(
            deployment.provider.count(Route::Token).await,
            token_requests
        );
    }
    // The code is still valid in its own browser.
    eve.visit(&link).await;
    assert_eq!(userinfo(&mut eve).await.json()["user"], "eve");
}

#[tokio::test]
async fn l01_another_site_cannot_sign_a_user_out() {
    let deployment = Settings::single().start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    let replica = &deployment.replicas[0];
    let cookies = cookie_header(&alice);
    for method in ["GET", "POST"] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            // Another host of the domain, and an image and a frame in an app's own page.
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-dest", "iframe"),
            // The browser has not shown the page to the user yet.
            ("sec-purpose", "prefetch;prerender"),
            ("origin", "https://evil.example.net"),
            ("origin", "null"),
            // Another host of the domain is not trusted either.
            ("origin", "https://evil.example.com"),
            ("origin", "http://auth.example.com"),
            ("referer", "https://evil.example.net/"),
            ("referer", "https://auth.example.com.evil.example.net/"),
            // Another port is another origin.
            ("origin", "https://auth.example.com:9443"),
            // A browser without Fetch Metadata, on a page that hides its referrer.
            ("accept-language", "en"),
        ] {
            let call = Call::new(method, AUTH, "/oauth2/sign_out")
                .header("accept", "text/html")
                .header("cookie", &cookies)
                .header(name, value);
            let response = replica.gateway.call(call).await;
            let what = format!("{method} with {name}: {value}");
            assert_eq!(response.status, 200, "{what}");
            assert!(
                response.text().contains("<form"),
                "{what}: {}",
                response.text()
            );
            assert_eq!(response.all("set-cookie"), [""; 0], "{what}");
        }
    }
    assert_eq!(replica.revocations().await["entries"], json!([]));
    assert_eq!(userinfo(&mut alice).await.status, 200);
    assert_eq!(alerts(&mut alice).await.status, 200);
    let sign_outs = deployment.provider.count(Route::EndSession).await;
    assert_eq!(sign_outs, 0, "no sign-out at the provider");
}

#[tokio::test]
async fn r11_subresources_and_frames_neither_start_a_sign_in_nor_end_a_session() {
    let deployment = Settings::single().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    for (name, value) in [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "iframe")] {
        for query in ["", "?initiator=user"] {
            let call = Call::new("GET", AUTH, &format!("/oauth2/start{query}"))
                .header("cookie", cookie_header(&alice))
                .header(name, value);
            let response = deployment.replicas[0].gateway.call(call).await;
            assert_eq!(response.status, 400, "{name}: {value}, {query}");
            assert_eq!(
                response.all("set-cookie"),
                [""; 0],
                "{name}: {value}, {query}"
            );
        }
    }
}

#[tokio::test]
async fn r11_another_site_neither_ends_nor_replaces_a_session_by_a_sign_in() {
    let deployment = Settings::single().start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    let cookies = cookie_header(&alice);
    for path in [
        "/oauth2/start",
        "/oauth2/start?initiator=user",
        "/oauth2/start?initiator=other-site",
        "/oauth2/start?initiator=",
        "/oauth2/start?initiator=user&provider=sso",
        "/oauth2/start?initiator=user&rd=%2F",
        "/oauth2/sign_in",
        "/oauth2/callback",
        "/oauth2/callback?state=x",
        "/oauth2/callback?state=x&code=y",
        "/oauth2/callback?state=x&error=access_denied",
        "/oauth2/sign_out?state=x",
        "/oauth2/userinfo",
        "/oauth2/nothing",
    ] {
        for site in [Some("cross-site"), Some("same-site"), Some("x"), None] {
            let mut call = Call::new("GET", AUTH, path)
                .header("accept", "text/html")
                .header("cookie", &cookies)
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document");
            if let Some(site) = site {
                call = call.header("sec-fetch-site", site);
            }
            // A browser without Fetch Metadata sends `Referer`.
            if site.is_none() {
                call = call.header("referer", "https://evil.example.net/");
            }
            let response = deployment.replicas[0].companion.call(call).await;
            for line in response.all("set-cookie") {
                let name = line.split('=').next().unwrap();
                assert!(name.contains("-login-"), "{path} from {site:?}: {line}");
            }
        }
    }
    assert_eq!(userinfo(&mut alice).await.status, 200);
    // The page that continues a sign-in started by another site is of our own origin.
    let elsewhere = format!(
        "{}/.well-known/openid-configuration",
        deployment.provider.issuer()
    );
    for path in [
        "/oauth2/start",
        "/oauth2/start?initiator=user",
        "/oauth2/sign_in",
    ] {
        alice.visit(&elsewhere).await;
        alice.follow(&format!("{URL}{path}")).await;
        assert_eq!(userinfo(&mut alice).await.status, 200, "{path}");
        assert_eq!(alerts(&mut alice).await.status, 200, "{path}");
    }
    // Only the user's own sign-in ends the old session at once.
    let call = |query: &str| {
        Call::new("GET", AUTH, &format!("/oauth2/start{query}"))
            .header("cookie", &cookies)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "same-origin")
    };
    for (query, deletes) in [("?initiator=user", true), ("?initiator=other-site", false)] {
        let response = deployment.replicas[0].companion.call(call(query)).await;
        assert_eq!(response.status, 302, "{query}");
        let lines = response.all("set-cookie");
        let deleted = lines
            .iter()
            .any(|line| line.starts_with("__Secure-portcullis=;"));
        assert_eq!(deleted, deletes, "{query}: {lines:?}");
    }
}

/// Signs in at the provider, and returns the URL of the callback, which is not requested.
async fn pending_sign_in(user: &mut UserAgent, login: &str) -> String {
    user.visit(&format!("{APP}/graph")).await;
    let form = user.page().form_with("prompt", "login");
    user.submit(form.fill("login", login).fill("password", "any"))
        .await;
    let consent = user.page().form_with("prompt", "consent");
    let body = Serializer::new(String::new())
        .extend_pairs(&consent.fields)
        .finish();
    let call = Call::post("", "")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let sent = user.fetch(consent.action.as_str(), call).await;
    let mut next = sent.header("location").expect("the redirect");
    while !next.starts_with(URL) {
        let page = user.step(&next).await;
        next = page.redirect().expect("the redirect").to_string();
    }
    next
}
