//! A session whose token's time is over goes on by one call to the companion, and nobody notices.

use std::time::{Duration, Instant};

use portcullis_tests::lab::envoy::Builder;
use portcullis_tests::lab::scene::HOST;
use portcullis_tests::lab::{Call, Connection, Reply, SigningKey, Version, wait};
use serde_json::json;

use crate::sessions::companion::{Answer, REFRESH};
use crate::sessions::stand::{
    AUTH, People, SEALED, Session, TOKEN, cookies, navigates, saw, set, show,
};

const REFRESHES: &str = "portcullis_refreshes_total";

/// The cookies ride on this answer, each on a line of its own, and it is for nobody else.
fn carries(reply: &Reply, lines: &[String], what: &str) {
    assert_eq!(reply.all("set-cookie"), lines, "{what}");
    assert_eq!(reply.all("cache-control"), ["no-store"], "{what}");
}

async fn counted(people: &People, outcome: &str, count: f64) {
    let labels = [("outcome", outcome)];
    let counted = |now| now == count;
    people.gateway.metric(REFRESHES, &labels, counted).await;
}

#[tokio::test]
async fn one_call_refreshes_a_session_and_the_cookies_ride_on_the_apps_answer() {
    for version in Version::ALL {
        let mut people = People::with(|_| {}, |builder| builder.version(version)).await;
        let ann = Session::of("ann");
        let lines = people.renews(&ann);
        let over = people.over(&ann);
        let call = Call::post(HOST, "/api/v2/silences")
            .header("cookie", format!("{}; {TOKEN}-login-x=y", cookies(&over)))
            .header("cookie", "more=1")
            .body(vec![b'x'; 100_000]);
        let (reply, seen) = people.lets_through("a form", call).await;
        carries(&reply, &lines, "a form");
        assert_eq!(seen["body_bytes"], 100_000, "Envoy {version}");
        assert_eq!(seen["method"], "POST");
        assert_eq!(saw(&seen, "x-portcullis-caller"), ["sso/ann"]);
        assert_eq!(saw(&seen, "cookie"), ["theme=dark; lang=en; more=1"]);

        let asked = people.companion.seen(REFRESH);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].method, "POST");
        assert_eq!(asked[0].all("host"), [AUTH]);
        let shown = format!("{TOKEN}={over}; {SEALED}=sealed");
        assert_eq!(asked[0].all("cookie"), [shown]);
        assert_eq!(asked[0].body_bytes, 0);
        assert_eq!(asked[0].all("content-length"), ["0"]);
        assert!(asked[0].all("authorization").is_empty());
        counted(&people, "refreshed", 1.0).await;

        // The browser shows the fresh token from now on, and nobody is asked.
        let (reply, _) = people.lets_through("fresh", show(&people.good(&ann))).await;
        assert_eq!(reply.header("set-cookie"), None);
        assert_eq!(reply.header("cache-control"), None);
        assert_eq!(people.companion.count(REFRESH), 1);
        people.ends_clean().await;
    }
}

#[tokio::test]
async fn the_cookies_ride_on_refusals_and_over_http_2_too() {
    let mut people = People::start().await;
    let mut ann = Session::of("ann");
    let lines = people.renews(&ann);
    let page = navigates(show(&people.over(&ann)));
    let reply = page.send_h2(people.gateway.address()).await;
    assert_eq!(reply.status, 200);
    people.passed_besides();
    carries(&reply, &lines, "HTTP/2");

    // The fresh token has lost its group.
    let guest = ann.token().claim("groups", json!([])).sign(&people.key);
    let lines = [set(TOKEN, &guest), set(SEALED, "resealed")];
    people
        .companion
        .refreshes(Answer::cookies(200, lines.clone()));
    let call = show(&people.over(&ann));
    let reply = people
        .refuses("a guest", call.clone(), 403, "caller-not-allowed")
        .await;
    carries(&reply, &lines, "a guest");
    let reply = people.gateway.call(navigates(call.clone())).await;
    assert_eq!(reply.status, 403);
    carries(&reply, &lines, "a guest's page");
    let grpc = call.header("content-type", "application/grpc");
    let reply = grpc.send_h2(people.gateway.address()).await;
    assert_eq!(reply.grpc_status(), Some(7));
    carries(&reply, &lines, "a guest's call");
    people.unseen("a guest");

    // What is nobody's business does not ride.
    ann = Session::of("ann");
    let mut lines = people.renews(&ann);
    let theirs = [
        "tracking=1",
        "__secure-portcullis=x",
        "__Secure-portcullis-other=y",
    ];
    lines.extend(theirs.map(str::to_owned));
    people
        .companion
        .refreshes(Answer::cookies(200, lines.clone()));
    let (reply, _) = people.lets_through("more", show(&people.over(&ann))).await;
    carries(&reply, &lines[..2], "more");
    people.ends_clean().await;
}

#[tokio::test]
async fn h11_no_cache_keeps_an_answer_that_carries_a_session() {
    const CACHED: &str = "cached.example.com";
    let people = People::with(
        |policy| policy["apps"][0]["hosts"] = json!([HOST, CACHED]),
        // The companion stands in for an app whose pages may be kept.
        |builder| builder.app_at(CACHED, "companion"),
    )
    .await;
    let ann = Session::of("ann");
    let lines = people.renews(&ann);
    let page = |token: &str| Call::get(CACHED, "/page").header("cookie", cookies(token));
    let reply = people.gateway.call(page(&people.good(&ann))).await;
    let for_some = ["cdn-cache-control", "surrogate-control"];
    for name in ["cache-control"].iter().chain(&for_some) {
        assert_eq!(reply.all(name), ["public, max-age=3600"], "{name}");
    }
    assert_eq!(reply.header("set-cookie"), None);
    let reply = people.gateway.call(page(&people.over(&ann))).await;
    assert_eq!(reply.status, 200);
    carries(&reply, &lines, "a page");
    for name in for_some {
        assert_eq!(reply.header(name), None, "{name}");
    }
    people.ends_clean().await;
}

#[tokio::test]
async fn a_token_beside_the_sealed_cookie_of_another_session_leads_to_sign_in() {
    let people = People::start().await;
    people.renews(&Session::of("bob"));
    let over = show(&people.over(&Session::of("ann")));
    let reply = people
        .refuses("fetch", over.clone(), 401, "session-expired")
        .await;
    assert_eq!(reply.header("set-cookie"), None, "they are somebody else's");
    let reply = people.gateway.call(navigates(over)).await;
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("set-cookie"), None);
    people.ends_clean().await;
}

#[tokio::test]
async fn a_session_that_has_ended_leads_to_sign_in_and_its_cookies_go() {
    let people = People::start().await;
    let lines = people.ends();
    let over = show(&people.over(&Session::of("ann")));
    let reply = people
        .refuses("fetch", over.clone(), 401, "session-expired")
        .await;
    carries(&reply, &lines, "fetch");
    let reply = people.gateway.call(navigates(over)).await;
    assert_eq!(reply.status, 302);
    carries(&reply, &lines, "a page");
    let location = reply.header("location").unwrap();
    assert!(
        location.starts_with("https://auth.example.com/oauth2/start?rd="),
        "{location}"
    );
    people.unseen("a page");
    counted(&people, "ended", 2.0).await;

    // Without the sealed session there is nothing to ask with.
    let token = people.over(&Session::of("ann"));
    let alone = Call::get(HOST, "/api").header("cookie", format!("{TOKEN}={token}"));
    let reply = people
        .refuses("no sealed session", alone, 401, "session-expired")
        .await;
    assert_eq!(reply.header("set-cookie"), None);
    assert_eq!(people.companion.count(REFRESH), 2);
    people.ends_clean().await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_503_for_programs_and_browsers() {
    let mut people = People::start().await;
    let ann = Session::of("ann");
    let over = show(&people.over(&ann));
    let lines = people.renews(&ann);
    people.lets_through("at first", over.clone()).await;
    let token = |token: &str| vec![set(TOKEN, token), set(SEALED, "resealed")];
    let stranger = SigningKey::p256().named(people.key.kid());
    for (what, status, lines) in [
        ("500", 500, lines.clone()),
        ("404", 404, lines.clone()),
        ("302", 302, lines.clone()),
        ("204", 204, lines.clone()),
        ("nothing set", 200, vec![]),
        ("no token", 200, vec![set(SEALED, "resealed")]),
        ("garbage", 200, token("garbage")),
        ("another's key", 200, token(&ann.token().sign(&stranger))),
        ("an old token", 200, token(&people.over(&ann))),
        ("a bearer token", 200, token(&people.token())),
    ] {
        people.companion.refreshes(Answer::cookies(status, lines));
        let reply = people
            .refuses(what, over.clone(), 503, "session-unavailable")
            .await;
        assert_eq!(reply.header("retry-after").as_deref(), Some("5"), "{what}");
        assert_eq!(reply.header("set-cookie"), None, "{what}");
        let page = people.gateway.call(navigates(over.clone())).await;
        assert_eq!(
            (page.status, page.header("location")),
            (503, None),
            "{what}"
        );
        people.unseen(what);
    }
    counted(&people, "unavailable", 20.0).await;
    counted(&people, "refreshed", 1.0).await;
    people.ends_clean().await;
}

#[tokio::test]
async fn a_companion_that_says_nothing_costs_two_seconds_and_one_that_is_gone_none() {
    for version in Version::ALL {
        let mut people = People::with(|_| {}, |builder| builder.version(version)).await;
        let ann = Session::of("ann");
        let good = show(&people.good(&ann));
        people.lets_through("at first", good.clone()).await;
        let over = show(&people.over(&ann));
        people.renews(&ann);
        people.companion.hold();
        let began = Instant::now();
        people
            .refuses("silence", over.clone(), 503, "session-unavailable")
            .await;
        let took = began.elapsed();
        let bounds = Duration::from_millis(1900)..Duration::from_secs(6);
        assert!(bounds.contains(&took), "{took:?}");

        people.companion.down().await;
        people
            .refuses("gone", over.clone(), 503, "session-unavailable")
            .await;
        // Who has a good token does not notice.
        people.lets_through("good", good).await;
        people.companion.release();
        people.companion.up().await;
        wait::until_true("the session goes on", wait::LONG, async || {
            let reply = people.gateway.call(over.clone()).await;
            let passed = reply.status == 200;
            if passed {
                people.passed_besides();
            }
            passed
        })
        .await;
        people.ends_clean().await;
    }
}

#[tokio::test]
async fn a_websocket_opens_with_a_session_whose_token_is_over() {
    for version in Version::ALL {
        let mut people = People::with(|_| {}, |builder| builder.version(version)).await;
        let ann = Session::of("ann");
        let lines = people.renews(&ann);
        let call = Call::get(HOST, "/live")
            .header("cookie", cookies(&people.over(&ann)))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("origin", format!("https://{HOST}"));
        let address = people.gateway.address();
        let mut connection = Connection::open(address).await.unwrap();
        let reply = connection.send(&call).await;
        assert_eq!(reply.status, 101, "Envoy {version}");
        carries(&reply, &lines, "an upgrade");
        connection.write(b"ping").await.unwrap();
        assert_eq!(connection.read(4).await.unwrap(), b"ping");
        people.passed_besides();
        people.ends_clean().await;
    }
}

#[tokio::test]
async fn a_fresh_token_by_a_key_that_is_news_waits_for_the_key() {
    let mut people = People::start().await;
    let ann = Session::of("ann");
    people
        .lets_through("at first", show(&people.good(&ann)))
        .await;
    // Only then may an unknown key cause a read again.
    let age = [("trust", "sso")];
    let rested = |age| age >= 10.0;
    let metric = people
        .gateway
        .metric("portcullis_key_age_seconds", &age, rested);
    metric.await;
    let fresh = SigningKey::p256();
    people.companion.set_keys(&[&fresh, &people.key]);
    let lines = [
        set(TOKEN, &ann.token().sign(&fresh)),
        set(SEALED, "resealed"),
    ];
    people
        .companion
        .refreshes(Answer::cookies(200, lines.clone()));
    let (reply, _) = people
        .lets_through("a new key", show(&people.over(&ann)))
        .await;
    carries(&reply, &lines, "a new key");
    assert_eq!(people.companion.count(REFRESH), 1);
    people.ends_clean().await;
}

/// `allow_on_headers_stop_iteration` makes Envoy ask for the body of a request that the filter holds.
#[tokio::test]
async fn a_body_does_not_carry_headers_that_wait_for_a_refresh_past_the_gate() {
    let mut people = People::with(|_| {}, Builder::stop_iteration).await;
    let eve = show(&people.good(&Session::of("eve")));
    people.lets_through("at first", eve).await;
    let lines = people.ends();
    people.companion.hold();
    let form = Call::post(HOST, "/api/v2/silences")
        .header("cookie", cookies(&people.over(&Session::of("ann"))))
        .body(vec![b'x'; 100_000]);
    let address = people.gateway.address();
    let reply = tokio::spawn(async move { form.send(address).await });
    let waiting = "portcullis_waiting_requests";
    people
        .gateway
        .metric(waiting, &[], |waiting| waiting == 1.0)
        .await;
    people.unseen("a form that waits");
    people.companion.release();
    let reply = reply.await.unwrap();
    let reply = people.refused("a form", reply, 401, "session-expired");
    carries(&reply, &lines, "a form");
    people.ends_clean().await;
}
