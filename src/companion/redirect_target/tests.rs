use url::Url;

use super::*;

/// Attacks on `rd`, one on each line, under headings.
const ATTACKS: &str = include_str!("attacks.txt");

fn rules(site: &str) -> RedirectRules {
    let hosts = [
        "app.example.com",
        "*.tools.example.com",
        ".wide.example.com",
        "port.example.com:9443",
        "*.ports.example.com:9443",
        ".wide.example.com:9444",
    ];
    RedirectRules {
        site: PublicUrl::parse(site).expect("a site"),
        hosts: hosts.map(|host| HostRule::parse(host).expect(host)).into(),
    }
}

fn check(text: &str) -> Result<String, RedirectError> {
    let checked = rules("https://auth.example.com").check(text);
    checked.map(|to| to.as_str().to_owned())
}

fn lines() -> impl Iterator<Item = &'static str> {
    ATTACKS.lines().filter(|line| !line.starts_with("# "))
}

/// Removes one level of percent-encoding, as a parser of queries does.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The URL that a browser on the companion's page would open, by the URL standard.
fn browser(text: &str) -> Option<Url> {
    let page = Url::parse("https://auth.example.com/oauth2/callback").expect("a URL");
    page.join(text).ok()
}

/// Whether a URL is an allowed redirect target, implemented independently of the code.
fn is_allowed(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let one_label = host.strip_suffix(".tools.example.com");
    let listed = host == "app.example.com"
        || one_label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
        || host.ends_with(".wide.example.com");
    let first = url.path().split('/').nth(1).unwrap_or_default();
    let own = host == "auth.example.com" && !first.eq_ignore_ascii_case("oauth2");
    url.scheme() == "https"
        && (listed || own)
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

#[test]
fn r06_t18_no_attack_is_accepted_in_any_decoding() {
    let mut checked = 0;
    let mut accepted = Vec::new();
    for line in lines() {
        let mut text = line.to_owned();
        for times in 0..4 {
            if let Ok(to) = check(&text) {
                accepted.push(format!("{line:?}, decoded {times} times, leads to {to}"));
            }
            checked += 1;
            text = decoded(&text);
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
    assert!(checked > 3_000, "{checked}");
}

#[test]
fn r06_accepted_targets_are_parsed_alike_by_browsers() {
    let starts = [
        "",
        "/",
        "//",
        "/\\",
        "\\",
        "https:",
        "https:/",
        "https://",
        "https:\\\\",
        "HTTPS://",
        "http://",
        "\thttps://",
        "ht\ntps://",
        " https://",
        "https:///",
        "javascript:",
    ];
    let users = [
        "",
        "app.example.com@",
        "evil.example@",
        "evil.example\\@",
        "a:b@",
        "@",
        "evil.example#@",
    ];
    let hosts = [
        "app.example.com",
        "APP.example.com",
        "app.example.com.",
        "auth.example.com",
        "a.tools.example.com",
        "a.b.tools.example.com",
        "x.y.wide.example.com",
        "wide.example.com",
        "evil.example",
        "evilapp.example.com",
        "app.example.com.evil.example",
        "app.example.com\t",
        "ａpp.example.com",
        "app。example.com",
        "evil.example/.wide.example.com",
        "evil.example\\.wide.example.com",
        "",
        "oauth2",
        "x",
    ];
    let ports = ["", ":0443", ":80", ":443x"];
    let ends = [
        "",
        "/",
        "/graph?g0.expr=up{job=\"a\"}&g1=\\d+#/alerts?x=[1]",
        "//evil.example",
        "/\\evil.example",
        "/../oauth2/sign_out",
        "/%2e%2e//evil.example",
        "/oauth2/sign_out",
        "/OAUTH2",
        "?x=//evil.example",
        "#@evil.example",
        "/a b",
        "/é",
        "?é",
        "/\n",
        "?\n",
        "#\u{85}",
        "/%0d%0aX:y",
        "?%0d%0aX:y",
        "/<script>",
        "/;x",
    ];
    let (mut accepted, mut refused) = (0, 0);
    for start in starts {
        for user in users {
            for host in hosts {
                for port in ports {
                    for end in ends {
                        let text = [start, user, host, port, end].concat();
                        let Ok(to) = check(&text) else {
                            refused += 1;
                            continue;
                        };
                        accepted += 1;
                        let url = browser(&text).unwrap_or_else(|| panic!("{text:?}"));
                        assert!(is_allowed(&url), "{text:?} is read as {url}");
                        // The serialized target is the same URL for the browser, and valid in a header.
                        let again = browser(&to).unwrap_or_else(|| panic!("{to:?}"));
                        assert_eq!(again.host_str(), url.host_str(), "{text:?}");
                        assert_eq!(again.path(), url.path(), "{text:?}");
                        assert!(to.bytes().all(|byte| byte.is_ascii_graphic()), "{to:?}");
                        assert_eq!(check(&to).as_ref(), Ok(&to), "{text:?}");
                    }
                }
            }
        }
    }
    assert!(accepted > 200 && refused > 100_000, "{accepted} {refused}");
}

#[test]
fn r06_a_target_that_is_accepted_is_accepted_again() {
    let start = "https://app.example.com/";
    for (character, written) in [("a", 1), ("\"", 3), ("<", 3), ("`", 3), (" ", 3), ("é", 6)] {
        for prefix in [start, "/", "https://app.example.com/?"] {
            let mut accepted = 0;
            for count in (1_300..1_400).chain(2_700..2_740).chain(8_130..8_200) {
                let text = [prefix, &character.repeat(count)].concat();
                match check(&text) {
                    Ok(target) => {
                        accepted += usize::from(target != start);
                        assert!(target.len() <= MAX_BYTES);
                        assert_eq!(check(&target).as_ref(), Ok(&target), "{prefix}{character}");
                        let length = prefix.len() + count * written;
                        let is_root = target == start;
                        assert_eq!(is_root, length > MAX_BYTES, "{prefix}{character} {count}");
                    }
                    Err(RedirectError::Long) => {
                        assert_eq!(prefix, "/");
                        let length =
                            "https://auth.example.com".len() + prefix.len() + count * written;
                        assert!(length > MAX_BYTES, "{prefix}{character} {count}");
                    }
                    // Paths have fewer characters than queries.
                    Err(error) => assert_eq!(error, RedirectError::Path),
                }
            }
            assert!(
                accepted > 0 || !prefix.ends_with('?'),
                "{prefix}{character}"
            );
        }
    }
}

#[test]
fn r06_deep_links_are_preserved() {
    for link in [
        "https://app.example.com/",
        "https://app.example.com/graph?g0.expr=rate(http_requests_total%7Bjob%3D%22api%22%7D%5B5m%5D)&g0.tab=0",
        "https://app.example.com/#/alerts?silenced=false&filter=%7Bseverity%3D%22page%22%7D",
        "https://app.example.com/a/b/c/?x=y?z#/d?e#f",
        "https://app.example.com/caf%C3%A9?q=a%20b+c%0A",
        "https://a.tools.example.com/d/uid/name?orgId=1&from=now-6h&to=now&var-x={a,b|c}",
        "https://x.y.wide.example.com/",
    ] {
        assert_eq!(check(link).as_deref(), Ok(link));
    }
    for (written, link) in [
        ("https://app.example.com", "https://app.example.com/"),
        ("https://app.example.com?x", "https://app.example.com/?x"),
        ("https://app.example.com#x", "https://app.example.com/#x"),
        ("HTTPS://App.Example.Com:443/X", "https://app.example.com/X"),
        (
            "https://app.example.com/?q=a b\"<é\\",
            "https://app.example.com/?q=a%20b%22%3C%C3%A9%5C",
        ),
        ("/", "https://auth.example.com/"),
        ("/graph?x#y", "https://auth.example.com/graph?x#y"),
        (
            "/?next=//evil.example",
            "https://auth.example.com/?next=//evil.example",
        ),
        ("/evil.example", "https://auth.example.com/evil.example"),
        ("/oauth2x", "https://auth.example.com/oauth2x"),
        (
            "/%6fauth2x/caf%C3%A9",
            "https://auth.example.com/%6fauth2x/caf%C3%A9",
        ),
        // On other hosts this path belongs to the app.
        (
            "https://app.example.com/oauth2/x",
            "https://app.example.com/oauth2/x",
        ),
    ] {
        assert_eq!(check(written).as_deref(), Ok(link), "{written}");
    }
}

#[test]
fn the_port_is_the_default_or_the_companions_own_or_in_the_rule_of_the_host() {
    let rules = rules("https://auth.example.com:8443");
    for (written, link) in [
        ("https://app.example.com/", Ok("https://app.example.com/")),
        (
            "https://app.example.com:443/",
            Ok("https://app.example.com/"),
        ),
        (
            "https://app.example.com:8443/",
            Ok("https://app.example.com:8443/"),
        ),
        ("/x", Ok("https://auth.example.com:8443/x")),
        (
            "https://auth.example.com/x",
            Ok("https://auth.example.com/x"),
        ),
        ("https://app.example.com:8444/", Err(RedirectError::Port)),
        (
            "https://port.example.com:9443/x",
            Ok("https://port.example.com:9443/x"),
        ),
        (
            "https://port.example.com/x",
            Ok("https://port.example.com/x"),
        ),
        (
            "https://a.ports.example.com:9443/x",
            Ok("https://a.ports.example.com:9443/x"),
        ),
        (
            "https://a.b.wide.example.com:9444/",
            Ok("https://a.b.wide.example.com:9444/"),
        ),
        ("https://app.example.com:9443/", Err(RedirectError::Port)),
        ("https://port.example.com:9444/", Err(RedirectError::Port)),
        ("https://ports.example.com:9443/", Err(RedirectError::Port)),
        ("https://wide.example.com:9444/", Err(RedirectError::Port)),
        ("https://auth.example.com:9443/", Err(RedirectError::Port)),
        ("https://port.example.com:0/", Err(RedirectError::Port)),
        ("https://port.example.com:/", Err(RedirectError::Port)),
        ("https://port.example.com:+9443/", Err(RedirectError::Port)),
        ("https://port.example.com:74979/", Err(RedirectError::Port)),
        ("http://port.example.com:9443/", Err(RedirectError::Scheme)),
        (
            "https://auth.example.com:8443/oauth2/start",
            Err(RedirectError::Own),
        ),
        (
            "https://auth.example.com/oauth2/start",
            Err(RedirectError::Own),
        ),
    ] {
        let checked = rules.check(written);
        assert_eq!(
            checked.as_ref().map(RedirectTarget::as_str),
            link.as_ref().copied(),
            "{written}"
        );
    }
}

#[test]
fn each_error_has_a_reason_and_never_quotes_the_target() {
    for (text, refused) in [
        ("", RedirectError::Scheme),
        ("http://app.example.com/", RedirectError::Scheme),
        ("//app.example.com/", RedirectError::Path),
        ("https:///x", RedirectError::Host),
        ("https://a@app.example.com/", RedirectError::Host),
        // A browser would decode these; the check does not.
        ("https://%61pp.example.com/", RedirectError::Host),
        ("https://app%2eexample.com/", RedirectError::Host),
        ("https://app.example.com:%34%34%33/", RedirectError::Port),
        ("/%6fauth%32/sign_out", RedirectError::Own),
        ("/<oauth2>/../oauth2", RedirectError::Path),
        ("/x%2fy", RedirectError::Path),
        ("/x%252fy", RedirectError::Path),
        ("/x%23/y", RedirectError::Path),
        ("/x%3fy", RedirectError::Path),
        ("https://evil.example/", RedirectError::Unlisted),
        ("https://app.example.com:80/", RedirectError::Port),
        ("https://app.example.com/\t", RedirectError::Control),
        ("https://app.example.com/?\u{9f}", RedirectError::Control),
        ("https://app.example.com/a//b", RedirectError::Path),
        ("/oauth2/start", RedirectError::Own),
    ] {
        assert_eq!(check(text), Err(refused), "{text:?}");
        assert!(!refused.to_string().contains("example"), "{refused}");
    }
    let long = format!("https://app.example.com/?{}", "x".repeat(MAX_BYTES));
    assert_eq!(check(&long[..MAX_BYTES]).as_deref(), Ok(&long[..MAX_BYTES]));
}

#[test]
fn r06_a_long_target_of_an_app_becomes_the_root_of_the_app() {
    let rules = rules("https://auth.example.com:8443");
    for (start, root) in [
        ("https://app.example.com/x?y=", "https://app.example.com/"),
        ("https://APP.example.com:443?", "https://app.example.com/"),
        ("https://app.example.com#", "https://app.example.com/"),
        (
            "https://app.example.com/oauth2/",
            "https://app.example.com/",
        ),
        (
            "https://app.example.com:8443/",
            "https://app.example.com:8443/",
        ),
        (
            "https://port.example.com:9443/",
            "https://port.example.com:9443/",
        ),
        (
            "https://a.tools.example.com/",
            "https://a.tools.example.com/",
        ),
    ] {
        for (character, count) in [("x", 8_192), ("%2F", 2_731), ("é", 4_096), ("?é", 1_200)] {
            let target = rules.check(&[start, &character.repeat(count)].concat());
            let target = target.unwrap_or_else(|error| panic!("{start}{character}: {error}"));
            assert_eq!(target.as_str(), root, "{start}{character}");
            assert_eq!(target.root(), root);
            assert!(target.is_shortened());
        }
    }
    let long = "x".repeat(MAX_BYTES);
    for (start, refused) in [
        // Nothing may be at the root of the companion's own host.
        ("/", RedirectError::Long),
        ("https://auth.example.com/", RedirectError::Long),
        ("/oauth2/start?rd=", RedirectError::Long),
        ("//evil.example/", RedirectError::Long),
        ("https://evil.example/", RedirectError::Unlisted),
        ("https://app.example.com@evil.example/", RedirectError::Host),
        (
            "https://evil.example\\@app.example.com/",
            RedirectError::Host,
        ),
        ("https://app.example.com:9443/", RedirectError::Port),
        ("http://app.example.com/", RedirectError::Scheme),
        ("https://app.example.com/\n", RedirectError::Control),
        // The rest belongs to the host, which is too long for one.
        ("https://app.example.com", RedirectError::Host),
        ("", RedirectError::Scheme),
    ] {
        let text = [start, &long].concat();
        assert_eq!(rules.check(&text), Err(refused), "{start:?}");
    }
}

#[test]
fn host_rules_are_names_with_a_prefix_and_a_port() {
    let rule = |hosts: fn(String) -> Hosts, name: &str, port| {
        let hosts = hosts(name.to_owned());
        Some(HostRule { hosts, port })
    };
    for (text, expected) in [
        (
            "App.example.com",
            rule(Hosts::Exact, "app.example.com", None),
        ),
        ("*.example.com", rule(Hosts::OneLabel, "example.com", None)),
        (".example.com", rule(Hosts::Subdomains, "example.com", None)),
        (
            "app.example.com:8443",
            rule(Hosts::Exact, "app.example.com", Some(8443)),
        ),
        (
            "*.example.com:443",
            rule(Hosts::OneLabel, "example.com", Some(443)),
        ),
        (
            ".example.com:65535",
            rule(Hosts::Subdomains, "example.com", Some(65535)),
        ),
        ("", None),
        (".", None),
        ("*", None),
        ("*.", None),
        ("..example.com", None),
        ("*example.com", None),
        ("*.*.example.com", None),
        ("app.example.com:", None),
        ("app.example.com:0", None),
        ("app.example.com:65536", None),
        ("app.example.com:+1", None),
        ("app.example.com:*", None),
        ("app.example.com:80:80", None),
        (":8443", None),
        ("https://app.example.com", None),
        ("app.example.com/", None),
        ("app.example.com.", None),
        ("äpp.example.com", None),
    ] {
        assert_eq!(HostRule::parse(text), expected, "{text}");
    }
}
