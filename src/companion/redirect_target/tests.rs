use url::Url;

use super::*;

/// Attacks on `rd`, one on each line, under headings.
const ATTACKS: &str = include_str!("attacks.txt");

fn rules(site: &str) -> RedirectRules {
    let hosts = [
        "app.example.com",
        "*.tools.example.com",
        ".wide.example.com",
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
fn r06_a_target_that_is_too_long_when_it_is_written_is_rejected_at_once() {
    let start = "https://app.example.com/";
    for (character, written) in [("a", 1), ("\"", 3), ("<", 3), ("`", 3), (" ", 3), ("é", 6)] {
        for prefix in [start, "/", "https://app.example.com/?"] {
            let mut accepted = 0;
            for count in (600..700).chain(1_350..1_370).chain(4_050..4_100) {
                let text = [prefix, &character.repeat(count)].concat();
                match check(&text) {
                    Ok(target) => {
                        accepted += 1;
                        assert!(target.len() <= MAX_BYTES);
                        assert_eq!(check(&target).as_ref(), Ok(&target), "{prefix}{character}");
                    }
                    Err(RedirectError::Long) => {
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
fn the_port_is_the_default_or_the_companions_own() {
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
    assert_eq!(check(&long), Err(RedirectError::Long));
    assert!(check(&long[..MAX_BYTES]).is_ok());
}

#[test]
fn host_rules_are_names_with_a_prefix() {
    for (text, rule) in [
        (
            "App.example.com",
            Some(HostRule::Exact("app.example.com".into())),
        ),
        (
            "*.example.com",
            Some(HostRule::OneLabel("example.com".into())),
        ),
        (
            ".example.com",
            Some(HostRule::Subdomains("example.com".into())),
        ),
        ("", None),
        (".", None),
        ("*", None),
        ("*.", None),
        ("..example.com", None),
        ("*example.com", None),
        ("*.*.example.com", None),
        ("app.example.com:443", None),
        ("https://app.example.com", None),
        ("app.example.com/", None),
        ("app.example.com.", None),
        ("äpp.example.com", None),
    ] {
        assert_eq!(HostRule::parse(text), rule, "{text}");
    }
}
