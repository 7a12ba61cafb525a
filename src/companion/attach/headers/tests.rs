use super::*;

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let fields = fields.iter().map(|(name, value)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    headers
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn prepared(fields: &[(&'static str, &'static str)], kept: &[HeaderName]) -> HeaderMap {
    let mut headers = headers(fields);
    let token = HeaderValue::from_static("Bearer own");
    prepare_request(&mut headers, kept, token);
    headers
}

const CLIENT: [(&str, &str); 15] = [
    ("authorization", "Bearer client"),
    ("authorization", "Basic Y2xpZW50"),
    ("cookie", "a=1"),
    ("proxy-authorization", "Basic Y2xpZW50"),
    ("host", "127.0.0.1:9093"),
    ("connection", "keep-alive, X-Private"),
    ("connection", "x-other"),
    ("x-private", "1"),
    ("x-other", "1"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "keep-alive"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("http2-settings", "AAMAAABk"),
    ("x-public", "1"),
];

#[test]
fn the_token_replaces_all_credentials_of_the_client() {
    let headers = prepared(&CLIENT, &[]);
    assert_eq!(names(&headers), ["authorization", "x-public"]);
    let tokens: Vec<_> = headers.get_all(AUTHORIZATION).iter().collect();
    assert_eq!(tokens, ["Bearer own"]);
}

#[test]
fn credentials_are_kept_only_if_they_are_named() {
    let headers = prepared(&CLIENT, &[COOKIE]);
    assert_eq!(names(&headers), ["authorization", "cookie", "x-public"]);
    let headers = prepared(&CLIENT, &[COOKIE, PROXY_AUTHORIZATION]);
    let kept = ["authorization", "cookie", "proxy-authorization", "x-public"];
    assert_eq!(names(&headers), kept);
    assert_eq!(headers[AUTHORIZATION], "Bearer own");
}

#[test]
fn a_client_can_not_remove_the_token_by_connection() {
    let headers = prepared(&[("connection", "authorization, host, te")], &[]);
    assert_eq!(names(&headers), ["authorization"]);
}

#[test]
fn trailers_are_still_accepted() {
    for value in ["trailers", "gzip, Trailers"] {
        let headers = prepared(&[("te", value), ("connection", "te")], &[]);
        assert_eq!(headers[TE], "trailers", "{value}");
    }
    assert!(!prepared(&[("te", "gzip")], &[]).contains_key(TE));
}

#[test]
fn a_response_has_no_headers_about_the_connection_to_the_target() {
    let mut response = headers(&[
        ("connection", "close, x-private"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("transfer-encoding", "chunked"),
        ("www-authenticate", "Bearer"),
        ("location", "https://auth.example.com/"),
        ("set-cookie", "a=1"),
        ("trailer", "x-checksum"),
    ]);
    prepare_response(&mut response);
    let left = ["location", "set-cookie", "trailer", "www-authenticate"];
    assert_eq!(names(&response), left);
}
