use super::*;

const NAME: &str = "__Secure-portcullis";

fn names() -> CookieNames {
    CookieNames::new(NAME.to_owned())
}

#[test]
fn c04_exactly_these_cookie_names_are_reserved() {
    for rest in [
        "",
        ".0",
        ".1",
        ".15",
        ".007",
        "-session",
        "-session.0",
        "-session.12",
        "-login-",
        "-login-x7",
        "-login-x7.1",
    ] {
        assert!(names().has(format!("{NAME}{rest}").as_bytes()), "{rest}");
    }
    for name in ["__Host-portcullis-login-", "__Host-portcullis-login-x7"] {
        assert!(names().has(name.as_bytes()), "{name}");
    }
    for name in [
        "",
        "portcullis",
        "__secure-portcullis",
        "__SECURE-PORTCULLIS",
        "__Host-portcullis",
        "__Host-portcullis-session",
        "__Host-portcullis-login",
        "__host-portcullis-login-x7",
        "__Secure-portculli",
        "__Secure-portcullis2",
        "__Secure-portcullis.",
        "__Secure-portcullis.x",
        "__Secure-portcullis.-1",
        "__Secure-portcullis.0.1",
        "__Secure-portcullis-sessions",
        "__Secure-portcullis-session.",
        "__Secure-portcullis-session-session",
        "__Secure-portcullis-login",
        "x__Secure-portcullis",
    ] {
        assert!(!names().has(name.as_bytes()), "{name}");
    }
}

#[test]
fn h14_other_cookies_are_kept_byte_for_byte() {
    let token = "__Secure-portcullis=a.b.c";
    let strip = |cookie: &str| {
        let kept = names().strip(cookie.as_bytes());
        kept.map(|kept| String::from_utf8(kept.into_owned()).unwrap())
    };
    for (cookie, kept) in [
        ("", Some("")),
        ("a=1", Some("a=1")),
        (" a=1 ;b;; c=\"x; y\"", Some(" a=1 ;b;; c=\"x; y\"")),
        ("a=1; T; b=2", Some("a=1; b=2")),
        ("T; b=2", Some("b=2")),
        ("a=1; T", Some("a=1")),
        ("T", None),
        ("T; __Secure-portcullis-session.1=x; T", None),
        ("a=1;T;b=2", Some("a=1;b=2")),
        (
            "a=1; \t__Host-portcullis-login-q = x; b= 2 ",
            Some("a=1; b= 2 "),
        ),
        ("a=\"; T; \"", Some("a=\"; \"")),
        (
            "__secure-portcullis=x; A=__Secure-portcullis=y",
            Some("__secure-portcullis=x; A=__Secure-portcullis=y"),
        ),
    ] {
        let cookie = cookie.replace('T', token);
        assert_eq!(strip(&cookie).as_deref(), kept, "{cookie}");
    }
    let bytes = b"a=\xff\x80; __Secure-portcullis=x; b=\xc3";
    assert_eq!(&*names().strip(bytes).unwrap(), b"a=\xff\x80; b=\xc3");
}

fn headers<'a>(cookies: &[&'a str]) -> Headers<'a> {
    let fields = cookies
        .iter()
        .map(|cookie| (&b"Cookie"[..], cookie.as_bytes()));
    Headers::new(fields.collect())
}

#[test]
fn h14_several_cookie_headers_are_stripped_as_one() {
    let forwarded = |cookies: &[&str]| names().forwarded(&headers(cookies));
    assert_eq!(forwarded(&[]), Cookies::Unchanged);
    assert_eq!(forwarded(&["a=1", "b=2"]), Cookies::Unchanged);
    assert_eq!(forwarded(&["__Secure-portcullis=x"]), Cookies::Removed);
    assert_eq!(
        forwarded(&[
            "a=1",
            "__Secure-portcullis.0=x",
            "__Secure-portcullis.1=y; b=2"
        ]),
        Cookies::Replaced(b"a=1; b=2".to_vec())
    );
}

#[test]
fn a_refresh_carries_the_session_cookies_only() {
    let cookies = [
        "a=1; __Secure-portcullis=t",
        "__Secure-portcullis-session.0=s0;__Secure-portcullis-session.1=s1 ; b=2",
        "__Secure-portcullis-login-q=l",
    ];
    assert_eq!(
        names().of_session(&headers(&cookies)),
        "__Secure-portcullis=t; __Secure-portcullis-session.0=s0; __Secure-portcullis-session.1=s1"
    );
    assert!(names().is_sealed_in(&headers(&cookies)));
    for none in [
        "a=1",
        "__Secure-portcullis=t; __Secure-portcullis.0=t",
        "__Secure-portcullis-session=",
        "__Secure-portcullis-sessions=x",
        "__Secure-portcullis-login-session=x",
    ] {
        assert!(!names().is_sealed_in(&headers(&[none])), "{none}");
    }
}

#[test]
fn t19_cookies_that_no_header_can_have_are_neither_sent_nor_in_the_way() {
    for bad in [
        "\0",
        "\r\n",
        "\n",
        "\t",
        "\u{7f}",
        "\u{85}",
        "é",
        "a\u{2028}b",
    ] {
        let cookies = [
            format!("__Secure-portcullis-session={bad}s"),
            "__Secure-portcullis=t; __Secure-portcullis-session=good".to_owned(),
            format!("__Secure-portcullis={bad}"),
        ];
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        assert_eq!(
            names().of_session(&headers(&cookies)),
            "__Secure-portcullis=t; __Secure-portcullis-session=good",
            "{bad:?}"
        );
    }
}

#[test]
fn the_names_match_the_documentation() {
    let names = names();
    assert_eq!(names.token(), "__Secure-portcullis");
    assert_eq!(names.sealed(), "__Secure-portcullis-session");
    assert_eq!(names.login("x7"), "__Host-portcullis-login-x7");
    let host_only = CookieNames::new("__Host-gate".to_owned());
    assert_eq!(host_only.login("x7"), "__Host-gate-login-x7");
}
