use portcullis_core::policy::Policy;

use super::*;
use crate::public_url::PublicUrl;
use crate::redirect_target::HostRule;

/// The rules of a companion at port 8443, with an app, and a host with a port of its own.
fn redirects() -> RedirectRules {
    let policy = r#"{
        "trust": [],
        "sso": {"url": "https://auth.example.com:8443", "envoy_cluster": "portcullis"},
        "apps": [{"name": "app", "hosts": ["app.example.com"], "rules": [
            {"name": "all", "allow": [{"from": "sso", "anyone": true}]}
        ]}]
    }"#;
    let policy = Policy::from_json(policy).expect("a policy");
    let site = PublicUrl::parse("https://auth.example.com:8443").expect("a site");
    let hosts = ["app.example.com", "admin.example.com:9443"];
    let hosts = hosts.map(|host| HostRule::parse(host).expect("a host"));
    RedirectRules::new(&site, Some(&hosts), &policy)
}

/// Whether a request with these headers must be confirmed.
fn asks(headers: &[(&'static str, &str)]) -> bool {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().expect("a value"));
    }
    must_confirm(&map, &redirects())
}

const SITE: &str = super::SITE;

#[test]
fn l01_a_prefetched_or_prerendered_sign_out_must_be_confirmed() {
    let typed = [
        (SITE, "none"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert!(!asks(&typed));
    for purpose in ["prefetch", "prefetch;prerender"] {
        let speculative = [&typed[..], &[("sec-purpose", purpose)]].concat();
        assert!(asks(&speculative), "{purpose}");
    }
}

#[test]
fn l01_a_sign_out_that_does_not_show_where_it_comes_from_must_be_confirmed() {
    assert!(asks(&[]));
    assert!(asks(&[("accept", "text/html")]));
    assert!(asks(&[(SITE, "same-site")]));
    assert!(!asks(&[(SITE, "none")]));
    assert!(!asks(&[(SITE, "same-origin")]));
    for name in ["origin", "referer"] {
        assert!(!asks(&[(name, "https://auth.example.com:8443")]), "{name}");
        let app = (name, "https://app.example.com/");
        assert!(!asks(&[app]), "{name}");
        assert!(!asks(&[(SITE, "same-site"), app]), "{name}");
        assert!(asks(&[(SITE, "cross-site"), app]), "{name}");
    }
}

#[test]
fn l01_an_origin_with_another_port_is_another_origin() {
    for (origin, is_own) in [
        ("https://auth.example.com:8443", true),
        ("https://auth.example.com", false),
        ("https://auth.example.com:443", false),
        ("https://auth.example.com:9443", false),
        ("http://auth.example.com:8443", false),
        ("https://app.example.com", true),
        ("https://app.example.com:8443", true),
        ("https://app.example.com:9443", false),
        ("https://admin.example.com:9443", true),
        ("https://admin.example.com:9444", false),
    ] {
        for name in ["origin", "referer"] {
            for site in [&[][..], &[(SITE, "same-site")], &[(SITE, "same-origin")]] {
                let headers = [site, &[(name, origin)]].concat();
                assert_eq!(asks(&headers), !is_own, "{headers:?}");
            }
        }
    }
}

#[test]
fn l01_a_repeated_header_counts_as_another_sites() {
    let own = "https://auth.example.com:8443";
    for name in [SITE, "origin", "referer"] {
        let value = if name == SITE { "same-origin" } else { own };
        let once = [(SITE, "same-origin"), (name, value)];
        let headers = if name == SITE { &once[1..] } else { &once };
        assert!(!asks(headers), "{name}");
        for second in [value, "cross-site", "https://evil.example.net"] {
            let twice = [headers, &[(name, second)]].concat();
            assert!(asks(&twice), "{twice:?}");
        }
    }
}
