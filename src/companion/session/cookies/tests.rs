use super::*;
use crate::session::fixtures::{Browser, SEALED, TOKEN, cookies, settings};

const HOUR: Duration = Duration::from_secs(3600);

fn lines(lines: &[SetCookie]) -> Vec<&str> {
    lines.iter().map(SetCookie::header).collect()
}

/// Whether a value is among the candidates. A truncated one does not open.
fn offers(header: &str, value: &str) -> bool {
    cookies(header)
        .candidates(SEALED)
        .iter()
        .any(|one| one == value)
}

#[test]
fn c01_c02_a_cookie_has_all_its_attributes() {
    let set = settings().set(&cookies(""), TOKEN, "value", HOUR);
    assert_eq!(
        lines(&set),
        [
            "__Secure-portcullis=value; Path=/; Max-Age=3600; Domain=example.com; Secure; HttpOnly; SameSite=Lax"
        ]
    );
}

#[test]
fn c01_without_a_domain_a_cookie_is_for_its_own_host() {
    let settings = SessionSettings {
        domain: None,
        same_site: SameSite::None,
        ..settings()
    };
    let set = settings.set(&cookies(""), TOKEN, "value", HOUR);
    assert_eq!(
        lines(&set),
        ["__Secure-portcullis=value; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=None"]
    );
}

#[test]
fn l01_cve_2025_55162_a_deletion_has_the_attributes_of_its_cookie() {
    let header = format!("{TOKEN}=a; {SEALED}.0=b; {SEALED}.1=c; other=d; {TOKEN}x=e");
    let deleted = settings().delete_session(&cookies(&header));
    let expected = [TOKEN, &format!("{SEALED}.0"), &format!("{SEALED}.1")].map(|name| {
        format!(
            "{name}=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=example.com; \
             Secure; HttpOnly; SameSite=Lax"
        )
    });
    assert_eq!(lines(&deleted), expected);
}

#[test]
fn c03_a_long_value_is_chunked() {
    for (length, chunks) in [
        (3999, 1),
        (4000, 1),
        (4001, 2),
        (4095, 2),
        (4096, 2),
        (4097, 2),
        (8000, 2),
        (8001, 3),
    ] {
        let value: String = ('a'..='z').cycle().take(length).collect();
        let set = settings().set(&cookies(""), SEALED, &value, HOUR);
        assert_eq!(set.len(), chunks, "{length}");
        // The browser checks that name and value are 4,096 bytes at most.
        let mut browser = Browser::default();
        browser.store(&set);
        let header = browser.header();
        assert!(offers(&header, &value), "{length}");
    }
}

#[test]
fn c03_a_value_with_a_missing_chunk_is_ignored() {
    let value = "a".repeat(9000);
    let mut browser = Browser::default();
    browser.store(&settings().set(&cookies(""), SEALED, &value, HOUR));
    for name in browser
        .names()
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    {
        let mut browser = browser.clone();
        browser.forget(&name);
        let header = browser.header();
        assert!(!offers(&header, &value), "{name}");
    }
}

#[test]
fn c03_former_chunks_are_deleted_when_the_length_changes() {
    let mut browser = Browser::default();
    for length in [9000, 10, 4100, 13_000, 4000, 4001] {
        let value: String = ('a'..='z').cycle().take(length).collect();
        let header = browser.header();
        let set = settings().set(&cookies(&header), SEALED, &value, HOUR);
        browser.store(&set);
        let header = browser.header();
        assert!(offers(&header, &value), "{length}");
        assert_eq!(
            browser.names().len(),
            split_cookie(SEALED, &value).len(),
            "{length}"
        );
    }
}

#[test]
fn c04_a_repeated_cookie_is_deleted_at_all_domains() {
    let header = format!("{TOKEN}=a; {TOKEN}=b");
    let deleted = settings().delete_session(&cookies(&header));
    let domains: Vec<_> = deleted
        .iter()
        .map(|line| {
            line.header()
                .split("; ")
                .find(|part| part.starts_with("Domain="))
        })
        .collect();
    assert_eq!(
        domains,
        [
            Some("Domain=example.com"),
            None,
            Some("Domain=auth.example.com")
        ]
    );
    let set = settings().set(&cookies(&header), TOKEN, "new", HOUR);
    assert_eq!(set.len(), 3);
    assert!(set[0].header().starts_with("__Secure-portcullis=new; "));
}

#[test]
fn c04_names_in_another_case_or_of_other_cookies_are_not_ours() {
    let header = format!(
        "{}=a; {TOKEN}-other=b; {TOKEN}.=c; {TOKEN}.x=d; {TOKEN}.1x=e; x{TOKEN}=f; {SEALED}-x=g",
        TOKEN.to_lowercase()
    );
    assert_eq!(
        lines(&settings().delete_session(&cookies(&header))),
        Vec::<&str>::new()
    );
}

#[test]
fn c04_cookies_of_several_headers_are_read_together() {
    let halves = [
        format!("{SEALED}.0={}", "a".repeat(4000)),
        format!("{SEALED}.1=b"),
    ];
    let both = Cookies::read(halves.iter().map(String::as_bytes));
    assert_eq!(both.candidates(SEALED), ["a".repeat(4000) + "b"]);
}

/// Another host of the domain can set any of these, twice. A proxy that refuses a response with so many fields would
/// keep the user from signing in and out.
#[test]
fn t19_the_number_of_lines_for_forged_names_is_bounded() {
    let header: Vec<_> = (0..500)
        .flat_map(|number| [TOKEN, SEALED].map(|name| format!("{name}.{number}=a; {name}=a")))
        .collect();
    let forged = header.join("; ");
    let deleted = settings().delete_session(&cookies(&forged));
    // No chunk has a larger number.
    let names = ["", ".0", ".1", ".2", ".3"];
    let of = |name: &str| deleted.iter().filter(|line| line.is_of(name)).count();
    for name in [TOKEN, SEALED] {
        for rest in names {
            assert!(of(&format!("{name}{rest}")) > 0, "{name}{rest}");
        }
        assert_eq!(of(&format!("{name}.4")), 0);
    }
    let twice = cookies(&forged).pairs.repeat(2);
    let twice = Cookies { pairs: twice };
    assert!(settings().delete_session(&twice).len() <= 2 * MAX_LINES);
    let value = "a".repeat(9000);
    let set = settings().set(&twice, TOKEN, &value, HOUR);
    assert!(set.len() <= MAX_LINES);
    let is_set = |line: &SetCookie| !line.header().contains("Max-Age=0");
    assert_eq!(set.iter().take_while(|line| is_set(line)).count(), 3);
}

#[test]
fn debug_output_has_only_names() {
    let set = settings().set(&cookies(""), TOKEN, "value", HOUR);
    assert_eq!(format!("{set:?}"), r#"[SetCookie("__Secure-portcullis")]"#);
    assert_eq!(
        format!("{:?}", cookies("a=secret; b=secret")),
        r#"["a", "b"]"#
    );
}
