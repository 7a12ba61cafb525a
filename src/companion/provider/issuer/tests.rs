use super::*;

const TEMPLATE: &str = "https://login.example.com/{tenantid}/v2.0";
const ONE: &str = "https://login.example.com/one/v2.0";
const OTHER: &str = "https://login.example.com/other/v2.0";

fn issuer(url: &str, tenants: &[&str]) -> Issuer {
    let tenants = tenants.iter().map(|tenant| (*tenant).to_owned());
    Issuer::new(IssuerUrl::new(url.to_owned()).unwrap(), tenants.collect())
}

#[test]
fn a_plain_issuer_is_compared_byte_for_byte() {
    let plain = issuer(ONE, &[]);
    assert!(plain.accepts(ONE) && plain.accepts_from(ONE, None));
    assert!(plain.accepts_from(ONE, Some("any")));
    for iss in [OTHER, TEMPLATE, "", "https://login.example.com/one/v2.0/"] {
        assert!(
            !plain.accepts(iss) && !plain.accepts_from(iss, Some("one")),
            "{iss}"
        );
    }
    // A template without tenants accepts no tenant.
    assert!(!issuer(TEMPLATE, &[]).accepts(ONE));
}

#[test]
fn iss_is_the_template_with_a_listed_tid() {
    let template = issuer(TEMPLATE, &["one", "two"]);
    for (iss, tid, is_accepted) in [
        (ONE, Some("one"), true),
        (ONE, Some("two"), false),
        (ONE, Some("ONE"), false),
        (ONE, None, false),
        (OTHER, Some("other"), false),
        (OTHER, Some("one"), false),
        (TEMPLATE, Some("{tenantid}"), false),
        (TEMPLATE, Some("one"), false),
        ("", Some("one"), false),
        ("https://evil.example/one/v2.0", Some("one"), false),
    ] {
        assert_eq!(
            template.accepts_from(iss, tid),
            is_accepted,
            "{iss} {tid:?}"
        );
    }
    assert!(template.accepts(ONE) && !template.accepts(OTHER) && !template.accepts(TEMPLATE));
}

#[test]
fn a_key_verifies_tokens_of_its_issuer_only() {
    let template = issuer(TEMPLATE, &["one", "other"]);
    for (of_key, is_allowed) in [
        (None, true),
        (Some(TEMPLATE), true),
        (Some(ONE), true),
        (Some(OTHER), false),
        (Some(""), false),
    ] {
        assert_eq!(template.allows_key(of_key, ONE), is_allowed, "{of_key:?}");
    }
    // The member is not used elsewhere.
    assert!(issuer(ONE, &[]).allows_key(Some(OTHER), ONE));
}
