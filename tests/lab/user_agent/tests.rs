use url::Url;

use super::cookie_jar::{Context, CookieJar};
use super::html;
use super::site::{self, Site};

const BASE: &str = "https://auth.tools.example.com/oauth2/callback";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// The cookies sent to `to` after these lines came from [`BASE`].
fn sent(lines: &[&str], to: &str, context: Context) -> String {
    let mut jar = CookieJar::default();
    let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    jar.store(&lines, &url(BASE), click(Site::Typed));
    jar.header(&url(to), context).unwrap_or_default()
}

/// A link on a page with this relation.
fn click(site: Site) -> Context {
    Context {
        site,
        navigation: true,
        safe: true,
    }
}

#[test]
fn a_cookie_is_sent_as_its_attributes_say() {
    let lines = [
        "host=1",
        "domain=2; Domain=tools.example.com; Path=/",
        "path=3; Path=/oauth2/x",
        "secure=4; Secure; Path=/",
    ];
    let to = |url| sent(&lines, url, click(Site::Typed));
    assert_eq!(
        to("https://auth.tools.example.com/oauth2/x/y"),
        "path=3; host=1; domain=2; secure=4"
    );
    assert_eq!(
        to("http://auth.tools.example.com:8080/oauth2"),
        "host=1; domain=2"
    );
    assert_eq!(
        to("https://auth.tools.example.com/oauth2x"),
        "domain=2; secure=4"
    );
    assert_eq!(to("https://grafana.tools.example.com/"), "domain=2");
    assert_eq!(to("https://eviltools.example.com/"), "");
    assert_eq!(to("https://example.com/"), "");
}

#[test]
fn same_site_limits_cross_site_cookies() {
    let lines = [
        "default=1; Path=/",
        "lax=2; SameSite=Lax; Path=/",
        "strict=3; SameSite=strict; Path=/",
        "none=4; SameSite=None; Secure; Path=/",
    ];
    let to = |context| sent(&lines, "https://auth.tools.example.com/", context);
    let all = "default=1; lax=2; strict=3; none=4";
    assert_eq!(to(click(Site::Typed)), all);
    assert_eq!(to(click(Site::Same)), all);
    assert_eq!(to(click(Site::Cross)), "default=1; lax=2; none=4");
    let cross_site_form = Context {
        safe: false,
        ..click(Site::Cross)
    };
    assert_eq!(to(cross_site_form), "none=4");
    let cross_site_script = Context {
        navigation: false,
        ..click(Site::Cross)
    };
    assert_eq!(to(cross_site_script), "none=4");
}

#[test]
fn invalid_cookies_are_dropped() {
    let long = format!("a={}; Secure", "x".repeat(4096));
    for (from, line) in [
        (BASE, "a=1; Domain=grafana.tools.example.com"),
        (BASE, "a=1; Domain=com"),
        (BASE, "__Secure-a=1"),
        (BASE, "__Host-a=1; Secure; Path=/; Domain=tools.example.com"),
        (BASE, "__Host-a=1; Secure; Path=/oauth2"),
        (BASE, "__Host-a=1; Secure"),
        (BASE, "a=1; SameSite=None"),
        (BASE, "no name"),
        (BASE, &long),
        ("http://auth.tools.example.com/", "a=1; Secure"),
        (
            "https://portcullis.localhost/",
            "a=1; Secure; Domain=localhost",
        ),
        ("https://127.0.0.1/", "a=1; Domain=0.0.1"),
    ] {
        let mut jar = CookieJar::default();
        jar.store(&[line.to_owned()], &url(from), click(Site::Typed));
        assert_eq!(jar.names(), [""; 0], "{line}");
        assert_eq!(jar.dropped().len(), 1, "{line}");
    }
    let mut jar = CookieJar::default();
    for line in [
        "__Host-a=1; Secure; Path=/",
        "__Secure-b=1; Secure; Domain=tools.example.com",
    ] {
        jar.store(&[line.to_owned()], &url(BASE), click(Site::Typed));
    }
    assert_eq!(jar.dropped(), [""; 0]);
    assert_eq!(jar.names(), ["__Host-a", "__Secure-b"]);
}

#[test]
fn a_cookie_is_replaced_and_expires() {
    let mut jar = CookieJar::default();
    let mut take = |line: &str| {
        jar.store(&[line.to_owned()], &url(BASE), click(Site::Typed));
        jar.header(&url(BASE), click(Site::Typed))
            .unwrap_or_default()
    };
    assert_eq!(take("a=1; Max-Age=60"), "a=1");
    assert_eq!(take("b=1"), "a=1; b=1");
    assert_eq!(take("a=2; Max-Age=60"), "a=2; b=1");
    assert_eq!(take("a=; Max-Age=0; Path=/"), "a=2; b=1");
    assert_eq!(take("a=; Max-Age=0"), "b=1");
    assert_eq!(take("b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "");
}

#[test]
fn same_site_and_cross_site_are_distinguished() {
    let from = url("https://app.tools.example.com:8443/page?q#f");
    for (to, site, referrer) in [
        (
            "https://app.tools.example.com:8443/x",
            Site::Origin,
            Some("https://app.tools.example.com:8443/page?q"),
        ),
        (
            "https://auth.tools.example.com/x",
            Site::Same,
            Some("https://app.tools.example.com:8443/"),
        ),
        (
            "https://example.org/x",
            Site::Cross,
            Some("https://app.tools.example.com:8443/"),
        ),
        ("http://app.tools.example.com/x", Site::Cross, None),
    ] {
        assert_eq!(Site::between(Some(&from), &url(to)), site, "{to}");
        assert_eq!(site::referrer(&from, &url(to)).as_deref(), referrer, "{to}");
    }
    let one = url("https://one.portcullis.localhost/");
    let other = url("https://other.portcullis.localhost/");
    assert_eq!(Site::between(Some(&one), &other), Site::Same);
}

#[test]
fn forms_links_and_refreshes_are_parsed() {
    let page = r#"<!-- <form action="/no"> --><META HTTP-EQUIV=refresh content='0; URL="/on?a=1&amp;b=2"'>
        <script>"<form action='/never'>"</script>
        <form id="f" action="sub?x=1&#38;y=&#x32;" method=post><input name="rd" value="a&quot;b"/>
        <input type=checkbox name=c checked><button name=go value=1>Go</button></form>
        <form><input name=q></form><a class=x href=/next>on</a>"#;
    let base = url("https://a.example.com/in/here");
    assert_eq!(
        html::refresh(page, &base).unwrap().as_str(),
        "https://a.example.com/on?a=1&b=2"
    );
    let forms = html::forms(page, &base);
    assert_eq!(forms.len(), 2);
    assert_eq!(
        forms[0].action.as_str(),
        "https://a.example.com/in/sub?x=1&y=2"
    );
    assert_eq!(
        (forms[0].method.as_str(), forms[0].id.as_str()),
        ("POST", "f")
    );
    assert!(forms[0].has("rd", "a\"b") && forms[0].has("c", ""));
    let pressed = forms[0].clone().fill("go", "1");
    assert!(pressed.has("go", "1") && !forms[0].has("go", "1"));
    assert_eq!(forms[1].method, "GET");
    assert_eq!(
        html::links(page, &base)[0].as_str(),
        "https://a.example.com/next"
    );
}
