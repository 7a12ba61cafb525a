use crate::decision::{Decision, Reason};
use crate::local_reply::LocalReply;
use crate::policy::Policy;
use crate::request::Headers;

const POLICY: &str = r#"{
  "sso": {"url": "https://auth.example.com:8443", "envoy_cluster": "portcullis"},
  "apps": [{"name": "app", "hosts": ["app.example.com"],
    "rules": [{"name": "all", "allow": [{"from": "sso", "anyone": true}]}]}]
}"#;

/// The reply to a request: `METHOD authority path`, with these headers in addition.
fn reply(
    reason: Reason,
    by_session: bool,
    request: &str,
    headers: &[(&'static str, &'static str)],
) -> LocalReply {
    let policy = Policy::from_json(POLICY).unwrap();
    let decision = Decision {
        app: policy.apps().first(),
        sso: policy.sso(),
        by_session,
        ..Decision::new(reason)
    };
    let names = [":method", ":authority", ":path"].into_iter();
    let fields = names.zip(request.split(' ')).chain(headers.iter().copied());
    let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    LocalReply::refusal(&decision, &Headers::new(fields.collect())).unwrap()
}

fn header<'a>(reply: &'a LocalReply, name: &str) -> Option<&'a str> {
    let mut values = reply.headers.iter().filter(|(header, _)| *header == name);
    values.next().map(|(_, value)| value.as_str())
}

const PAGE: &str = "GET app.example.com:8443 /graph?g0.expr=up%20%3E%200&x=a/b#";
const BROWSER: [(&str, &str); 1] = [("sec-fetch-mode", "navigate")];

#[test]
fn h13_a_navigation_is_redirected_to_the_sign_in_and_back() {
    let page = PAGE.trim_end_matches('#');
    for headers in [&BROWSER[..], &[("accept", "text/html,*/*;q=0.8")]] {
        let reply = reply(Reason::NoCredentials, false, page, headers);
        assert_eq!(reply.status, 302);
        assert_eq!(
            header(&reply, "location"),
            Some(
                "https://auth.example.com:8443/oauth2/start?rd=https%3A%2F%2Fapp.example.com%3A8443\
                 %2Fgraph%3Fg0.expr%3Dup%2520%253E%25200%26x%3Da%2Fb"
            )
        );
        assert_eq!(header(&reply, "www-authenticate"), None);
        assert_eq!(reply.details, "portcullis{no-credentials}");
    }
}

#[test]
fn h13_only_navigations_are_redirected() {
    for (request, headers) in [
        ("GET app.example.com /", &[][..]),
        ("GET app.example.com /", &[("accept", "application/json")]),
        (
            "GET app.example.com /",
            &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
        ),
        (
            "GET app.example.com /",
            &[("sec-fetch-mode", "websocket"), ("upgrade", "websocket")],
        ),
        ("POST app.example.com /", &BROWSER),
        ("POST app.example.com /", &[("accept", "text/html")]),
        ("HEAD app.example.com /", &BROWSER),
        (
            "GET app.example.com /",
            &[
                ("accept", "text/html"),
                ("content-type", "application/grpc"),
            ],
        ),
    ] {
        for (reason, by_session) in [
            (Reason::NoCredentials, false),
            (Reason::SignatureInvalid, true),
        ] {
            let reply = reply(reason, by_session, request, headers);
            assert_eq!(reply.status, 401, "{request} {headers:?}");
            assert_eq!(
                header(&reply, "www-authenticate"),
                Some(r#"Bearer realm="app""#)
            );
        }
    }
}

#[test]
fn h13_only_requests_without_valid_credentials_are_redirected() {
    for (reason, by_session, status) in [
        (Reason::NoCredentials, false, 302),
        (Reason::SessionExpired, true, 302),
        (Reason::Revoked, true, 302),
        (Reason::SignatureInvalid, true, 302),
        (Reason::TokenMalformed, true, 302),
        (Reason::KeyUnknown, true, 302),
        // A bearer token is not a session, even if a browser sends it.
        (Reason::SignatureInvalid, false, 401),
        (Reason::Expired, false, 401),
        // Signing in again would change nothing.
        (Reason::CallerNotAllowed, true, 403),
        (Reason::CrossSite, true, 403),
        (Reason::AppUnknown, false, 403),
        (Reason::RequestAmbiguous, false, 400),
        (Reason::SessionUnavailable, true, 503),
        (Reason::KeysUnavailable, true, 503),
        (Reason::KeysStale, true, 503),
        (Reason::KeyAmbiguous, false, 503),
    ] {
        let reply = reply(reason, by_session, "GET app.example.com /", &BROWSER);
        assert_eq!(reply.status, status, "{reason}");
        assert_eq!(header(&reply, "location").is_some(), status == 302);
    }
}

#[test]
fn h11_no_reply_is_stored_and_each_varies_by_credentials() {
    for reason in Reason::ALL {
        if reason.class() == crate::decision::Class::Allowed {
            continue;
        }
        for headers in [&BROWSER[..], &[]] {
            let reply = reply(reason, false, "GET app.example.com /", headers);
            assert_eq!(header(&reply, "cache-control"), Some("no-store"));
            assert_eq!(header(&reply, "vary"), Some("authorization, cookie"));
        }
    }
}

#[test]
fn h01_a_failed_session_counts_as_no_credentials_with_its_own_reason() {
    let reply = reply(Reason::Expired, true, "GET app.example.com /", &[]);
    assert_eq!(reply.status, 401);
    assert_eq!(
        header(&reply, "www-authenticate"),
        Some(r#"Bearer realm="app""#)
    );
    assert_eq!(
        reply.body,
        "{\"error\":\"unauthenticated\",\"reason\":\"expired\"}\n"
    );
}

#[test]
fn a_user_who_is_not_allowed_can_sign_in_with_another_account() {
    let link = "<a class=\"act\" href=\"https://auth.example.com:8443/oauth2/sign_out?rd=https%3A%2F%2F\
                app.example.com%2Fgraph%3Fa%3D%22b%22\">Sign in with another account</a>";
    let request = "GET app.example.com /graph?a=\"b\"";
    let page = |reason, by_session| reply(reason, by_session, request, &BROWSER);
    let body = page(Reason::CallerNotAllowed, true).body;
    assert!(body.contains(link), "{body}");
    assert!(!page(Reason::CallerNotAllowed, false).body.contains("<a "));
    assert!(!page(Reason::AppUnknown, false).body.contains("<a "));
}

#[test]
fn the_page_for_an_unavailable_decision_offers_to_try_again_and_to_sign_in() {
    let links = "<p><a class=\"act\" href=\"\">Try again</a></p>\n<p><a class=\"act\" \
                 href=\"https://auth.example.com:8443/oauth2/start?rd=https%3A%2F%2Fapp.example.com%2F\
                 graph%3Fa%3D1\">Sign in</a></p>\n";
    for (reason, by_session) in [
        (Reason::SessionUnavailable, true),
        (Reason::KeysUnavailable, true),
        (Reason::KeysStale, false),
        (Reason::KeyAmbiguous, false),
    ] {
        let page = reply(
            reason,
            by_session,
            "GET app.example.com /graph?a=1",
            &BROWSER,
        );
        assert!(page.body.contains(links), "{}", page.body);
    }
}

#[test]
fn a_form_without_a_session_gets_a_page_that_offers_to_sign_in() {
    let links = "<p>You are not signed in, and app is not public. Sign in, then repeat what you did.</p>\n\
                 <p><a class=\"act\" href=\"https://auth.example.com:8443/oauth2/start?rd=https%3A%2F%2F\
                 app.example.com%2F\">Sign in</a></p>\n";
    for (method, client) in [
        ("POST", BROWSER[0]),
        ("POST", ("accept", "text/html,*/*;q=0.8")),
        ("PUT", BROWSER[0]),
    ] {
        let request = format!("{method} app.example.com /silences?new=1");
        for (reason, by_session) in [
            (Reason::NoCredentials, false),
            (Reason::SessionExpired, true),
        ] {
            let page = reply(reason, by_session, &request, &[client]);
            assert_eq!(page.status, 401);
            assert!(page.body.contains(links), "{}", page.body);
            assert_eq!(
                header(&page, "www-authenticate"),
                Some("Bearer realm=\"app\"")
            );
        }
        let page = reply(Reason::CallerNotAllowed, true, &request, &[client]);
        assert_eq!(page.status, 403);
        assert!(
            page.body.contains("<h1>Access denied</h1>"),
            "{}",
            page.body
        );
    }
}

#[test]
fn a_url_too_long_for_a_header_redirects_to_the_root() {
    let request = format!("GET app.example.com /graph?{}", "a".repeat(9000));
    let reply = reply(Reason::NoCredentials, false, &request, &BROWSER);
    assert_eq!(
        header(&reply, "location"),
        Some("https://auth.example.com:8443/oauth2/start?rd=https%3A%2F%2Fapp.example.com%2F")
    );
}
