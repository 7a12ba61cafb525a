//! Hosts that the policy lists in `ungated`.

use super::users::USERS;
use super::*;

/// The policy of [`USERS`] with ungated hosts: one below an app's wildcard, and a wildcard above the companion's and an
/// app's host.
fn with_ungated() -> TestGate {
    let ungated =
        r#""ungated": ["shop.example.com", "*.example.org", "*.auth.example.com"], "apps": ["#;
    TestGate::of(&USERS.replacen(r#""apps": ["#, ungated, 1))
}

#[test]
fn nothing_of_a_request_for_an_ungated_host_is_refused() {
    let mut test = with_ungated();
    for host in ["shop.example.com", "SHOP.example.com:8443", "a.example.org"] {
        for target in ["/", "/a//b/../%2F;x", "/%00", "*", "/caf\u{e9}"] {
            for method in ["GET", "CONNECT", "?"] {
                let request = format!("{method} {host} {target}");
                assert_eq!(
                    test.evaluate(&request, &[("authorization", "Bearer x")]),
                    refused(Reason::Ungated),
                    "{request}"
                );
            }
        }
    }
}

#[test]
fn hosts_that_are_not_listed_stay_refused() {
    let mut test = with_ungated();
    for (host, reason) in [
        ("example.org", Reason::AppUnknown),
        ("b.a.example.org", Reason::AppUnknown),
        ("shop.example.com.", Reason::RequestAmbiguous),
        ("user@shop.example.com", Reason::RequestAmbiguous),
        ("shop.example.com,a.example.org", Reason::RequestAmbiguous),
        ("alertmanager.example.com", Reason::NoCredentials),
        ("other.example.com", Reason::NoCredentials),
    ] {
        assert_eq!(
            test.evaluate(&format!("GET {host} /"), &[]),
            refused(reason),
            "{host}"
        );
    }
    let twice = [(":authority", "a.example.org")];
    assert_eq!(
        test.evaluate("GET shop.example.com /", &twice),
        refused(Reason::RequestAmbiguous)
    );
}

#[test]
fn an_ungated_wildcard_excludes_the_companions_and_an_apps_own_host() {
    let ungated = r#""ungated": ["*.example.org", "*.example.net"], "apps": ["#;
    let policy = USERS
        .replacen(r#""apps": ["#, ungated, 1)
        .replace("auth.example.com", "auth.example.org")
        .replace(r#""*.example.com""#, r#""app.example.net""#);
    let mut test = TestGate::of(&policy);
    for (request, reason) in [
        ("GET shop.example.org /metrics", Reason::Ungated),
        ("GET auth.example.org /metrics", Reason::AppUnknown),
        ("GET auth.example.org /oauth2/start", Reason::Companion),
        ("GET shop.example.net /", Reason::Ungated),
        ("GET app.example.net /", Reason::NoCredentials),
    ] {
        assert_eq!(test.evaluate(request, &[]), refused(reason), "{request}");
    }
}
