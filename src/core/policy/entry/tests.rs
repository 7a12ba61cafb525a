use super::*;
use crate::policy::Policy;

/// The only entry of a policy with a Kubernetes and two OIDC issuers.
fn entry(text: &str) -> Entry {
    let trust = |name: &str, kind: &str| {
        format!(
            r#"{{"name": "{name}", "kind": "{kind}", "issuer": "https://{name}.example.com",
                "audiences": ["portcullis"], "keys": {{"envoy_cluster": "{name}"}}}}"#
        )
    };
    let trusts = [
        trust("blue", "kubernetes"),
        trust("green", "kubernetes"),
        trust("idp", "oidc"),
        trust("other", "oidc"),
    ];
    let policy = format!(
        r#"{{"trust": [{}], "apps": [{{"name": "a", "hosts": ["a"],
            "rules": [{{"name": "r", "allow": [{text}]}}]}}]}}"#,
        trusts.join(", ")
    );
    let policy = Policy::from_json(&policy).unwrap_or_else(|error| panic!("{error}"));
    policy.apps()[0].rules()[0].allow()[0].clone()
}

fn account(from: &str, namespace: &str, name: &str) -> Caller {
    Caller {
        from: from.to_owned(),
        subject: Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        },
        has_unverified_email: false,
        email: None,
        groups: Vec::new(),
        preferred_username: None,
        claims: Json::Object(Vec::new()).into(),
    }
}

fn signed_in(from: &str) -> Caller {
    let claims = br#"{"realm": {"role": "sre"}, "level": 1, "on": true, "big": 9007199254740993,
        "list": ["a"], "none": null, "text": "1", "a.b": "dotted"}"#;
    Caller {
        from: from.to_owned(),
        subject: Subject::Other("4711".to_owned()),
        has_unverified_email: false,
        email: Some("Ada@Example.com".to_owned()),
        groups: vec!["dev".to_owned(), "sre".to_owned()],
        preferred_username: Some("ada".to_owned()),
        claims: Json::parse(claims).unwrap().into(),
    }
}

#[test]
fn a_service_account_matches_part_by_part() {
    for (pattern, from, namespace, name, expected) in [
        ("blue/monitoring/karma", "blue", "monitoring", "karma", true),
        (
            "blue/monitoring/karma",
            "green",
            "monitoring",
            "karma",
            false,
        ),
        ("blue/monitoring/karma", "blue", "monitorin", "karma", false),
        (
            "blue/monitoring/karma",
            "blue",
            "monitoring",
            "karma2",
            false,
        ),
        (
            "blue/monitoring/karma",
            "blue",
            "Monitoring",
            "karma",
            false,
        ),
        ("*/monitoring/karma", "green", "monitoring", "karma", true),
        ("*/monitoring/karma", "green", "default", "karma", false),
        ("blue/*/karma", "blue", "default", "karma", true),
        ("blue/*/karma", "green", "default", "karma", false),
        ("blue/monitoring/*", "blue", "monitoring", "any", true),
        ("blue/monitoring/*", "blue", "default", "any", false),
        ("*/*/*", "green", "a", "b", true),
    ] {
        let entry = entry(&format!(r#"{{"service_account": "{pattern}"}}"#));
        let caller = account(from, namespace, name);
        assert_eq!(
            entry.matches(&caller),
            expected,
            "{pattern} {from}/{namespace}/{name}"
        );
    }
}

/// CVE-2026-39350: a dot in a name was that of a regular expression.
#[test]
fn a_dot_in_a_name_is_literal() {
    let entry = entry(r#"{"service_account": "blue/a/cert-manager.io"}"#);
    assert!(entry.matches(&account("blue", "a", "cert-manager.io")));
    assert!(!entry.matches(&account("blue", "a", "cert-managerxio")));
}

#[test]
fn t10_a_user_is_never_a_service_account() {
    let any = entry(r#"{"service_account": "*/*/*"}"#);
    let mut impostor = signed_in("idp");
    impostor.subject = Subject::Other("monitoring/karma".to_owned());
    assert!(!any.matches(&impostor));
    impostor.subject = Subject::Other("system:serviceaccount:monitoring:karma".to_owned());
    assert!(!any.matches(&impostor));
    let user = entry(r#"{"from": "idp", "user": "karma"}"#);
    assert!(!user.matches(&account("idp", "monitoring", "karma")));
}

#[test]
fn t11_an_entry_matches_only_callers_of_its_trust_entry() {
    for matcher in [
        r#""anyone": true"#,
        r#""user": "4711""#,
        r#""email": "ada@example.com""#,
        r#""email_domain": "example.com""#,
        r#""group": "sre""#,
        r#""claim": {"path": ["level"], "equals": 1}"#,
    ] {
        let entry = entry(&format!(r#"{{"from": "idp", {matcher}}}"#));
        assert!(entry.matches(&signed_in("idp")), "{matcher}");
        assert!(!entry.matches(&signed_in("other")), "{matcher}");
        assert!(!entry.matches(&signed_in("")), "{matcher}");
    }
    let entry = entry(r#"{"from": "blue", "service_account": "*/monitoring/karma"}"#);
    assert!(entry.matches(&account("blue", "monitoring", "karma")));
    assert!(!entry.matches(&account("green", "monitoring", "karma")));
}

#[test]
fn all_matchers_of_an_entry_must_match() {
    let own = [
        (r#""user": "4711""#, r#""user": "4712""#),
        (
            r#""email": "ada@example.com""#,
            r#""email": "bob@example.com""#,
        ),
        (
            r#""email_domain": "example.com""#,
            r#""email_domain": "example.org""#,
        ),
        (r#""group": "sre""#, r#""group": "SRE""#),
        (
            r#""claim": {"path": ["on"], "equals": true}"#,
            r#""claim": {"path": ["on"], "equals": false}"#,
        ),
    ];
    let all: Vec<&str> = own.iter().map(|(matches, _)| *matches).collect();
    let text = |matchers: &[&str]| format!(r#"{{"from": "idp", {}}}"#, matchers.join(", "));
    assert!(entry(&text(&all)).matches(&signed_in("idp")));
    for (index, (_, other)) in own.iter().enumerate() {
        let mut one_off = all.clone();
        one_off[index] = other;
        assert!(
            !entry(&text(&one_off)).matches(&signed_in("idp")),
            "{other}"
        );
    }
}

#[test]
fn a_user_is_compared_byte_for_byte() {
    for user in ["4711 ", "04711", "471", "ada"] {
        let entry = entry(&format!(r#"{{"from": "idp", "user": "{user}"}}"#));
        assert!(!entry.matches(&signed_in("idp")), "{user}");
    }
}

/// GHSA-c5c4-8r6x-56w3: the part after the last of two `@` counted as the domain.
#[test]
fn r09_an_address_counts_with_exactly_one_at_sign() {
    let by_domain = entry(r#"{"from": "idp", "email_domain": "EXAMPLE.com"}"#);
    let by_address = entry(r#"{"from": "idp", "email": "ADA@example.COM"}"#);
    for (email, domain, address) in [
        (Some("ada@example.com"), true, true),
        (Some("ADA@EXAMPLE.COM"), true, true),
        (Some("bob@example.com"), true, false),
        (Some("ada@sub.example.com"), false, false),
        (Some("ada@evilexample.com"), false, false),
        (Some("ada@example.com.evil.example"), false, false),
        (Some("ada@evil.example@example.com"), false, false),
        (Some("ada@example.com@evil.example"), false, false),
        (Some("@example.com"), false, false),
        (Some("example.com"), false, false),
        (Some("ada@example.com "), false, false),
        (Some("ada@ex\u{e4}mple.com"), false, false),
        (Some(""), false, false),
        (None, false, false),
    ] {
        let caller = Caller {
            email: email.map(str::to_owned),
            ..signed_in("idp")
        };
        assert_eq!(by_domain.matches(&caller), domain, "{email:?}");
        assert_eq!(by_address.matches(&caller), address, "{email:?}");
    }
}

#[test]
fn a_claim_contains_a_member_or_a_word() {
    let claims = br#"{"scope": "openid read:all  write", "scp": ["read", "a b"], "roles": ["sre", 1, true],
        "realm": {"roles": ["ops"]}, "one": "sre", "object": {"sre": 1}, "none": null, "level": 1}"#;
    let mut caller = signed_in("idp");
    caller.claims = Json::parse(claims).unwrap().into();
    for (path, value, expected) in [
        (r#"["scope"]"#, r#""read:all""#, true),
        (r#"["scope"]"#, r#""write""#, true),
        (r#"["scope"]"#, r#""read""#, false),
        (r#"["scope"]"#, r#""Write""#, false),
        (r#"["scp"]"#, r#""read""#, true),
        (r#"["scp"]"#, r#""a""#, false),
        (r#"["roles"]"#, r#""sre""#, true),
        (r#"["roles"]"#, "1", true),
        (r#"["roles"]"#, "1.0", true),
        (r#"["roles"]"#, r#""1""#, false),
        (r#"["roles"]"#, "true", true),
        (r#"["roles"]"#, "false", false),
        (r#"["realm", "roles"]"#, r#""ops""#, true),
        (r#"["realm"]"#, r#""roles""#, false),
        (r#"["one"]"#, r#""sre""#, true),
        (r#"["object"]"#, r#""sre""#, false),
        (r#"["none"]"#, r#""null""#, false),
        (r#"["level"]"#, "1", false),
        (r#"["absent"]"#, r#""x""#, false),
    ] {
        let claim = format!(r#"{{"path": {path}, "contains": {value}}}"#);
        let entry = entry(&format!(r#"{{"from": "idp", "claim": {claim}}}"#));
        assert_eq!(entry.matches(&caller), expected, "{claim}");
    }
}

#[test]
fn a_claim_is_equal_in_type_and_value() {
    for (path, equals, expected) in [
        (r#"["level"]"#, "1", true),
        (r#"["level"]"#, "1.0", true),
        (r#"["level"]"#, "1e0", true),
        (r#"["level"]"#, "2", false),
        (r#"["level"]"#, r#""1""#, false),
        (r#"["level"]"#, "true", false),
        (r#"["text"]"#, r#""1""#, true),
        (r#"["text"]"#, "1", false),
        (r#"["on"]"#, "true", true),
        (r#"["on"]"#, r#""true""#, false),
        (r#"["on"]"#, "1", false),
        (r#"["big"]"#, "9007199254740993", true),
        (r#"["big"]"#, "9007199254740992", false),
        (r#"["realm", "role"]"#, r#""sre""#, true),
        (r#"["realm"]"#, r#""sre""#, false),
        (r#"["realm", "role", "x"]"#, r#""sre""#, false),
        (r#"["realm.role"]"#, r#""sre""#, false),
        (r#"["a.b"]"#, r#""dotted""#, true),
        (r#"["a", "b"]"#, r#""dotted""#, false),
        (r#"["list"]"#, r#""a""#, false),
        (r#"["list", "0"]"#, r#""a""#, false),
        (r#"["none"]"#, "false", false),
        (r#"["absent"]"#, r#""""#, false),
    ] {
        let claim = format!(r#"{{"path": {path}, "equals": {equals}}}"#);
        let entry = entry(&format!(r#"{{"from": "idp", "claim": {claim}}}"#));
        assert_eq!(
            entry.matches(&signed_in("idp")),
            expected,
            "{path} {equals}"
        );
    }
}

#[test]
fn a_service_account_can_be_bound_to_its_pod() {
    let entry = entry(
        r#"{"service_account": "blue/monitoring/karma",
            "claim": {"path": ["kubernetes.io", "pod", "name"], "equals": "karma-0"}}"#,
    );
    let mut caller = account("blue", "monitoring", "karma");
    assert!(!entry.matches(&caller));
    let claims = Json::parse(br#"{"kubernetes.io": {"pod": {"name": "karma-0"}}}"#).unwrap();
    caller.claims = claims.into();
    assert!(entry.matches(&caller));
    caller.subject = Subject::Other("karma".to_owned());
    assert!(!entry.matches(&caller));
}

#[test]
fn an_entry_without_matchers_matches_no_caller() {
    let empty = Entry {
        from: None,
        matchers: Vec::new(),
    };
    assert!(!empty.matches(&signed_in("idp")));
    assert!(!empty.matches(&account("blue", "a", "b")));
}
