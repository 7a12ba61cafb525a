//! Requests with a session.

use portcullis_core::decision::Reason;
use portcullis_core::session::{Id, Revocations, Revoked};
use portcullis_core::timestamp::Timestamp;
use portcullis_tests::lab::SigningKey;

use super::fixture::*;
use crate::forward_auth::SessionRefresh;

const PAGE: &str = "GET https://app.example.com/graph";

#[tokio::test]
async fn a_session_is_allowed_with_its_identity() {
    let companion = Companion::start();
    let cookies = cookies(&companion.session(60));
    let response = companion.nginx(PAGE, &[("Cookie", &cookies)]).await;
    assert_eq!(response.verdict(), (202, Reason::Rule));
    assert_eq!(
        response.identity(),
        [
            ("x-auth-request-email", "alice@example.com"),
            ("x-auth-request-groups", "sre,all%2C%20of%20us"),
            ("x-auth-request-preferred-username", "Alice"),
            ("x-auth-request-user", "alice"),
            ("x-portcullis-caller", "sso/alice"),
        ]
    );
    assert_eq!(response.header("set-cookie"), None);
    assert_eq!(response.header("cookie"), Some("theme=dark"));
    assert_eq!(companion.refreshed_with(), [""; 0]);
}

#[tokio::test]
async fn an_expired_token_is_refreshed_and_the_response_sets_one_cookie() {
    let companion = Companion::start();
    let fresh = format!(
        "__Secure-portcullis={}; Path=/; Secure",
        companion.session(300)
    );
    companion.refreshes_to(SessionRefresh::Refreshed(fresh.clone()));
    let cookies = cookies(&companion.session(-10));
    let response = companion.nginx(PAGE, &[("Cookie", &cookies)]).await;
    assert_eq!(response.verdict(), (202, Reason::Rule));
    assert_eq!(response.header("set-cookie"), Some(&*fresh));
    // The refresh has the session cookies only.
    let cookies_sent = companion.refreshed_with();
    assert_eq!(cookies_sent.len(), 1);
    assert_eq!(format!("theme=dark; {}", cookies_sent[0]), cookies);
    // A refusal sets the cookie too.
    let other = "GET https://app.example.com/graph";
    let path = "/oauth2/auth?allowed_groups=managers";
    let response = companion
        .nginx_at(path, other, &[("Cookie", &cookies)])
        .await;
    assert_eq!(response.verdict(), (403, Reason::CallerNotAllowed));
    assert_eq!(response.header("set-cookie"), Some(&*fresh));
}

#[tokio::test]
async fn a_refresh_that_needs_more_cookies_goes_through_start() {
    let companion = Companion::start();
    let cookies = cookies(&companion.session(-10));
    for (refresh, verdict) in [
        (SessionRefresh::Ended, (401, Reason::SessionExpired)),
        (
            SessionRefresh::Unavailable,
            (503, Reason::SessionUnavailable),
        ),
    ] {
        companion.refreshes_to(refresh);
        let response = companion.nginx(PAGE, &[("Cookie", &cookies)]).await;
        assert_eq!(response.verdict(), verdict);
        assert_eq!(response.header("set-cookie"), None);
        assert_eq!(response.header("location"), None);
    }
}

#[tokio::test]
async fn a_refreshed_token_is_verified_like_any_other() {
    let companion = Companion::start();
    let cookies = cookies(&companion.session(-10));
    let forged = session(300).sign(&SigningKey::p256());
    let others = session(300)
        .claim("sid", "CCCCCCCCCCCCCCCCCCCCCA")
        .sign(&companion.own);
    let unavailable = (503, Reason::SessionUnavailable);
    for (token, verdict) in [
        (forged, unavailable),
        (others, (401, Reason::SessionExpired)),
        (companion.session(-10), unavailable),
    ] {
        companion.refreshes_to(SessionRefresh::Refreshed(format!(
            "__Secure-portcullis={token}"
        )));
        let response = companion.nginx(PAGE, &[("Cookie", &cookies)]).await;
        assert_eq!(response.verdict(), verdict);
        assert_eq!(
            response.header("set-cookie"),
            None,
            "it may be somebody else's"
        );
    }
}

#[tokio::test]
async fn a_revoked_session_is_refused() {
    let mut companion = Companion::start();
    let cookies = cookies(&companion.session(60));
    let mut ended = Revocations::default();
    let far = Timestamp::from_secs(u64::MAX / 2000);
    ended.revoke(
        Revoked::Session(Id::parse(SID).unwrap()),
        far,
        far,
        Timestamp::default(),
    );
    companion.revoke(ended);
    let response = companion.nginx(PAGE, &[("Cookie", &cookies)]).await;
    assert_eq!(response.verdict(), (401, Reason::Revoked));
    assert_eq!(companion.refreshed_with(), [""; 0]);
}

#[tokio::test]
async fn revocations_are_read_only_for_requests_with_a_session() {
    let companion = Companion::start();
    let karma = companion.karma();
    for (original, headers) in [
        ("GET https://app.example.com/-/healthy", &[][..]),
        (PAGE, &[("Cookie", "theme=dark; __Secure-portcullisx=a")]),
        (
            "GET https://app.example.com/api/v2/alerts",
            &[("Authorization", &*karma)],
        ),
    ] {
        companion.nginx(original, headers).await;
    }
    assert_eq!(companion.revocation_lookups(), 0);
    for name in ["__Secure-portcullis", "__Secure-portcullis.0"] {
        let before = companion.revocation_lookups();
        let cookie = format!("theme=dark; {name}=abc");
        companion.nginx(PAGE, &[("Cookie", &cookie)]).await;
        assert_eq!(companion.revocation_lookups(), before + 1, "{name}");
    }
}

#[tokio::test]
async fn a_session_requires_the_same_origin() {
    let companion = Companion::start();
    let cookies = cookies(&companion.session(60));
    let post = "POST https://app.example.com/api/v2/silences";
    let get = PAGE;
    let own = ("Sec-Fetch-Site", "same-origin");
    let neighbour = ("Sec-Fetch-Site", "same-site");
    let websocket = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let cases = [
        (post, vec![own], true),
        (post, vec![neighbour], false),
        (post, vec![("Origin", "https://app.example.com")], true),
        (post, vec![("Origin", "https://evil.example.com")], false),
        (get, vec![neighbour], true),
        (get, vec![websocket, own], true),
        (get, vec![websocket, neighbour], false),
        (
            get,
            vec![websocket, ("Origin", "https://evil.example.com")],
            false,
        ),
    ];
    for (original, headers, is_allowed) in cases {
        let mut all = vec![("Cookie", &*cookies)];
        all.extend(&headers);
        let response = companion.nginx(original, &all).await;
        let expected = if is_allowed {
            (202, Reason::Rule)
        } else {
            (403, Reason::CrossSite)
        };
        assert_eq!(response.verdict(), expected, "{original} {headers:?}");
    }
}

#[tokio::test]
async fn cve_2022_29226_a_bad_bearer_token_never_falls_back_to_the_session() {
    let companion = Companion::start();
    let cookies = cookies(&companion.session(60));
    let both = [("Cookie", &*cookies), ("Authorization", "Bearer abc")];
    let response = companion.nginx(PAGE, &both).await;
    assert_eq!(response.verdict(), (401, Reason::TokenMalformed));
    // Another scheme does not prevent a session.
    let both = [("Cookie", &*cookies), ("Authorization", "Basic YTpi")];
    let response = companion.nginx(PAGE, &both).await;
    assert_eq!(response.verdict(), (202, Reason::Rule));
}

#[tokio::test]
async fn the_companions_own_host_needs_no_rule() {
    let companion = Companion::start();
    for (original, verdict) in [
        (
            "GET https://auth.example.com/oauth2/start?rd=x",
            (202, Reason::Companion),
        ),
        (
            "GET https://auth.example.com/other",
            (403, Reason::AppUnknown),
        ),
    ] {
        let response = companion.nginx(original, &[]).await;
        assert_eq!(response.verdict(), verdict);
        assert_eq!(response.identity(), []);
    }
}
