//! Redirect targets (`rd`), compared with what the URL standard makes of them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis::public_url::PublicUrl;
use portcullis::redirect_target::{HostRule, RedirectRules};
use portcullis_fuzz::{percent_decoded, text};
use url::Url;

const HOSTS: [&str; 3] = [
    "app.example.com",
    "*.tools.example.com",
    ".wide.example.com",
];

/// The companion at the default port and at another.
static RULES: LazyLock<[(Url, RedirectRules); 2]> = LazyLock::new(|| {
    ["https://auth.example.com", "https://auth.example.com:8443"].map(|url| {
        let hosts = HOSTS.map(|host| HostRule::parse(host).expect("a host"));
        let public_url = PublicUrl::parse(url).expect("a public URL");
        (
            Url::parse(url).expect("a URL"),
            RedirectRules::of(&public_url, &hosts),
        )
    })
});

fn is_allowed(host: &str) -> bool {
    let one_label = |rest: &str| {
        host.strip_suffix(rest)
            .is_some_and(|label| !label.is_empty() && !label.contains('.'))
    };
    host == "auth.example.com"
        || host == "app.example.com"
        || one_label(".tools.example.com")
        || host
            .strip_suffix(".wide.example.com")
            .is_some_and(|label| !label.is_empty())
}

/// Whether a proxy may route this path to the companion's own pages.
fn is_own_page(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..4 {
        let first = path.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
        if first.eq_ignore_ascii_case(b"oauth2") {
            return true;
        }
        path = percent_decoded(&path);
    }
    false
}

fuzz_target!(|data: &[u8]| {
    let Some(rd) = text(data) else {
        return;
    };
    for (site, rules) in RULES.iter() {
        let Ok(target) = rules.check(rd) else {
            continue;
        };
        let written = target.as_str();
        assert!(
            written.bytes().all(|byte| byte.is_ascii_graphic()),
            "not a header value"
        );
        // `xn--a` is a DNS name, and no host to a browser.
        let Ok(url) = Url::parse(written) else {
            continue;
        };
        // Where the browser goes, and where it would go if it read `rd` itself.
        let page = site.join("/oauth2/callback").expect("a URL");
        // The root of the app replaces a target that is too long, without a look at its path.
        let itself = (!target.is_shortened()).then(|| page.join(rd).expect("a URL"));
        for url in itself.into_iter().chain([url.clone()]) {
            assert_eq!(url.scheme(), "https");
            assert!(url.username().is_empty() && url.password().is_none());
            let host = url.host_str().expect("a host");
            assert!(is_allowed(host), "{host}");
            assert_eq!(host, target.host());
            let port = url.port_or_known_default();
            assert!(
                port == Some(443) || port == site.port_or_known_default(),
                "{port:?}"
            );
            assert!(
                host != "auth.example.com" || !is_own_page(url.path()),
                "{}",
                url.path()
            );
        }
        // A target on our own host may have the default port too, where our own origin has another one.
        let is_own = target.host() == "auth.example.com";
        let is_elsewhere = is_own && url.port_or_known_default() != site.port_or_known_default();
        assert_eq!(rules.has_origin_of(&url), !is_elsewhere);
        let again = rules.check(written).expect("a target is a target");
        assert_eq!(again.as_str(), written);
    }
});
