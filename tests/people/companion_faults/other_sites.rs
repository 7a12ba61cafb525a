//! What another site can make a browser do here.

use portcullis_tests::lab::provider::Route;
use portcullis_tests::lab::{Call, Person};
use serde_json::json;
use url::form_urlencoded::Serializer;

use crate::companion_faults::people::{alerts, shown, userinfo};
use crate::companion_faults::stage::{APP, AUTH, Plan, URL};

#[tokio::test]
async fn t17_nobody_is_signed_in_as_somebody_else_by_a_link() {
    let stage = Plan::alone().start().await;
    let mut eve = stage.person(0);
    // All that it takes: her own browser would be in by it.
    let link = half_way(&mut eve, "eve").await;
    for mut victim in [stage.person(0), stage.signed_in("alice", 0).await] {
        let (before, asked) = (shown(&victim), stage.provider.count(Route::Token).await);
        let page = victim.visit(&link).await;
        assert_eq!(page.reply.status, 403, "{}", page.text());
        let text = page.text();
        assert!(text.contains("This sign-in has expired"), "{text}");
        assert_eq!(shown(&victim), before);
        assert_eq!(stage.provider.count(Route::Token).await, asked);
    }
    // The code is as good as before, where it belongs.
    eve.visit(&link).await;
    assert_eq!(userinfo(&mut eve).await.json()["user"], "eve");
}

#[tokio::test]
async fn l01_nobody_is_signed_out_by_another_site() {
    let stage = Plan::alone().start().await;
    let mut alice = stage.signed_in("alice", 0).await;
    let site = &stage.sites[0];
    let cookies = shown(&alice);
    for method in ["GET", "POST"] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            // A neighbour, or an image and a frame in an app's own page.
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-dest", "iframe"),
            ("origin", "https://evil.example.net"),
            ("origin", "null"),
            // A neighbour is not one of us.
            ("origin", "https://evil.example.com"),
            ("origin", "http://auth.example.com"),
            ("referer", "https://evil.example.net/"),
            ("referer", "https://auth.example.com.evil.example.net/"),
        ] {
            let call = Call::new(method, AUTH, "/oauth2/sign_out")
                .header("accept", "text/html")
                .header("cookie", &cookies)
                .header(name, value);
            let reply = site.gateway.call(call).await;
            let what = format!("{method} with {name}: {value}");
            assert_eq!(reply.status, 200, "{what}");
            assert!(reply.text().contains("<form"), "{what}: {}", reply.text());
            assert_eq!(reply.all("set-cookie"), [""; 0], "{what}");
        }
    }
    assert_eq!(site.revocations().await["entries"], json!([]));
    assert_eq!(userinfo(&mut alice).await.status, 200);
    assert_eq!(alerts(&mut alice).await.status, 200);
    let asked = stage.provider.count(Route::EndSession).await;
    assert_eq!(asked, 0, "and not at the provider either");
}

#[tokio::test]
async fn r11_what_is_within_a_page_begins_no_sign_in_and_ends_no_session() {
    let stage = Plan::alone().start().await;
    let alice = stage.signed_in("alice", 0).await;
    for (name, value) in [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "iframe")] {
        for query in ["", "?on=1"] {
            let call = Call::new("GET", AUTH, &format!("/oauth2/start{query}"))
                .header("cookie", shown(&alice))
                .header(name, value);
            let reply = stage.sites[0].gateway.call(call).await;
            assert_eq!(reply.status, 400, "{name}: {value}, {query}");
            assert_eq!(reply.all("set-cookie"), [""; 0], "{name}: {value}, {query}");
        }
    }
}

/// Lets somebody sign in at the provider, and returns the address that the browser is sent back to,
/// where it does not go.
async fn half_way(person: &mut Person, login: &str) -> String {
    person.visit(&format!("{APP}/graph")).await;
    let form = person.page().form_with("prompt", "login");
    person
        .submit(form.fill("login", login).fill("password", "any"))
        .await;
    let consent = person.page().form_with("prompt", "consent");
    let body = Serializer::new(String::new())
        .extend_pairs(&consent.fields)
        .finish();
    let call = Call::post("", "")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let sent = person.fetch(consent.action.as_str(), call).await;
    let mut next = sent.header("location").expect("the way on");
    while !next.starts_with(URL) {
        let page = person.step(&next).await;
        next = page.redirect().expect("the way on").to_string();
    }
    next
}
