use axum::http::HeaderName;

use super::*;

fn checked(
    method: &str,
    uri: &str,
    fields: &[(&'static str, &'static str)],
) -> Result<(), Foreign> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        headers.append(name, HeaderValue::from_static(value));
    }
    let method = method.parse().expect("a method");
    check(&method, &uri.parse().expect("a URI"), &headers)
}

#[test]
fn only_addresses_and_localhost_are_names_of_this_machine() {
    for host in [
        "127.0.0.1:9093",
        "[::1]:9093",
        "localhost",
        "LOCALHOST:9093",
        "alertmanager.localhost:9093",
        "127.8.9.10",
    ] {
        assert_eq!(checked("GET", "/", &[("host", host)]), Ok(()), "{host}");
    }
    for host in [
        "evil.example.com",
        "evil.example.com:9093",
        "10.1.2.3",
        "0.0.0.0:9093",
        "[::]:9093",
        "[::ffff:127.0.0.1]:9093",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "notlocalhost",
        "",
        "a b",
    ] {
        let result = checked("GET", "/", &[("host", host)]);
        assert_eq!(result, Err(Foreign::Host), "{host}");
    }
    let uri = "http://evil.example.com:9093/";
    let result = checked("GET", uri, &[("host", "127.0.0.1:9093")]);
    assert_eq!(result, Err(Foreign::Host));
    assert_eq!(checked("GET", "/", &[]), Ok(()), "HTTP/1.0");
}

#[test]
fn a_page_of_another_site_can_only_link_to_it() {
    let from = |site, mode| [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
    for site in ["cross-site", "same-site"] {
        for mode in ["no-cors", "cors", "same-origin"] {
            let result = checked("GET", "/", &from(site, mode));
            assert_eq!(result, Err(Foreign::Site), "{site} {mode}");
        }
        assert_eq!(checked("GET", "/", &from(site, "navigate")), Ok(()));
        let posted = checked("POST", "/", &from(site, "navigate"));
        assert_eq!(posted, Err(Foreign::Site));
    }
    for site in ["same-origin", "none"] {
        assert_eq!(checked("POST", "/", &from(site, "cors")), Ok(()), "{site}");
    }
}

#[test]
fn a_link_is_not_shown_in_a_frame_of_another_site() {
    let link = |dest| {
        let fields = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", dest),
        ];
        checked("GET", "/", &fields)
    };
    assert_eq!(link("document"), Ok(()));
    for dest in ["iframe", "frame", "embed", "object"] {
        assert_eq!(link(dest), Err(Foreign::Site), "{dest}");
    }
}

/// Browsers send `Origin` with each WebSocket handshake, and no Fetch Metadata.
#[test]
fn a_websocket_of_another_origin_is_refused() {
    let handshake = |origin| {
        let fields = [
            ("host", "127.0.0.1:9093"),
            ("upgrade", "websocket"),
            ("origin", origin),
        ];
        checked("GET", "/", &fields)
    };
    assert_eq!(handshake("http://127.0.0.1:9093"), Ok(()));
    for origin in [
        "https://evil.example.com",
        "http://127.0.0.1:8080",
        "http://localhost:9093",
        "null",
    ] {
        assert_eq!(handshake(origin), Err(Foreign::Site), "{origin}");
    }
    let program = [("host", "127.0.0.1:9093"), ("upgrade", "websocket")];
    assert_eq!(checked("GET", "/", &program), Ok(()));
}
