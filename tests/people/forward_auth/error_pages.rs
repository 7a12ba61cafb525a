//! What a client of NGINX gets if a request is refused or can't be decided.

use portcullis_tests::lab::Call;
use serde_json::json;

use crate::forward_auth::fixture::{Fixture, alerts, forwarded};
use crate::forward_auth::proxies::HOST;
use crate::forward_auth::sign_in_fixture::{SignInFixture, cookies};

#[tokio::test]
async fn behind_nginx_a_user_who_is_refused_sees_the_companions_page() {
    let sign_in = SignInFixture::start(json!({})).await;
    // Bob is signed in, and no rule lists him.
    let bob = sign_in.user("bob").await;
    let page = bob.page();
    assert_eq!(page.response.status, 403, "{}", page.text());
    assert!(
        page.text().contains("Sign in with another account"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("alertmanager"), "{}", page.text());
    let [nginx, _, _] = &sign_in.fixture.proxies;
    for query in ["", "?allowed_groups=nobody&host=elsewhere.example.com"] {
        let call = Call::post(HOST, &format!("/api/v2/silences{query}"))
            .header("cookie", cookies(&bob))
            .header("sec-fetch-site", "same-origin")
            .body("a body");
        let response = nginx.send(call).await;
        assert_eq!(response.status, 403);
        let json = response.json();
        assert_eq!(json["reason"], "caller-not-allowed", "{json}");
        assert_eq!(response.header("x-auth-request-user"), None);
    }
}

#[tokio::test]
async fn behind_nginx_503_stays_503_with_retry_after() {
    let mut fixture = Fixture::start().await;
    let karma = fixture.karma();
    let [nginx, _, _] = &fixture.proxies;
    forwarded(&nginx.send(alerts().bearer(&karma)).await);
    // The companion is down, or does not know the keys and can't get them.
    fixture.companion.stop().await;
    drop(fixture.issuer);
    let check = async || {
        let [nginx, _, _] = &fixture.proxies;
        let response = nginx.send(alerts().bearer(&karma)).await;
        assert_eq!(response.status, 503, "{}", response.text());
        assert_eq!(response.header("retry-after").as_deref(), Some("5"));
        assert_eq!(response.all("cache-control"), ["no-store"]);
        assert!(response.text().contains("Try again"), "{}", response.text());
    };
    check().await;
    fixture.companion.restart().await;
    check().await;
}

#[tokio::test]
async fn behind_nginx_an_upload_is_limited_by_the_app_alone() {
    let sign_in = SignInFixture::start(json!({})).await;
    let (alice, bob) = (sign_in.alice().await, sign_in.user("bob").await);
    let [nginx, _, _] = &sign_in.fixture.proxies;
    let upload = |user| {
        Call::post(HOST, "/api/v2/silences")
            .header("cookie", cookies(user))
            .header("sec-fetch-site", "same-origin")
            .body("x".repeat(3 << 20))
    };
    let received = forwarded(&nginx.send(upload(&alice)).await);
    assert_eq!(received.0["body_bytes"], 3 << 20);
    let refused = nginx.send(upload(&bob)).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(refused.json()["reason"], "caller-not-allowed");
}
