use std::sync::Arc;

use super::*;
use crate::caller::Subject;
use crate::json::Json;
use crate::policy::Policy;
use crate::request::Headers;

const POLICY: &str = r#"{
    "trust": [
        {"name": "staging", "kind": "kubernetes", "issuer": "https://staging.example.com",
         "audiences": ["portcullis"], "keys": {"envoy_cluster": "staging"}},
        {"name": "idp", "kind": "oidc", "issuer": "https://idp.example.com",
         "audiences": ["portcullis"], "keys": {"envoy_cluster": "idp"}}
    ],
    "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
    "apps": [
        {"name": "alertmanager", "hosts": ["a"], "rules": [
            {"name": "karma", "methods": ["GET", "HEAD"], "paths": ["/api/v2/**", "/metrics"],
             "allow": [{"service_account": "staging/monitoring/karma"}]},
            {"name": "any-namespace", "paths": ["/api/*"],
             "allow": [{"service_account": "staging/*/karma"}, {"from": "idp", "user": "4711"}]},
            {"name": "sre", "allow": [
                {"from": "sso", "group": "sre", "email_domain": "example.com"},
                {"from": "idp", "claim": {"path": ["realm", "roles"], "contains": "sre"}},
                {"from": "idp", "claim": {"path": ["level"], "equals": 2}}]},
            {"name": "ada", "allow": [{"from": "sso", "email": "ada@example.com"}]},
            {"name": "all-of-idp", "methods": ["OPTIONS"], "allow": [{"from": "idp", "anyone": true}]},
            {"name": "probes", "paths": ["/-/healthy"], "public": true}
        ]},
        {"name": "gitlab", "hosts": ["g"], "encoded_paths": "pass", "rules": [
            {"name": "all", "allow": [{"from": "sso", "anyone": true}]},
            {"name": "probes", "paths": ["/-/**"], "public": true}
        ]}
    ]
}"#;

fn policy() -> Policy {
    Policy::from_json(POLICY).unwrap()
}

fn request<'a>(method: &'a str, path: &'a str) -> Request<'a> {
    let fields = [(":method", method), (":authority", "a"), (":path", path)];
    let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Request::read(&Headers::new(fields.to_vec())).unwrap()
}

fn caller(from: &str, subject: Subject) -> Caller {
    Caller {
        from: from.to_owned(),
        subject,
        email: None,
        has_unverified_email: false,
        groups: Vec::new(),
        preferred_username: None,
        claims: Arc::new(Json::Object(Vec::new())),
    }
}

fn account(from: &str, namespace: &str, name: &str) -> Caller {
    let subject = Subject::ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    caller(from, subject)
}

fn ada() -> Caller {
    Caller {
        email: Some("Ada@Example.com".to_owned()),
        groups: vec!["dev".to_owned(), "sre".to_owned()],
        ..caller("sso", Subject::User("ada".to_owned()))
    }
}

fn machine(claims: &str) -> Caller {
    Caller {
        claims: Arc::new(Json::parse(claims.as_bytes()).unwrap()),
        ..caller("idp", Subject::Other("4711".to_owned()))
    }
}

fn callers() -> Vec<Caller> {
    vec![
        account("staging", "monitoring", "karma"),
        account("staging", "monitoring", "prometheus"),
        account("staging", "other", "karma"),
        account("elsewhere", "monitoring", "karma"),
        ada(),
        Caller {
            groups: Vec::new(),
            ..ada()
        },
        Caller {
            email: None,
            has_unverified_email: true,
            ..ada()
        },
        Caller {
            from: "idp".to_owned(),
            ..ada()
        },
        machine(r#"{"realm": {"roles": ["sre"]}}"#),
        machine(r#"{"level": 2}"#),
        machine(r#"{"level": "2"}"#),
        caller("idp", Subject::Other("4712".to_owned())),
    ]
}

#[test]
fn a_rule_is_explained_as_fitting_exactly_where_it_applies() {
    let policy = policy();
    let paths = [
        "/api/v2/alerts",
        "/api/v2",
        "/api/x",
        "/metrics",
        "/-/healthy",
        "/-/reload",
        "/",
        "/-/a%2Fb",
        "/a%2Fb",
    ];
    let (mut fitting, mut missing) = (0, 0);
    for app in policy.apps() {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            for path in paths {
                let request = request(method, path);
                let callers = callers();
                for caller in callers.iter().map(Some).chain([None]) {
                    for rule in app.rules() {
                        let matches = rule.matches(method, request.path());
                        let applies = if rule.is_public() {
                            matches && !request.has_encoded_separator()
                        } else {
                            matches && caller.is_some_and(|caller| rule.allows(caller))
                        };
                        let explanation = rule.explain(&request, caller);
                        let what = format!("{method} {path} {caller:?} {}", rule.name());
                        assert_eq!(explanation.fits(), applies, "{what}");
                        assert_eq!(explanation.distance() == 0, applies, "{what}");
                        assert_eq!(
                            explanation.entry().is_some(),
                            applies && !rule.is_public(),
                            "{what}"
                        );
                        if let Some(index) = explanation.entry() {
                            assert!(rule.allow()[index].matches(caller.unwrap()), "{what}");
                        }
                        assert!(!explanation.why().is_empty(), "{what}");
                        *(if applies { &mut fitting } else { &mut missing }) += 1;
                    }
                    let explained = app.explain_rules(&request, caller);
                    assert_eq!(explained.len(), app.rules().len());
                    let distances = explained.windows(2);
                    for pair in distances {
                        assert!(pair[0].distance() <= pair[1].distance());
                    }
                }
            }
        }
    }
    assert!(fitting > 100 && missing > 1000, "{fitting}, {missing}");
}

/// The names of the rules and why each applies or does not, in order.
fn explained(method: &str, path: &str, caller: Option<&Caller>) -> Vec<String> {
    let policy = policy();
    let request = request(method, path);
    let explained = policy.apps()[0].explain_rules(&request, caller);
    let explained = explained
        .iter()
        .map(|one| format!("{}: {}", one.rule().name(), one.why()));
    explained.collect()
}

#[test]
fn the_nearest_miss_comes_first_and_says_what_is_missing() {
    let karma = account("staging", "monitoring", "karma");
    assert_eq!(
        explained("POST", "/api/v2/silences", Some(&karma)),
        [
            "karma: the method is POST, expected GET, HEAD",
            "any-namespace: the path is /api/v2/silences, expected /api/*",
            "sre: allow[1] (from: idp, claim: {path: [realm, roles], contains: \"sre\"}, the nearest of 3 \
             entries): the caller comes from staging, expected idp",
            "ada: allow[0] (from: sso, email: ada@example.com): the caller comes from staging, expected sso",
            "all-of-idp: the method is POST, expected OPTIONS; allow[0] (from: idp, anyone: true): the caller \
             comes from staging, expected idp",
            "probes: the method is POST, expected GET, HEAD; the path is /api/v2/silences, expected /-/healthy",
        ]
    );
}

#[test]
fn a_rule_that_fits_comes_first_and_names_the_entry() {
    let explained = explained("GET", "/", Some(&ada()));
    assert_eq!(
        explained[..2],
        [
            "sre: allow[0] lists the caller: from: sso, email_domain: example.com, group: sre",
            "ada: allow[0] lists the caller: from: sso, email: ada@example.com",
        ]
    );
}

#[test]
fn without_a_caller_a_rule_says_that_it_requires_one() {
    let explained = explained("GET", "/-/healthy", None);
    assert_eq!(explained[0], "probes: public");
    assert_eq!(
        explained[1],
        "sre: it requires a caller, and none is verified"
    );
}

#[test]
fn what_the_caller_lacks_is_stated_for_each_matcher() {
    let lacks = |rule: usize, caller: &Caller| {
        let policy = policy();
        policy.apps()[0].rules()[rule]
            .explain(&request("GET", "/api/x"), Some(caller))
            .why()
    };
    let unverified = Caller {
        email: None,
        has_unverified_email: true,
        ..ada()
    };
    for (rule, caller, expected) in [
        (
            1,
            account("staging", "monitoring", "prometheus"),
            "the caller is staging/monitoring/prometheus",
        ),
        (
            3,
            unverified,
            "the issuer has not verified the caller's e-mail address, expected ada@example.com",
        ),
        (
            3,
            caller("sso", Subject::User("bob".to_owned())),
            "the caller has no e-mail address, expected ada@example.com",
        ),
        (
            2,
            machine(r#"{"realm": {"roles": ["dev"]}}"#),
            "the caller's claim realm.roles is [\"dev\"], expected something with \"sre\"",
        ),
        (
            2,
            Caller {
                groups: vec!["dev".to_owned()],
                ..ada()
            },
            "the caller's groups are dev, expected sre",
        ),
        (
            2,
            Caller {
                groups: Vec::new(),
                ..ada()
            },
            "the caller has no groups, expected sre",
        ),
        (
            1,
            caller("idp", Subject::Other("1".to_owned())),
            "the caller's subject is 1, expected 4711",
        ),
    ] {
        let why = lacks(rule, &caller);
        assert!(why.ends_with(expected), "{why}");
    }
}

#[test]
fn long_lists_and_claims_are_cut() {
    let groups = (0..100).map(|number| format!("g{number}")).collect();
    let many = Caller { groups, ..ada() };
    let policy = policy();
    let why = policy.apps()[0].rules()[2]
        .explain(&request("GET", "/"), Some(&many))
        .why();
    assert!(why.ends_with("g7 and 92 more, expected sre"), "{why}");
    let long = Json::String("x".repeat(500));
    assert_eq!(caller::shown(&long).chars().count(), 121);
}
