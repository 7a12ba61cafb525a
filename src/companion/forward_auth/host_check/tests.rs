use super::*;

fn checked(query: &str, format: RequestFormat, authority: &str) -> bool {
    let uri: Uri = format!("/oauth2/auth?{query}").parse().unwrap();
    check(&uri, format, authority.as_bytes()).is_ok()
}

#[test]
fn a_host_that_the_proxy_does_not_serve_is_refused() {
    for (query, authority, expected) in [
        ("host=app.example.com", "app.example.com", true),
        ("host=app.example.com", "App.Example.COM:8443", true),
        (
            "allowed_groups=a&host=app%2Eexample.com",
            "app.example.com",
            true,
        ),
        ("host=app.example.com", "other.example.com", false),
        ("host=app.example.com", "app.example.com.", false),
        ("host=app.example.com", "x.app.example.com", false),
        ("host=app.example.com", "app.example.com:x", false),
        (
            "host=app.example.com",
            "app.example.com:1@other.example.com",
            false,
        ),
        ("host=app.example.com", "", false),
        ("host=", "app.example.com", false),
        ("host=*.example.com", "app.example.com", false),
        // Two hosts allow none.
        (
            "host=app.example.com&host=other.example.com",
            "app.example.com",
            false,
        ),
        ("", "other.example.com", true),
        ("hosts=app.example.com", "other.example.com", true),
    ] {
        let accepted = checked(query, RequestFormat::InHeaders, authority);
        assert_eq!(accepted, expected, "{query} {authority}");
    }
    // In this format the query is that of the original request.
    assert!(checked(
        "host=app.example.com",
        RequestFormat::InPath,
        "other.example.com"
    ));
}
