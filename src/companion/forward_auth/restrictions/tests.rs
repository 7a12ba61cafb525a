use super::*;

#[test]
fn an_address_has_one_at_sign() {
    for (email, domain) in [
        ("bob@example.com", Some("example.com")),
        ("bob", None),
        ("bob@", None),
        ("@example.com", None),
        ("bob@evil.com@example.com", None),
        ("bob@@example.com", None),
    ] {
        assert_eq!(address(email).map(|(_, domain)| domain), domain, "{email}");
    }
}

#[test]
fn a_leading_dot_means_subdomains() {
    for (domain, allowed, fits) in [
        ("example.com", "example.com", true),
        ("EXAMPLE.com", "example.COM", true),
        ("a.example.com", "example.com", false),
        ("evilexample.com", "example.com", false),
        ("a.example.com", ".example.com", true),
        ("a.b.Example.com", "*.example.com", true),
        ("example.com", ".example.com", false),
        (".example.com", ".example.com", false),
        ("evilexample.com", ".example.com", false),
        ("evilexample.com", "*example.com", false),
        ("example.com", "*", false),
        ("example.com", ".", false),
        ("ä.example.com", ".example.com", true),
        ("äexample.com", ".example.com", false),
        ("example.com", "", false),
    ] {
        assert_eq!(is_in(domain, allowed), fits, "{domain} {allowed}");
    }
}

#[test]
fn repeated_lists_are_merged_and_an_empty_list_counts() {
    let read = |query: &str| {
        let uri: Uri = format!("/oauth2/auth?{query}").parse().unwrap();
        Restrictions::read(&uri, RequestFormat::InHeaders)
    };
    assert_eq!(read("").unwrap(), Restrictions::default());
    assert_eq!(read("host=a&rd=/x").unwrap(), Restrictions::default());
    let restrictions =
        read("allowed_groups=a,,b&host=y&allowed_groups=c%2Cd+e&allowed_emails=").unwrap();
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    assert_eq!(restrictions.groups, list(&["a", "b", "c", "d e"]));
    assert_eq!(restrictions.emails, list(&[]));
    assert_eq!(restrictions.domains, None);
    for slip in [
        "allowed_group=a",
        "allowed-groups=a",
        "Allowed_groups=a",
        "ALLOWED_GROUPS=a",
        "allow_groups=a",
        "groups=a",
        "+allowed_groups=a",
        "email_domains=a",
        "HOST=a",
        "allowed_=a",
        "allowed_domains",
        "%61llowed_roles=a",
        "ap=x",
        "rdd=/x",
        "x",
        "=",
        "allowed_groups=a&x=y",
    ] {
        let error = read(slip).unwrap_err();
        assert!(matches!(error, AmbiguousRequest::Parameter(_)), "{slip}");
    }
}

#[test]
fn an_unknown_parameter_is_named_and_nothing_else_of_the_query_is() {
    let message = |query: &str| {
        let uri: Uri = format!("/oauth2/auth?{query}").parse().unwrap();
        let error = Restrictions::read(&uri, RequestFormat::InHeaders).unwrap_err();
        error.to_string()
    };
    let named = message("host=a&ap=hunter2");
    assert!(named.starts_with("unknown query parameter `ap`; expected one of: allowed_groups, "));
    assert!(named.contains("; help: "));
    assert!(!named.contains("hunter2"));
    for name in ["hunter2.a.b", "hunter2%0a", &"hunter2".repeat(6)] {
        let unnamed = message(&format!("{name}=x"));
        assert!(
            unnamed.starts_with("unknown query parameter; "),
            "{unnamed}"
        );
        assert!(!unnamed.contains("hunter2"), "{unnamed}");
    }
}
