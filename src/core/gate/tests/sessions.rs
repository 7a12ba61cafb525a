//! Authentication by session tokens: who is signed in, and how rules apply to them.

use super::users::*;
use super::*;
use crate::caller::Subject;

#[test]
fn a_user_is_allowed_by_the_claims_of_the_provider() {
    let mut test = TestGate::for_users();
    assert_eq!(test.with_token(&session()), operator());
    let decision = decision(&mut test, ALERTS, &[("cookie", &cookie(&session()))]);
    assert!(decision.is_by_session());
    let known = decision.authenticated().unwrap();
    assert_eq!(known.trust(), "sso");
    assert_eq!(known.kid(), Some(KID));
    assert_eq!(known.session().map(|handles| handles.sid), Some(sid(1)));
    let caller = known.caller();
    assert_eq!(*caller.subject(), Subject::User("4711".to_owned()));
    assert_eq!(caller.email(), Some("alice@example.com"));
    assert_eq!(
        known.identity_headers(),
        [
            ("x-auth-request-user", "sso/4711".to_owned()),
            ("x-portcullis-caller", "sso/4711".to_owned()),
            ("x-auth-request-email", "alice@example.com".to_owned()),
            ("x-auth-request-groups", "sre,dev".to_owned()),
            ("x-auth-request-preferred-username", "alice".to_owned()),
        ]
    );
}

#[test]
fn all_matchers_for_users_apply_to_sessions_of_their_provider() {
    for (entry, passes) in [
        (r#""from": "sso", "anyone": true"#, true),
        (r#""from": "sso", "user": "4711""#, true),
        (r#""from": "sso", "user": "sso/4711""#, false),
        (r#""from": "sso", "group": "dev""#, true),
        (r#""from": "sso", "group": "ops""#, false),
        (r#""from": "sso", "email": "ALICE@example.com""#, true),
        (r#""from": "sso", "email_domain": "example.com""#, true),
        (r#""from": "sso", "email_domain": "ample.com""#, false),
        (
            r#""from": "sso", "claim": {"path": ["preferred_username"], "equals": "alice"}"#,
            true,
        ),
        (
            r#""from": "sso", "claim": {"path": ["roles"], "contains": "admin"}"#,
            true,
        ),
        (
            r#""from": "sso", "claim": {"path": ["org", "unit"], "equals": 7}"#,
            true,
        ),
        // The companion's own claims are none of the provider.
        (
            r#""from": "sso", "claim": {"path": ["idp"], "equals": "sso"}"#,
            false,
        ),
        (
            r#""from": "sso", "claim": {"path": ["claims", "roles"], "contains": "admin"}"#,
            false,
        ),
        (r#""from": "github", "anyone": true"#, false),
        (r#""from": "gitlab", "user": "4711""#, false),
        (r#""service_account": "*/*/*""#, false),
    ] {
        let policy = USERS.replace(r#""from": "sso", "group": "sre""#, entry);
        let mut test = TestGate::of(&policy);
        test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
        let expected = if passes {
            operator()
        } else {
            decided(Reason::CallerNotAllowed, None, ALICE)
        };
        let claims = r#"{"roles":["admin"],"org":{"unit":7}}"#;
        let token = session_with(&[("claims", claims)]);
        assert_eq!(test.with_token(&token), expected, "{entry}");
    }
}

#[test]
fn r09_an_unverified_email_address_is_ignored() {
    let mut test = TestGate::for_users();
    let mail = "GET alertmanager.example.com /mail";
    let mut with = |claims: &[(&str, &str)]| {
        test.evaluate(mail, &[("cookie", &cookie(&session_with(claims)))])
    };
    assert_eq!(with(&[]), decided(Reason::Rule, Some("mail"), ALICE));
    for value in ["false", ""] {
        assert_eq!(
            with(&[("email_verified", value)]),
            decided(Reason::CallerNotAllowed, None, ALICE)
        );
    }
}

#[test]
fn a_user_cannot_impersonate_a_service_account() {
    let mut test = TestGate::for_users();
    let token = session_with(&[("sub", "\"blue/monitoring/karma\""), ("idp", "\"github\"")]);
    let evaluated = decision(&mut test, ALERTS, &[("cookie", &cookie(&token))]);
    let known = evaluated.authenticated().unwrap();
    assert_eq!(known.caller_name(), "github/blue%2Fmonitoring%2Fkarma");
    assert_eq!(
        known.identity_headers()[0],
        (
            "x-auth-request-user",
            "github/blue%2Fmonitoring%2Fkarma".to_owned()
        )
    );
    let one = USERS.replace(r#", "github"]"#, "]");
    let mut test = TestGate::of(&one);
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    let token = session_with(&[("sub", "\"blue/monitoring/karma\"")]);
    let decision = decision(&mut test, ALERTS, &[("cookie", &cookie(&token))]);
    assert_eq!(
        decision.authenticated().unwrap().identity_headers()[0].1,
        "blue%2Fmonitoring%2Fkarma"
    );
}

#[test]
fn an_app_distinguishes_the_same_subject_of_two_providers() {
    let user_of = |policy: &str, claims: &[(&str, &str)]| {
        let mut test = TestGate::of(policy);
        test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
        let cookie = cookie(&session_with(claims));
        let decision = decision(&mut test, ALERTS, &[("cookie", &cookie)]);
        decision.authenticated().unwrap().identity_headers()[0]
            .1
            .clone()
    };
    assert_eq!(user_of(USERS, &[]), "sso/4711");
    assert_eq!(user_of(USERS, &[("idp", "\"github\"")]), "github/4711");
    // With one provider the subject is unambiguous.
    let one = USERS.replace(r#", "github"]"#, "]");
    assert_eq!(user_of(&one, &[]), "4711");
}

#[test]
fn the_audiences_of_an_app_apply_to_bearer_tokens_only() {
    let policy = USERS.replace(
        r#""audiences": ["portcullis"],
     "origins""#,
        r#""audiences": ["own"],
     "origins""#,
    );
    assert_ne!(policy, USERS);
    let mut test = TestGate::of(&policy);
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    assert_eq!(test.with_token(&session()), operator());
}

#[test]
fn h03_a_bearer_token_takes_precedence_even_if_invalid() {
    let mut test = TestGate::for_users();
    let cookie = cookie(&session());
    let karma = karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600);
    let mut with = |authorization: &str| {
        test.evaluate(
            ALERTS,
            &[("cookie", &cookie), ("authorization", authorization)],
        )
    };
    assert_eq!(
        with(&format!("Bearer {karma}")),
        decided(Reason::Rule, Some("polls"), "blue/monitoring/karma")
    );
    for (authorization, reason) in [
        ("Bearer a.b.c", Reason::TokenMalformed),
        ("Bearer", Reason::AuthorizationMalformed),
        ("Bearer a, Bearer b", Reason::AuthorizationAmbiguous),
        ("Basic YTpi, Bearer a", Reason::AuthorizationAmbiguous),
    ] {
        assert_eq!(with(authorization), refused(reason), "{authorization}");
    }
    // Another scheme neither admits nor prevents a session.
    assert_eq!(with("Basic YTpi"), operator());
}

#[test]
fn requests_that_need_no_token_ignore_sessions() {
    let mut test = TestGate::for_users();
    let bad = [("cookie", "__Secure-portcullis=x; __Secure-portcullis=y")];
    assert_eq!(
        test.evaluate("GET alertmanager.example.com /-/healthy", &bad),
        Summary::Decided(Reason::Public, Some("probes".to_owned()), None)
    );
}

#[test]
fn without_sso_cookies_are_ignored() {
    let mut test = TestGate::with_keys();
    assert_eq!(test.with_token(&session()), refused(Reason::NoCredentials));
}

#[test]
fn an_app_gets_identity_headers_of_its_own_and_never_the_clients() {
    let own = r#""identity_headers": {"X-WEBAUTH-USER": "email", "Remote-User": "user", "Remote-Groups": "groups"},
        "rules": ["#;
    let mut test = TestGate::of(&USERS.replacen(r#""rules": ["#, own, 1));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    let changes = |test: &mut TestGate, request: &str, cookies: &str| {
        let fields = [
            ("cookie", cookies),
            ("x-webauth-user", "root@example.com"),
            ("REMOTE_USER", "root"),
            ("Remote.Groups", "sre"),
        ];
        let headers = headers(request, &fields);
        let (gate, context, cache) = test.parts();
        let Evaluation::Decided(decision) = gate.evaluate(&headers, context, cache) else {
            panic!("it waits");
        };
        let mut changes = Vec::new();
        let outcome = decision.outcome(&headers, gate.policy(), context.now);
        let changed = outcome.verdict().change_headers(|name, value| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            changes.push((text(name), value.map(text)));
            Ok::<_, ()>(())
        });
        assert_eq!(changed, Ok(()));
        changes
    };
    let without_groups = session_with(&[("groups", "")]);
    for (request, claims, expected) in [
        (
            ALERTS,
            session(),
            &[
                ("x-webauth-user", "alice@example.com"),
                ("remote-user", "sso/4711"),
                ("remote-groups", "sre,dev"),
            ][..],
        ),
        (
            "GET alertmanager.example.com /mail",
            without_groups,
            &[
                ("x-webauth-user", "alice@example.com"),
                ("remote-user", "sso/4711"),
            ],
        ),
        ("GET alertmanager.example.com /-/healthy", session(), &[]),
    ] {
        let changes = changes(&mut test, request, &cookie(&claims));
        for name in ["x-webauth-user", "REMOTE_USER", "Remote.Groups"] {
            assert!(changes.contains(&(name.to_owned(), None)), "{changes:?}");
        }
        let set = changes.iter().filter(|(name, value)| {
            value.is_some() && (name == "x-webauth-user" || name.starts_with("remote-"))
        });
        let set: Vec<_> = set
            .map(|(name, value)| (&**name, value.as_deref().unwrap()))
            .collect();
        assert_eq!(set, expected, "{request}");
    }
}
