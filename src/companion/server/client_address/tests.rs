use axum::http::HeaderValue;

use super::*;

/// The client of a request from this peer, with these lines of `X-Forwarded-For`, if `10.1.0.0/16` and the unix
/// socket are trusted.
fn client(peer: Option<Peer>, lines: &[&'static str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
    }
    let proxies = TrustedProxies::of(&["10.1.0.0/16", "unix"]);
    client_address(peer, &headers, &proxies).map(|address| address.to_string())
}

fn at(address: &str) -> Option<Peer> {
    Some(Peer::Address(SocketAddr::new(
        address.parse().unwrap(),
        4711,
    )))
}

#[test]
fn a_trusted_proxy_names_the_client_and_a_client_can_not() {
    for (lines, expected) in [
        (&["192.0.2.7"][..], Some("192.0.2.7")),
        // What the client sent is before what the proxies added.
        (&["203.0.113.9, 192.0.2.7"], Some("192.0.2.7")),
        (&["203.0.113.9", "192.0.2.7"], Some("192.0.2.7")),
        (&["203.0.113.9, 192.0.2.7, 10.1.0.2"], Some("192.0.2.7")),
        (&["192.0.2.7:33000"], Some("192.0.2.7")),
        (&["2001:db8::7"], Some("2001:db8::7")),
        (&["[2001:db8::7]:33000"], Some("2001:db8::7")),
        (&["::ffff:192.0.2.7"], Some("192.0.2.7")),
        // A client in the network of the proxies.
        (&["10.1.0.3, 10.1.0.2"], Some("10.1.0.3")),
        (&["192.0.2.7, unknown"], None),
        (&["192.0.2.7, unknown, 10.1.0.2"], None),
        (&["192.0.2.7,"], None),
        (&[""], None),
        (&[], None),
    ] {
        for peer in [at("10.1.0.1"), at("::ffff:10.1.0.1"), Some(Peer::Unix)] {
            assert_eq!(client(peer, lines).as_deref(), expected, "{lines:?}");
        }
    }
}

#[test]
fn any_other_peer_is_the_client_itself() {
    for (peer, expected) in [
        (at("192.0.2.1"), Some("192.0.2.1")),
        (at("::ffff:192.0.2.1"), Some("192.0.2.1")),
        (None, None),
    ] {
        assert_eq!(client(peer, &["203.0.113.9"]).as_deref(), expected);
    }
}
