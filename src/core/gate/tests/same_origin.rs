//! Protection of sessions against cross-site requests.

use super::users::*;
use super::*;

/// The decision on a request with this method, these headers and a session.
fn summary_of(request: &str, headers: &[(&str, &str)]) -> Reason {
    let mut test = TestGate::for_users();
    let cookie = cookie(&session());
    let headers = [&[("cookie", cookie.as_str())], headers].concat();
    match test.evaluate(request, &headers) {
        Summary::Decided(reason, _, caller) => {
            assert_eq!(caller.as_deref(), Some(ALICE));
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn unsafe_methods_with_a_session_require_the_same_origin() {
    for (headers, expected) in [
        // By a header that no page can set.
        (&[("sec-fetch-site", "same-origin")][..], Reason::Rule),
        (&[("sec-fetch-site", "none")], Reason::Rule),
        (&[("sec-fetch-site", "same-site")], Reason::CrossSite),
        (&[("sec-fetch-site", "cross-site")], Reason::CrossSite),
        (&[("sec-fetch-site", "")], Reason::CrossSite),
        (&[("sec-fetch-site", "Same-Origin")], Reason::CrossSite),
        (
            &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
            Reason::CrossSite,
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://alertmanager.example.com"),
            ],
            Reason::CrossSite,
        ),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example.org"),
            ],
            Reason::Rule,
        ),
        // By Origin, for browsers that don't send it.
        (&[], Reason::Rule),
        (
            &[("origin", "https://alertmanager.example.com")],
            Reason::Rule,
        ),
        (
            &[("origin", "https://alertmanager.example.com:443")],
            Reason::Rule,
        ),
        (
            &[("origin", "https://alertmanager.example.com:8443")],
            Reason::CrossSite,
        ),
        (
            &[("origin", "http://alertmanager.example.com")],
            Reason::CrossSite,
        ),
        (
            &[("origin", "https://alertmanager.example.com.evil.example")],
            Reason::CrossSite,
        ),
        (&[("origin", "https://auth.example.com")], Reason::CrossSite),
        (&[("origin", "null")], Reason::CrossSite),
        (&[("origin", "")], Reason::CrossSite),
        (
            &[
                ("origin", "https://alertmanager.example.com"),
                ("origin", "https://evil.example.org"),
            ],
            Reason::CrossSite,
        ),
        // Other origins that the app allows.
        (&[("origin", "https://karma.example.org")], Reason::Rule),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://karma.example.org"),
            ],
            Reason::Rule,
        ),
        (
            &[("origin", "https://karma.example.org:444")],
            Reason::CrossSite,
        ),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get"] {
            let request = format!("{method} alertmanager.example.com /api/v2/silences");
            assert_eq!(
                summary_of(&request, headers),
                expected,
                "{method} {headers:?}"
            );
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            let request = format!("{method} alertmanager.example.com /api/v2/silences");
            assert_eq!(
                summary_of(&request, headers),
                Reason::Rule,
                "{method} only reads: {headers:?}"
            );
        }
    }
}

#[test]
fn only_the_default_port_may_be_omitted_from_an_origin() {
    for (authority, origin, expected) in [
        (
            "alertmanager.example.com:443",
            "https://alertmanager.example.com",
            Reason::Rule,
        ),
        (
            "AlertManager.example.com",
            "https://alertmanager.example.com",
            Reason::Rule,
        ),
        (
            "alertmanager.example.com:8443",
            "https://alertmanager.example.com:8443",
            Reason::Rule,
        ),
        (
            "alertmanager.example.com:8443",
            "https://alertmanager.example.com",
            Reason::CrossSite,
        ),
        (
            "alertmanager.example.com:80",
            "https://alertmanager.example.com",
            Reason::CrossSite,
        ),
    ] {
        let request = format!("POST {authority} /api/v2/silences");
        assert_eq!(summary_of(&request, &[("origin", origin)]), expected);
    }
}

#[test]
fn upgrades_with_a_session_require_the_same_origin() {
    let evil = ("origin", "https://evil.example.org");
    let own = ("origin", "https://alertmanager.example.com");
    let get = "GET alertmanager.example.com /api/v2/stream";
    for upgrade in [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        (":protocol", "websocket"),
    ] {
        assert_eq!(
            summary_of(get, &[upgrade, evil]),
            Reason::CrossSite,
            "{upgrade:?}"
        );
        assert_eq!(summary_of(get, &[upgrade, own]), Reason::Rule);
    }
    let connect = "CONNECT alertmanager.example.com /api/v2/stream";
    let mut test = TestGate::for_users();
    let cookie = cookie(&session());
    let headers = [("cookie", cookie.as_str()), (":protocol", "websocket"), own];
    assert_eq!(
        test.evaluate(connect, &headers),
        refused(Reason::RequestAmbiguous)
    );
}

#[test]
fn bearer_tokens_need_no_same_origin() {
    let mut test = TestGate::of(&USERS.replace(r#""methods": ["GET"],"#, ""));
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    let karma = karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600);
    let bearer = format!("Bearer {karma}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("origin", "https://evil.example.org"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(
        test.evaluate("POST alertmanager.example.com /", &headers),
        decided(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
}

#[test]
fn cross_site_requests_cause_no_refresh() {
    let mut test = TestGate::for_users();
    test.wait(400);
    let cookies = format!("{}; __Secure-portcullis-session=s", cookie(&session()));
    let headers = [
        ("cookie", cookies.as_str()),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(
        test.evaluate("POST alertmanager.example.com /api/v2/silences", &headers),
        decided(Reason::CrossSite, None, ALICE)
    );
}
