use axum::http::Request;

use super::*;

const URL: (&str, &str) = ("X-Original-URL", "https://app.example.com/a?b=c");
const METHOD: (&str, &str) = ("X-Original-Method", "POST");
const FORWARDED: [(&str, &str); 4] = [
    ("X-Forwarded-Method", "POST"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "app.example.com"),
    ("X-Forwarded-Uri", "/a?b=c"),
];

/// Parses a proxy's request, `METHOD TARGET` with headers, into `METHOD AUTHORITY PATH`.
fn parse_request(request: &str, headers: &[(&str, &str)]) -> Result<String, AmbiguousRequest> {
    let (method, target) = request.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let original = Original::read(&parts, RequestFormat::of(&parts.uri))?;
    let texts = [original.method, original.authority, original.path];
    Ok(texts
        .map(|text| std::str::from_utf8(text).unwrap())
        .join(" "))
}

const ORIGINAL: &str = "POST app.example.com /a?b=c";

#[test]
fn each_header_group_describes_the_request() {
    assert_eq!(
        parse_request("GET /oauth2/auth", &[URL, METHOD]).unwrap(),
        ORIGINAL
    );
    assert_eq!(
        parse_request("GET /oauth2/auth", &FORWARDED).unwrap(),
        ORIGINAL
    );
    let own = [("Host", "app.example.com"), ("X-Forwarded-Proto", "https")];
    assert_eq!(
        parse_request("POST /oauth2/auth/a?b=c", &own).unwrap(),
        ORIGINAL
    );
    // Without a path the query is ours.
    let parsed = parse_request("GET /oauth2/auth?allowed_groups=sre", &[URL, METHOD]);
    assert_eq!(parsed.unwrap(), ORIGINAL);
}

#[test]
fn the_original_path_and_query_are_unchanged_in_the_path() {
    let own = [("Host", "app.example.com"), ("X-Forwarded-Proto", "http")];
    for (target, path) in [
        ("/oauth2/auth/", "/"),
        ("/oauth2/auth/?a", "/?a"),
        ("/oauth2/auth//a", "//a"),
        ("/oauth2/auth/oauth2/auth/a", "/oauth2/auth/a"),
        ("/oauth2/auth/%2e%2e/a", "/%2e%2e/a"),
        ("/oauth2/auth/../a", "/../a"),
    ] {
        let parsed = parse_request(&format!("GET {target}"), &own);
        assert_eq!(parsed.unwrap(), format!("GET app.example.com {path}"));
    }
    // In HTTP/2 the host is in the target.
    let proto = ("X-Forwarded-Proto", "https");
    let over_h2 = "GET https://app.example.com/oauth2/auth/a";
    let original = "GET app.example.com /a";
    assert_eq!(parse_request(over_h2, &[proto]).unwrap(), original);
    let consistent = [proto, ("Host", "app.example.com")];
    assert_eq!(parse_request(over_h2, &consistent).unwrap(), original);
    let contradicted = [proto, ("Host", "other.example.com")];
    assert_eq!(
        parse_request(over_h2, &contradicted),
        Err(AmbiguousRequest::Contradicted("host"))
    );
}

#[test]
fn h10_every_part_is_required_and_a_missing_method_is_never_get() {
    assert_eq!(
        parse_request("GET /oauth2/auth", &[]),
        Err(AmbiguousRequest::Missing("x-original-url"))
    );
    assert_eq!(
        parse_request("GET /oauth2/auth", &[URL]),
        Err(AmbiguousRequest::Missing("x-original-method"))
    );
    assert_eq!(
        parse_request("GET /oauth2/auth", &[METHOD]),
        Err(AmbiguousRequest::Missing("x-original-url"))
    );
    for (left_out, missing) in [
        "x-forwarded-method",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-uri",
    ]
    .into_iter()
    .enumerate()
    {
        let mut headers = FORWARDED.to_vec();
        headers.remove(left_out);
        assert_eq!(
            parse_request("GET /oauth2/auth", &headers),
            Err(AmbiguousRequest::Missing(missing))
        );
    }
    for (header, missing) in [
        (("Host", "app.example.com"), "x-forwarded-proto"),
        (("X-Forwarded-Proto", "https"), "host"),
    ] {
        assert_eq!(
            parse_request("GET /oauth2/auth/a", &[header]),
            Err(AmbiguousRequest::Missing(missing))
        );
    }
}

#[test]
fn h10_an_empty_part_is_missing() {
    let headers = [URL, ("X-Original-Method", "")];
    assert_eq!(
        parse_request("GET /oauth2/auth", &headers),
        Err(AmbiguousRequest::Missing("x-original-method"))
    );
    for (index, (name, _)) in FORWARDED.into_iter().enumerate() {
        let mut headers = FORWARDED;
        headers[index].1 = "";
        assert!(
            parse_request("GET /oauth2/auth", &headers).is_err(),
            "{name}"
        );
    }
}

#[test]
fn h10_header_groups_are_not_mixed() {
    // A proxy that sets the URL alone, and a client that adds a method.
    let headers = [URL, ("X-Forwarded-Method", "GET")];
    assert_eq!(
        parse_request("GET /oauth2/auth", &headers),
        Err(AmbiguousRequest::Missing("x-original-method"))
    );
    // A proxy that sets one group, and a client that adds a part of the other.
    let mut headers = FORWARDED.to_vec();
    headers.push(METHOD);
    assert_eq!(
        parse_request("GET /oauth2/auth", &headers),
        Err(AmbiguousRequest::Missing("x-original-url"))
    );
}

#[test]
fn ghsa_7x63_headers_that_a_client_adds_are_refused() {
    // NGINX sets X-Original-* and forwards the client's headers.
    for (name, value) in [
        ("X-Forwarded-Uri", "/public"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "public.example.com"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Uri", ""),
    ] {
        let refused = parse_request("GET /oauth2/auth", &[URL, METHOD, (name, value)]);
        assert!(
            matches!(refused, Err(AmbiguousRequest::Contradicted(_))),
            "{name}: {refused:?}"
        );
    }
    // Traefik and Caddy set X-Forwarded-*.
    let mut headers = FORWARDED.to_vec();
    headers.extend([("X-Original-URL", "https://app.example.com/public"), METHOD]);
    assert!(parse_request("GET /oauth2/auth", &headers).is_err());
    let mut headers = FORWARDED.to_vec();
    headers.extend([URL, ("X-Original-Method", "GET")]);
    assert!(parse_request("GET /oauth2/auth", &headers).is_err());
    // Envoy sends the request itself.
    let own = [("Host", "app.example.com"), ("X-Forwarded-Proto", "https")];
    for added in [
        ("X-Original-URL", "https://app.example.com/public"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Uri", "/public"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "public.example.com"),
    ] {
        let refused = parse_request("POST /oauth2/auth/a", &[own[0], own[1], added]);
        assert!(
            matches!(refused, Err(AmbiguousRequest::Contradicted(_))),
            "{added:?}"
        );
    }
}

#[test]
fn two_equal_header_groups_are_accepted() {
    let mut headers = FORWARDED.to_vec();
    headers.extend([URL, METHOD]);
    assert_eq!(
        parse_request("GET /oauth2/auth", &headers).unwrap(),
        ORIGINAL
    );
    headers.push(("Host", "app.example.com"));
    assert_eq!(
        parse_request("POST /oauth2/auth/a?b=c", &headers).unwrap(),
        ORIGINAL
    );
    // An incomplete second group is accepted: a load balancer in front may set some of its headers.
    let headers = [URL, METHOD, ("X-Forwarded-Proto", "https")];
    assert_eq!(
        parse_request("GET /oauth2/auth", &headers).unwrap(),
        ORIGINAL
    );
}

#[test]
fn cve_2021_32777_repeated_headers_are_refused() {
    let all = [
        URL,
        METHOD,
        FORWARDED[0],
        FORWARDED[1],
        FORWARDED[2],
        FORWARDED[3],
    ];
    for twice in all {
        let mut headers = all.to_vec();
        headers.push(twice);
        let refused = parse_request("GET /oauth2/auth", &headers);
        assert!(
            matches!(refused, Err(AmbiguousRequest::Repeated(_))),
            "{twice:?}: {refused:?}"
        );
    }
    let host = ("Host", "app.example.com");
    assert_eq!(
        parse_request("POST /oauth2/auth/a", &[host, host, FORWARDED[1]]),
        Err(AmbiguousRequest::Repeated("host"))
    );
}

#[test]
fn the_url_is_scheme_host_and_path() {
    for url in [
        "",
        "/a",
        "//app.example.com/a",
        "app.example.com/a",
        "https:/app.example.com/a",
        "https://app.example.com",
    ] {
        let refused = parse_request("GET /oauth2/auth", &[("X-Original-URL", url), METHOD]);
        assert_eq!(refused, Err(AmbiguousRequest::Url), "{url}");
    }
    for url in [
        "ftp://app.example.com/a",
        "HTTPS://app.example.com/a",
        "://app.example.com/a",
        " https://app.example.com/a",
        "x://https://app.example.com/a",
    ] {
        let refused = parse_request("GET /oauth2/auth", &[("X-Original-URL", url), METHOD]);
        assert_eq!(
            refused,
            Err(AmbiguousRequest::Scheme("x-original-url")),
            "{url}"
        );
    }
    for scheme in ["", "WSS", "wss,https", "https,http", "HTTPS", "ftp", "wsss"] {
        let mut headers = FORWARDED;
        headers[1].1 = scheme;
        let refused = parse_request("GET /oauth2/auth", &headers);
        assert_eq!(
            refused,
            Err(AmbiguousRequest::Scheme("x-forwarded-proto")),
            "{scheme}"
        );
    }
}

#[test]
fn the_scheme_of_a_websocket_counts_as_that_of_http() {
    let with = |scheme: &'static str| {
        let mut headers = FORWARDED;
        headers[1].1 = scheme;
        headers
    };
    for scheme in ["wss", "ws", "https", "http"] {
        let parsed = parse_request("GET /oauth2/auth", &with(scheme));
        assert_eq!(parsed.as_deref(), Ok(ORIGINAL), "{scheme}");
        let own = [("Host", "app.example.com"), ("X-Forwarded-Proto", scheme)];
        let parsed = parse_request("POST /oauth2/auth/a?b=c", &own);
        assert_eq!(parsed.as_deref(), Ok(ORIGINAL), "{scheme}");
        let url = format!("{scheme}://app.example.com/a?b=c");
        let original = [("X-Original-URL", &*url), METHOD];
        let parsed = parse_request("GET /oauth2/auth", &original);
        assert_eq!(parsed.as_deref(), Ok(ORIGINAL), "{scheme}");
    }
    // Both groups of headers say the same only with the same security.
    for (scheme, parsed) in [
        ("wss", Ok(ORIGINAL)),
        ("https", Ok(ORIGINAL)),
        (
            "ws",
            Err(AmbiguousRequest::Contradicted("x-forwarded-proto")),
        ),
        (
            "http",
            Err(AmbiguousRequest::Contradicted("x-forwarded-proto")),
        ),
    ] {
        let mut both = vec![URL, METHOD];
        both.extend(with(scheme));
        let refused = parse_request("GET /oauth2/auth", &both);
        assert_eq!(refused.as_deref(), parsed.as_ref().copied(), "{scheme}");
    }
}

#[test]
fn core_gets_the_original_request_and_the_websocket() {
    let mut headers = HeaderMap::new();
    headers.insert("sec-websocket-version", "13".parse().unwrap());
    let original = Original {
        method: b"GET",
        authority: b"app.example.com",
        path: b"/",
    };
    let shown = original.headers(&headers);
    assert_eq!(shown.only("upgrade"), Some(&b"websocket"[..]));
    assert_eq!(shown.only(":authority"), Some(&b"app.example.com"[..]));
    assert_eq!(shown.only("sec-websocket-version"), Some(&b"13"[..]));
    let shown = original
        .headers(&HeaderMap::new())
        .only("upgrade")
        .is_some();
    assert!(!shown);
}
