use axum::http::HeaderName;

use super::*;

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}

#[test]
fn a_websocket_is_detected_by_upgrade_or_by_headers_that_proxies_keep() {
    for (name, value, opens) in [
        ("upgrade", "websocket", true),
        ("upgrade", "", true),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", true),
        ("sec-websocket-version", "13", true),
        ("sec-fetch-mode", "websocket", true),
        ("sec-fetch-mode", "navigate", false),
        ("sec-websocket-protocol", "chat", false),
    ] {
        assert_eq!(
            opens_websocket(&headers(&[(name, value)])),
            opens,
            "{name}: {value}"
        );
    }
}

#[test]
fn protocols_other_than_websocket_are_refused() {
    let websocket = ("upgrade", "websocket");
    for (fields, is_allowed) in [
        (&[][..], true),
        (&[websocket], true),
        (&[("upgrade", "WebSocket")], true),
        (&[("upgrade", "h2c")], false),
        (&[("upgrade", "TLS/1.2")], false),
        (&[("upgrade", "websocket, h2c")], false),
        (&[("upgrade", "")], false),
        (&[websocket, ("upgrade", "h2c")], false),
        (&[("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA")], false),
        (&[websocket, ("http2-settings", "")], false),
    ] {
        assert_eq!(check(&headers(fields)).is_ok(), is_allowed, "{fields:?}");
    }
}
