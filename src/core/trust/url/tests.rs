use super::*;

#[test]
fn a_url_is_split_into_authority_and_path() {
    for (text, authority, path) in [
        ("https://a.example.com", "a.example.com", "/"),
        ("https://A.example.com:8443/", "a.example.com:8443", "/"),
        (
            "https://10.0.0.1:6443/openid/v1/jwks",
            "10.0.0.1:6443",
            "/openid/v1/jwks",
        ),
        ("https://[FD00::1]:6443/k", "[fd00::1]:6443", "/k"),
        ("https://[::ffff:10.0.0.1]/", "[::ffff:10.0.0.1]", "/"),
        ("https://a/b//c/", "a", "/b//c/"),
        (
            "https://a/realms/my%20realm/~x;y=z,@:",
            "a",
            "/realms/my%20realm/~x;y=z,@:",
        ),
    ] {
        let url = Url::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((url.authority(), url.path()), (authority, path), "{text}");
    }
}

#[test]
fn d02_ambiguous_urls_are_refused() {
    for text in [
        "",
        "a",
        "//a",
        "http://a",
        "HTTPS://a",
        "https:/a",
        "https:///a",
        "https://",
        "https://user@a",
        "https://user:pass@a/b",
        "https://a:443@b",
        "https://a\\@b",
        "https://a?b",
        "https://a/b?c",
        "https://a#b",
        "https://a/b#",
        "https://a:",
        "https://a:0",
        "https://a:65536",
        "https://a:+1",
        "https://a:1:2",
        "https://a:1x",
        "https://[::1",
        "https://::1",
        "https://[::1]x",
        "https://[a]",
        "https://[::1]:",
        "https://[fe80::1%25eth0]",
        "https://[]",
        "https://a.",
        "https://-a",
        "https://a b",
        "https://a/b c",
        "https://a/\n",
        "https://a/ä",
        "https://ä",
        "https://a/../b",
        "https://a/.",
        "https://a/%",
        "https://a/%2",
        "https://a/%zz",
        "https://a/<b>",
        "https://a/[b]",
        " https://a",
        "https://a ",
    ] {
        assert_eq!(Url::parse(text), None, "{text}");
    }
}

#[test]
fn the_url_of_a_document_may_have_a_query() {
    for (text, path) in [
        ("https://a.example/keys?appid=1", "/keys?appid=1"),
        ("https://a.example?p=B2C_1_x", "/?p=B2C_1_x"),
        ("https://a.example/k?", "/k?"),
        ("https://a.example/k?a=%20&b=../c?d", "/k?a=%20&b=../c?d"),
        ("https://a.example/k", "/k"),
    ] {
        let url = Url::parse_document(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((url.authority(), url.path()), ("a.example", path), "{text}");
        assert_eq!(url.to_string(), text.replace("example?", "example/?"));
    }
    for text in [
        "https://a.example/../k?a",
        "https://a.example/k?a#b",
        "https://a.example/k?a b",
        "https://a.example/k?%zz",
        "https://a@b.example/k?a",
        "http://a.example/k?a",
    ] {
        assert_eq!(Url::parse_document(text), None, "{text}");
    }
}
