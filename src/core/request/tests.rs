use super::*;

fn target(path: &str) -> Result<String, Ambiguity> {
    target_bytes(path.as_bytes())
}

fn target_bytes(path: &[u8]) -> Result<String, Ambiguity> {
    let fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":authority", b"app.example.com"),
        (b":path", path),
    ];
    let request = Request::read(&Headers::new(fields))?;
    // Ambiguous for every app that does not say otherwise.
    if request.has_encoded_separator() {
        return Err(Ambiguity::PathEncoding);
    }
    Ok(request.path().to_owned())
}

fn authority(authority: &str) -> Result<String, Ambiguity> {
    let fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":authority", authority.as_bytes()),
        (b":path", b"/"),
    ];
    Request::read(&Headers::new(fields)).map(|request| request.host().to_owned())
}

#[test]
fn h08_the_path_excludes_the_query() {
    assert_eq!(
        target("/api/v2/alerts?x=/-/healthy;a//b%2f").as_deref(),
        Ok("/api/v2/alerts")
    );
    assert_eq!(target("/?").as_deref(), Ok("/"));
    assert_eq!(target_bytes(b"/q?name=\xc3\xa9").as_deref(), Ok("/q"));
}

#[test]
fn h08_plain_paths_stay_as_they_are() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/a/b.c",
        "/..a",
        "/a..",
        "/...",
        "/100%25",
        "/caf%C3%A9",
        "/a%20b",
    ] {
        assert_eq!(target(path).as_deref(), Ok(path), "{path}");
    }
}

#[test]
fn h08_ambiguous_paths_are_refused() {
    let refused = [
        ("", Ambiguity::NoPath),
        ("*", Ambiguity::NoPath),
        ("api", Ambiguity::NoPath),
        ("http://app.example.com/", Ambiguity::NoPath),
        ("?/", Ambiguity::NoPath),
        ("//", Ambiguity::PathSegment),
        ("//a", Ambiguity::PathSegment),
        ("/a//b", Ambiguity::PathSegment),
        ("/a//", Ambiguity::PathSegment),
        ("/.", Ambiguity::PathSegment),
        ("/./a", Ambiguity::PathSegment),
        ("/a/..", Ambiguity::PathSegment),
        ("/a/../b", Ambiguity::PathSegment),
        ("/%2e%2e/a", Ambiguity::PathEncoding),
        ("/a%2Eb", Ambiguity::PathEncoding),
        ("/a%2fb", Ambiguity::PathEncoding),
        ("/a%2Fb", Ambiguity::PathEncoding),
        ("/a%23b", Ambiguity::PathEncoding),
        ("/a%2523b", Ambiguity::PathEncoding),
        ("/a%252fb", Ambiguity::PathEncoding),
        ("/a%25%32%66b", Ambiguity::PathEncoding),
        ("/a%252%66b", Ambiguity::PathEncoding),
        ("/a%25%32%65%25%32%65", Ambiguity::PathEncoding),
        ("/a%3fb", Ambiguity::PathEncoding),
        ("/a%00b", Ambiguity::PathEncoding),
        ("/a%0ab", Ambiguity::PathEncoding),
        ("/a%7fb", Ambiguity::PathEncoding),
        ("/a%", Ambiguity::PathEncoding),
        ("/a%2", Ambiguity::PathEncoding),
        ("/a%zz", Ambiguity::PathEncoding),
        ("/a%+1", Ambiguity::PathEncoding),
        ("/a%c0%af", Ambiguity::PathEncoding),
        ("/a%e9", Ambiguity::PathEncoding),
        ("/a\\b", Ambiguity::PathSeparator),
        ("/a%5cb", Ambiguity::PathEncoding),
        ("/a%5Cb", Ambiguity::PathEncoding),
        ("/admin;x=y/", Ambiguity::PathSeparator),
        ("/..;/a", Ambiguity::PathSeparator),
        ("/a%3bb", Ambiguity::PathEncoding),
        ("/a#b", Ambiguity::PathByte),
        ("/a?b#c", Ambiguity::PathByte),
        ("/a b", Ambiguity::PathByte),
        ("/a\tb", Ambiguity::PathByte),
        ("/a\u{7f}", Ambiguity::PathByte),
        ("/caf\u{e9}", Ambiguity::PathByte),
    ];
    for (path, ambiguity) in refused {
        assert_eq!(target(path), Err(ambiguity), "{path}");
    }
    assert_eq!(target_bytes(b"/caf\xe9"), Err(Ambiguity::PathByte));
}

#[test]
fn h08_hosts_are_lower_cased_and_lose_their_port() {
    for given in [
        "app.example.com",
        "APP.Example.Com",
        "app.example.com:443",
        "App.example.com:8443",
    ] {
        assert_eq!(
            authority(given).as_deref(),
            Ok("app.example.com"),
            "{given}"
        );
    }
}

#[test]
fn h08_ambiguous_hosts_are_refused() {
    let long = format!("{}.example.com", "a".repeat(64));
    for given in [
        "",
        ".",
        "app.example.com.",
        "app..example.com",
        ".example.com",
        "user@app.example.com",
        "app.example.com:",
        "app.example.com:0",
        "app.example.com:65536",
        "app.example.com:+443",
        "app.example.com:80:80",
        "[::1]",
        "[::1]:443",
        "app_1.example.com",
        "-app.example.com",
        "app-.example.com",
        "app.example.com/",
        "app example.com",
        "app.example.com,b",
        "café.example",
        "%61pp.example.com",
        "*.example.com",
        &long,
    ] {
        assert_eq!(authority(given), Err(Ambiguity::Host), "{given}");
    }
}

#[test]
fn dns_names_are_recognized() {
    let label = "a".repeat(63);
    let longest = [label.as_str(); 4].join(".");
    for name in [
        "a",
        "a.b",
        "1.2.3.4",
        "ab.c-d",
        &label,
        longest.get(..253).unwrap(),
    ] {
        assert!(is_dns_name(name), "{name}");
    }
    let long = "a".repeat(64);
    for name in [
        "", ".", "a.", ".a", "a..b", "-a", "a-", "A", "a_b", "a b", "ä", "a:1", &long, &longest,
    ] {
        assert!(!is_dns_name(name), "{name}");
    }
}

#[test]
fn missing_and_repeated_pseudo_headers_are_refused() {
    let whole: [(&[u8], &[u8]); 3] = [
        (b":method", b"GET"),
        (b":authority", b"app.example.com"),
        (b":path", b"/"),
    ];
    for (field, ambiguity) in [Ambiguity::Method, Ambiguity::Host, Ambiguity::NoPath]
        .into_iter()
        .enumerate()
    {
        let mut missing = whole.to_vec();
        missing.remove(field);
        assert_eq!(
            Request::read(&Headers::new(missing)).unwrap_err(),
            ambiguity
        );
        let mut repeated = whole.to_vec();
        repeated.push(whole[field]);
        assert_eq!(
            Request::read(&Headers::new(repeated)).unwrap_err(),
            ambiguity
        );
    }
}

#[test]
fn connect_and_malformed_methods_are_refused() {
    for method in ["", "CONNECT", "GE T", "GET,POST", "G\u{e9}T"] {
        let fields: Vec<(&[u8], &[u8])> = vec![
            (b":method", method.as_bytes()),
            (b":authority", b"app.example.com"),
            (b":path", b"/"),
        ];
        assert_eq!(
            Request::read(&Headers::new(fields)).unwrap_err(),
            Ambiguity::Method,
            "{method}"
        );
    }
}

fn client(method: &'static str, fields: &[(&'static str, &'static str)]) -> Client {
    headers(method, fields).client()
}

fn headers(method: &'static str, fields: &[(&'static str, &'static str)]) -> Headers<'static> {
    let method: (&[u8], &[u8]) = (b":method", method.as_bytes());
    let fields = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Headers::new(std::iter::once(method).chain(fields).collect())
}

#[test]
fn h13_navigations_and_forms_are_of_a_browser() {
    let html = ("accept", "application/xhtml+xml,Text/HTML;q=0.9,*/*;q=0.8");
    assert_eq!(
        client("GET", &[("sec-fetch-mode", "navigate")]),
        Client::Browser
    );
    assert_eq!(client("GET", &[html]), Client::Browser);
    assert_eq!(
        client("GET", &[html, ("sec-fetch-mode", "cors")]),
        Client::Program
    );
    assert_eq!(
        client("POST", &[html, ("sec-fetch-mode", "navigate")]),
        Client::Browser
    );
    assert_eq!(client("POST", &[html]), Client::Browser);
    assert_eq!(
        client("POST", &[html, ("sec-fetch-mode", "same-origin")]),
        Client::Program
    );
    assert_eq!(client("GET", &[("accept", "*/*")]), Client::Program);
    assert_eq!(
        client("GET", &[("accept", "text/html-ish")]),
        Client::Program
    );
}

#[test]
fn h12_grpc_is_recognized_by_its_content_type() {
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
    ] {
        assert_eq!(
            client("POST", &[("content-type", kind)]),
            Client::Grpc,
            "{kind}"
        );
    }
    assert_eq!(
        client("POST", &[("content-type", "application/grpc-web")]),
        Client::Program
    );
}

#[test]
fn h09_only_a_complete_preflight_request_is_one() {
    let origin = ("origin", "https://a.example");
    let method = ("access-control-request-method", "POST");
    assert!(headers("OPTIONS", &[origin, method]).is_preflight());
    assert!(!headers("GET", &[origin, method]).is_preflight());
    assert!(!headers("OPTIONS", &[origin]).is_preflight());
    assert!(!headers("OPTIONS", &[method]).is_preflight());
    assert!(!headers("OPTIONS", &[origin, ("access-control-request-method", "")]).is_preflight());
}

#[test]
fn h09_an_upgrade_or_a_request_with_a_body_is_no_preflight() {
    let origin = ("origin", "https://a.example");
    let method = ("access-control-request-method", "POST");
    for more in [
        ("upgrade", "websocket"),
        ("Upgrade", ""),
        ("connection", "upgrade"),
        ("connection", "keep-alive, Upgrade"),
        ("Connection", "UPGRADE"),
        ("connection", "\tupgrade\t"),
        ("connection", "upgrade\u{b}"),
        (":protocol", "websocket"),
        (":protocol", "connect-udp"),
        ("content-length", "1"),
        ("content-length", "00"),
        ("content-length", ""),
        ("transfer-encoding", "chunked"),
    ] {
        assert!(
            !headers("OPTIONS", &[origin, method, more]).is_preflight(),
            "{more:?}"
        );
        assert!(
            !headers("OPTIONS", &[more, origin, method]).is_preflight(),
            "{more:?}"
        );
    }
    for more in [
        ("content-length", "0"),
        ("connection", "keep-alive"),
        ("x-upgrade", "a"),
    ] {
        assert!(
            headers("OPTIONS", &[origin, method, more]).is_preflight(),
            "{more:?}"
        );
    }
    assert!(!headers("CONNECT", &[origin, method]).is_preflight());
    let followed = headers("OPTIONS", &[origin, method]).whole(false);
    assert!(!followed.is_preflight());
}

#[test]
fn a_content_length_that_is_not_one_number_is_refused() {
    let read = |lengths: &[&'static str]| {
        let mut fields: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"POST"),
            (b":authority", b"app.example.com"),
            (b":path", b"/"),
        ];
        let lengths = lengths.iter().map(|length| length.as_bytes());
        fields.extend(lengths.map(|length| (&b"content-length"[..], length)));
        Request::read(&Headers::new(fields)).map(|request| request.path().to_owned())
    };
    for lengths in [&[][..], &["0"], &["64"], &["064"]] {
        assert!(read(lengths).is_ok(), "{lengths:?}");
    }
    for lengths in [
        &["+64"][..],
        &["64 "],
        &["\t64"],
        &["-1"],
        &["0x40"],
        &["64, 64"],
        &["64", "64"],
        &["64", "0"],
        &[""],
        &["6.4"],
    ] {
        assert_eq!(read(lengths), Err(Ambiguity::ContentLength), "{lengths:?}");
    }
}
