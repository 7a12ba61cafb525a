use super::*;

fn checked(query: &str, form: Form, authority: &str) -> bool {
    let uri: Uri = format!("/oauth2/auth?{query}").parse().unwrap();
    check(&uri, form, authority.as_bytes()).is_ok()
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
        // Two hosts are none.
        (
            "host=app.example.com&host=other.example.com",
            "app.example.com",
            false,
        ),
        ("", "other.example.com", true),
        ("hosts=app.example.com", "other.example.com", true),
    ] {
        let accepted = checked(query, Form::Bare, authority);
        assert_eq!(accepted, expected, "{query} {authority}");
    }
    // There the query is the client's.
    assert!(checked(
        "host=app.example.com",
        Form::WithPath,
        "other.example.com"
    ));
}
