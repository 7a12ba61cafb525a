use portcullis_core::json::Json;
use portcullis_core::policy::Policy;
use portcullis_core::reason::Reason;
use portcullis_core::request::Request;
use portcullis_core::timestamp::Timestamp;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

const POLICY: &str = r#"{
    "trust": [
        {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
         "audiences": ["gate"], "max_lifetime": "1m", "keys": {"envoy_cluster": "blue"}},
        {"name": "green", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
         "audiences": ["gate"], "algorithms": ["RS256"],
         "keys": {"envoy_cluster": "green", "inline": {"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "a", "alg": "ES256", "use": "sig",
             "x": "djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk",
             "y": "1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ"},
            {"kty": "RSA", "e": "AQAB", "kid": "b", "alg": "RS256",
             "n": "weYtC8q8z0jOgsS5nS3JPPC9tOSuH6oOsBVoHd8T8Vp3y8vlQF4HfA3NPgJ_CcReohQtkY8O103CCYrH5wOrWLt-8czVy4gAOLZ1nrndSSCFxgVCETYnlPvuxYp3jkWK69cyLuNQAWgkjNd0CRSCATZDv1eAJ7T4qHqc_HG9NlRlw91LWQtFIKSdof-9lni9Mu8oWJ8PUzYsWveFRdx5j77Xqi8tOQjr3aFKnPQlqZ0TgPtBprRTwaq8ovYqeWTMDeibMeAJqjfVVCXbOhBF291xKDL3pbxlg9uvpzqM6iukjV9VUNrKmY4z3Vh431WuJMGG7Vd8XuzMowWr9r0pCw"}]}}},
        {"name": "idp", "kind": "oidc", "issuer": "https://idp.example.com", "audiences": ["gate"],
         "claims": {"email": ["user", "email"]}, "keys": {"envoy_cluster": "idp"}}
    ],
    "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis", "providers": ["sso", "other"]},
    "apps": [{"name": "a", "hosts": ["a.example.com"], "audiences": ["a"], "rules": [
        {"name": "karma", "methods": ["GET"], "paths": ["/api/**"],
         "allow": [{"service_account": "blue/*/karma"}, {"service_account": "green/monitoring/karma"}]},
        {"name": "sre", "paths": ["/api/*"],
         "allow": [{"from": "sso", "group": "sre"}, {"from": "idp", "email": "ada@example.com"}]},
        {"name": "other", "allow": [{"from": "other", "anyone": true}]},
        {"name": "public", "paths": ["/health"], "public": true}
    ]}]
}"#;

fn simulator() -> Simulator {
    Simulator::new(Policy::from_json(POLICY).unwrap())
}

fn named(name: &str) -> NamedCaller {
    NamedCaller {
        name: name.to_owned(),
        ..NamedCaller::default()
    }
}

#[test]
fn a_described_caller_is_authenticated_as_described() {
    let simulator = simulator();
    for name in [
        "blue/monitoring/karma",
        "green/monitoring/karma",
        "idp/4711",
        "idp/a%2Fb%25%20c",
        "sso/ada",
        "other/%C3%A4",
    ] {
        let request = SimulatedRequest::new("GET", b"a.example.com", b"/");
        let caller = SimulatedCaller::Named(named(name));
        let request = simulator.present(request, &caller, NOW).unwrap();
        let headers = request.headers();
        let decision = simulator.decide(&headers, NOW);
        let caller = decision.authenticated().unwrap();
        assert_eq!(caller.caller_name(), name);
    }
}

#[test]
fn a_rule_is_explained_as_fitting_if_and_only_if_the_gate_allows_by_it() {
    let simulator = simulator();
    let with_group = NamedCaller {
        groups: vec!["sre".to_owned()],
        ..named("sso/ada")
    };
    let with_email = NamedCaller {
        email: Some("ada@example.com".to_owned()),
        ..named("idp/ada")
    };
    let callers = [
        SimulatedCaller::Anonymous,
        SimulatedCaller::Named(named("blue/any/karma")),
        SimulatedCaller::Named(named("green/any/karma")),
        SimulatedCaller::Named(named("green/monitoring/karma")),
        SimulatedCaller::Named(named("sso/ada")),
        SimulatedCaller::Named(named("other/ada")),
        SimulatedCaller::Named(with_group),
        SimulatedCaller::Named(with_email),
    ];
    let (mut allowed, mut refused) = (0, 0);
    for caller in &callers {
        for method in ["GET", "HEAD", "POST"] {
            for path in ["/", "/api", "/api/x", "/api/x/y", "/health", "/health/"] {
                let request = SimulatedRequest::new(method, b"a.example.com", path.as_bytes());
                let request = simulator.present(request, caller, NOW).unwrap();
                let headers = request.headers();
                let decision = simulator.decide(&headers, NOW);
                let canonical = Request::read(&headers).unwrap();
                let known = decision.authenticated().map(|caller| caller.caller());
                let explained = simulator.policy().apps()[0].explain_rules(&canonical, known);
                let fitting: Vec<&str> = explained
                    .iter()
                    .filter(|one| one.fits())
                    .map(|one| one.rule().name())
                    .collect();
                let what = format!("{method} {path} {:?}", decision.reason());
                assert_eq!(decision.is_allowed(), !fitting.is_empty(), "{what}");
                match decision.rule() {
                    Some(rule) => assert!(fitting.contains(&rule.name()), "{what}"),
                    None => assert!(fitting.is_empty(), "{what}"),
                }
                *(if decision.is_allowed() {
                    &mut allowed
                } else {
                    &mut refused
                }) += 1;
            }
        }
    }
    assert!(allowed > 20 && refused > 50, "{allowed}, {refused}");
}

#[test]
fn a_token_without_known_keys_waits_for_those_of_its_issuer_alone() {
    let simulator = simulator();
    let made_up = SimulatedCaller::Named(named("idp/4711"));
    let request = SimulatedRequest::new("GET", b"a.example.com", b"/api/x");
    let request = simulator.present(request, &made_up, NOW).unwrap();
    let sources = simulator.policy().key_sources();
    let keyring = Keyring::new(sources.clone(), NOW);
    let headers = request.headers();
    let Evaluation::AwaitKeys {
        sources: awaited, ..
    } = simulator.evaluate(&headers, &keyring, NOW)
    else {
        panic!("no keys are known");
    };
    let names: Vec<&str> = sources
        .filter(|(id, _)| awaited.contains(id))
        .map(|(_, trust)| trust.name.as_str())
        .collect();
    assert_eq!(names, ["idp"]);
    let decision = simulator.decide_with(&headers, &keyring, NOW);
    assert_eq!(decision.reason(), Reason::KeysUnavailable);
}

#[test]
fn keys_of_one_simulator_are_worthless_for_another() {
    let (one, other) = (simulator(), simulator());
    for name in ["blue/monitoring/karma", "sso/ada"] {
        let request = SimulatedRequest::new("GET", b"a.example.com", b"/api/x");
        let caller = SimulatedCaller::Named(named(name));
        let request = one.present(request, &caller, NOW).unwrap();
        let headers = request.headers();
        let decision = other.decide(&headers, NOW);
        assert_eq!(decision.reason(), Reason::KeyUnknown, "{name}");
    }
}

#[test]
fn a_url_is_split_and_not_changed() {
    for (url, authority, path) in [
        ("https://a.example.com", "a.example.com", "/"),
        ("http://A:8080/x/../%2e?y#z", "A:8080", "/x/../%2e?y#z"),
        ("https://u@a?q=/", "u@a", "/?q=/"),
        ("https://a#f", "a", "/#f"),
        ("https://a/\u{e4}", "a", "/\u{e4}"),
    ] {
        let request = SimulatedRequest::for_url("GET", url.as_bytes()).unwrap();
        let headers = request.headers();
        assert_eq!(headers.only(":authority"), Some(authority.as_bytes()));
        assert_eq!(headers.only(":path"), Some(path.as_bytes()));
    }
    for url in ["a.example.com", "https://", "https:///x", "ftp://a", ""] {
        assert!(
            SimulatedRequest::for_url("GET", url.as_bytes()).is_err(),
            "{url}"
        );
    }
}

#[test]
fn a_person_needs_a_provider_where_there_are_several() {
    let simulator = simulator();
    let person = |provider: Option<&str>| Person {
        provider: provider.map(str::to_owned),
        subject: "ada".to_owned(),
        ..Person::default()
    };
    let present = |person: Person| {
        let request = SimulatedRequest::new("GET", b"a.example.com", b"/");
        simulator.present(request, &SimulatedCaller::Person(person), NOW)
    };
    assert!(present(person(Some("other"))).is_ok());
    for (person, help) in [
        (person(None), "add `provider`, one of sso, other"),
        (person(Some("othr")), "did you mean `other`?"),
    ] {
        let Err(error) = present(person) else {
            panic!("{help}");
        };
        assert_eq!(error.help, help);
    }
}

#[test]
fn a_description_is_read_strictly() {
    for (text, path) in [
        ("[]", "."),
        ("{}", "."),
        (r#"{"sub": ""}"#, "sub"),
        (r#"{"sub": 1}"#, "sub"),
        (r#"{"sub": "a", "email": 1}"#, "email"),
        (r#"{"sub": "a", "groups": {}}"#, "groups"),
        (r#"{"sub": "a", "groups": [1]}"#, "groups"),
        (r#"{"sub": "a", "provider": []}"#, "provider"),
    ] {
        let (at, _) = Person::read(&Json::parse(text.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(at, path, "{text}");
    }
}
