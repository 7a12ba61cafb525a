//! Authentication by session tokens, and tokens that are not accepted as such.

use super::people::*;
use super::*;
use crate::caller::Subject;
use crate::decision::Class;
use crate::fixtures::key_set;
use crate::session::{Revoked, TOKEN_TYPE};

fn operator() -> Verdict {
    verdict(Reason::Rule, Some("operators"), ALICE)
}

/// The decision on a request with these headers.
fn decision<'w>(world: &'w mut TestGate, request: &str, headers: &[(&str, &str)]) -> Decision<'w> {
    let context = Context {
        keyring: &world.keyring,
        signatures: &PureRust,
        revocations: &world.revocations,
        arrived: world.now,
        now: world.now,
    };
    match evaluation(&world.gate, request, headers, context, &mut world.cache) {
        Evaluation::Decided(decision) => decision,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_passes_by_what_the_provider_says_of_them() {
    let mut world = TestGate::of_people();
    assert_eq!(world.with_token(&session()), operator());
    let decision = decision(&mut world, ALERTS, &[("cookie", &cookie(&session()))]);
    assert!(decision.is_by_session());
    let known = decision.authenticated().unwrap();
    assert_eq!(known.trust(), "sso");
    assert_eq!(known.kid(), Some(KID));
    assert_eq!(known.session().map(|handles| handles.sid), Some(sid(1)));
    let caller = known.caller();
    assert_eq!(*caller.subject(), Subject::Person("4711".to_owned()));
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
fn every_matcher_for_people_asks_the_session_and_only_of_its_provider() {
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
        (r#""from": "github", "anyone": true"#, false),
        (r#""from": "gitlab", "user": "4711""#, false),
        (r#""service_account": "*/*/*""#, false),
    ] {
        let policy = PEOPLE.replace(r#""from": "sso", "group": "sre""#, entry);
        let mut world = TestGate::of(&policy);
        world.read(COMPANION, Some(&[(Algorithm::Es256, KID)]));
        let expected = if passes {
            operator()
        } else {
            verdict(Reason::CallerNotAllowed, None, ALICE)
        };
        assert_eq!(world.with_token(&session()), expected, "{entry}");
    }
}

#[test]
fn r09_an_address_that_is_not_verified_is_none() {
    let mut world = TestGate::of_people();
    let mail = "GET alertmanager.example.com /mail";
    let mut with = |claims: &[(&str, &str)]| {
        world.evaluate(mail, &[("cookie", &cookie(&session_with(claims)))])
    };
    assert_eq!(with(&[]), verdict(Reason::Rule, Some("mail"), ALICE));
    for value in ["false", ""] {
        assert_eq!(
            with(&[("email_verified", value)]),
            verdict(Reason::CallerNotAllowed, None, ALICE)
        );
    }
}

#[test]
fn no_person_can_look_like_a_service_account() {
    let mut world = TestGate::of_people();
    let token = session_with(&[("sub", "\"blue/monitoring/karma\""), ("idp", "\"github\"")]);
    let allowed = decision(&mut world, ALERTS, &[("cookie", &cookie(&token))]);
    let known = allowed.authenticated().unwrap();
    assert_eq!(known.caller_name(), "github/blue%2Fmonitoring%2Fkarma");
    assert_eq!(
        known.identity_headers()[0],
        (
            "x-auth-request-user",
            "github/blue%2Fmonitoring%2Fkarma".to_owned()
        )
    );
    let one = PEOPLE.replace(r#", "github"]"#, "]");
    let mut world = TestGate::of(&one);
    world.read(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    let token = session_with(&[("sub", "\"blue/monitoring/karma\"")]);
    let decision = decision(&mut world, ALERTS, &[("cookie", &cookie(&token))]);
    assert_eq!(
        decision.authenticated().unwrap().identity_headers()[0].1,
        "blue%2Fmonitoring%2Fkarma"
    );
}

#[test]
fn the_same_subject_at_two_providers_is_two_people_to_an_app() {
    let user_of = |policy: &str, claims: &[(&str, &str)]| {
        let mut world = TestGate::of(policy);
        world.read(COMPANION, Some(&[(Algorithm::Es256, KID)]));
        let cookie = cookie(&session_with(claims));
        let decision = decision(&mut world, ALERTS, &[("cookie", &cookie)]);
        decision.authenticated().unwrap().identity_headers()[0]
            .1
            .clone()
    };
    assert_eq!(user_of(PEOPLE, &[]), "sso/4711");
    assert_eq!(user_of(PEOPLE, &[("idp", "\"github\"")]), "github/4711");
    // With one provider the subject is unambiguous.
    let one = PEOPLE.replace(r#", "github"]"#, "]");
    assert_eq!(user_of(&one, &[]), "4711");
}

#[test]
fn an_apps_audiences_are_required_of_bearer_tokens_alone() {
    let policy = PEOPLE.replace(
        r#""audiences": ["portcullis"],
     "origins""#,
        r#""audiences": ["own"],
     "origins""#,
    );
    assert_ne!(policy, PEOPLE);
    let mut world = TestGate::of(&policy);
    world.read(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    assert_eq!(world.with_token(&session()), operator());
}

#[test]
fn h03_a_bearer_token_valid_or_not_is_what_counts() {
    let mut world = TestGate::of_people();
    let cookie = cookie(&session());
    let karma = karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600);
    let mut with = |authorization: &str| {
        world.evaluate(
            ALERTS,
            &[("cookie", &cookie), ("authorization", authorization)],
        )
    };
    assert_eq!(
        with(&format!("Bearer {karma}")),
        verdict(Reason::Rule, Some("polls"), "blue/monitoring/karma")
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
fn what_needs_no_token_reads_no_session() {
    let mut world = TestGate::of_people();
    let bad = [("cookie", "__Secure-portcullis=x; __Secure-portcullis=y")];
    assert_eq!(
        world.evaluate("GET alertmanager.example.com /-/healthy", &bad),
        Verdict::Decided(Reason::Public, Some("probes".to_owned()), None)
    );
}

#[test]
fn j09_a_session_token_is_no_bearer_token() {
    let mut world = TestGate::of_people();
    let bearer = format!("Bearer {}", session());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        world.evaluate(ALERTS, &headers),
        refused(Reason::TokenMalformed)
    );
    // Not where it was just valid as a session, and is cached.
    assert_eq!(world.with_token(&session()), operator());
    assert_eq!(
        world.evaluate(ALERTS, &headers),
        refused(Reason::TokenMalformed)
    );
    // Nor where a trust entry has the companion's very issuer, audience and keys.
    let policy = PEOPLE.replace(
        r#""issuer": "https://gitlab.example.com",
     "audiences": ["portcullis"]"#,
        r#""issuer": "https://auth.example.com",
     "audiences": ["https://auth.example.com"]"#,
    );
    assert_ne!(policy, PEOPLE);
    let mut world = TestGate::of(&policy);
    world.read(trust(1), Some(&[(Algorithm::Es256, KID)]));
    world.read(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    assert_eq!(world.with_token(&session()), operator());
    assert_eq!(
        world.evaluate(ALERTS, &headers),
        refused(Reason::TokenMalformed)
    );
}

#[test]
fn j09_nothing_else_that_the_companion_may_have_signed_is_a_session_token() {
    let mut world = TestGate::of_people();
    for typ in [
        "JWT",
        "at+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "",
        "Portcullis-Session+JWT",
        "application/portcullis-session+jwt",
        "portcullis-session+jwt ",
        "portcullis-login+jwt",
    ] {
        let token = token(Algorithm::Es256, &header(typ), &payload(&[]));
        assert_eq!(
            world.with_token(&token),
            refused(Reason::TokenMalformed),
            "{typ}"
        );
    }
    let untyped = format!(r#"{{"alg":"ES256","kid":"{KID}"}}"#);
    let token = token(Algorithm::Es256, &untyped, &payload(&[]));
    assert_eq!(world.with_token(&token), refused(Reason::TokenMalformed));
}

#[test]
fn j09_a_valid_bearer_token_is_no_session() {
    let mut world = TestGate::of_people();
    let karma = karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600);
    let caller = "blue/monitoring/karma";
    let polled = world.poll(&karma);
    assert_eq!(polled, verdict(Reason::Rule, Some("polls"), caller));
    assert_eq!(world.with_token(&karma), refused(Reason::TokenMalformed));
}

#[test]
fn c05_a_sealed_cookie_under_the_session_tokens_name_is_no_session() {
    let mut world = TestGate::of_people();
    for sealed in ["AQAAAAAAAAAAsealed", "AQ.login.x", "....", "a.b.c"] {
        assert_eq!(world.with_token(sealed), refused(Reason::TokenMalformed));
    }
}

#[test]
fn j04_a_session_token_is_signed_with_es256_and_names_its_key() {
    let mut world = TestGate::of_people();
    let header = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","typ":"{TOKEN_TYPE}"{kid}}}"#);
    for (algorithm, name) in [
        (Algorithm::EdDsa, "EdDSA"),
        (Algorithm::Rs256, "RS256"),
        (Algorithm::Es256, "none"),
        (Algorithm::Es256, "HS256"),
        (Algorithm::Es256, "ES384"),
    ] {
        let header = header(name, &format!(r#","kid":"{KID}""#));
        let token = token(algorithm, &header, &payload(&[]));
        assert_eq!(world.with_token(&token), refused(Reason::AlgorithmRefused));
    }
    let unnamed = token(Algorithm::Es256, &header("ES256", ""), &payload(&[]));
    assert_eq!(world.with_token(&unnamed), refused(Reason::TokenMalformed));
    // Whatever is in the cache that workers share.
    let record = KeyRecord::at_hand(key_set(Algorithm::EdDsa, KID), world.now);
    world.keyring.update(COMPANION, record);
    let header = header("EdDSA", &format!(r#","kid":"{KID}""#));
    let token = token(Algorithm::EdDsa, &header, &payload(&[]));
    assert_eq!(world.with_token(&token), refused(Reason::AlgorithmRefused));
}

#[test]
fn j18_a_session_is_of_this_companion_and_of_a_provider_that_the_policy_knows() {
    let mut world = TestGate::of_people();
    for (claim, reason) in [
        (
            ("iss", "\"https://auth.example.com/\""),
            Reason::IssuerUnknown,
        ),
        (
            ("iss", "\"https://gitlab.example.com\""),
            Reason::IssuerUnknown,
        ),
        (
            ("aud", "\"https://auth.example.org\""),
            Reason::AudienceMismatch,
        ),
        (("aud", ""), Reason::AudienceMismatch),
        (("idp", "\"gitlab\""), Reason::IssuerUnknown),
        (("idp", "\"blue\""), Reason::IssuerUnknown),
        (("idp", "\"SSO\""), Reason::IssuerUnknown),
        (("idp", ""), Reason::TokenMalformed),
        (("sid", ""), Reason::TokenMalformed),
        (("handle", ""), Reason::TokenMalformed),
        (("began", ""), Reason::TokenMalformed),
        (("iat", ""), Reason::TokenMalformed),
        (("sub", "\"\""), Reason::SubjectInvalid),
        (("sub", "\"a\\n\""), Reason::SubjectInvalid),
        (("cnf", "{}"), Reason::BindingUnproven),
    ] {
        let token = session_with(&[claim]);
        assert_eq!(world.with_token(&token), refused(reason), "{claim:?}");
    }
}

#[test]
fn a_failed_session_counts_as_no_credentials_with_its_own_reason() {
    let mut world = TestGate::of_people();
    let (signed, _) = session()
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let (_, other) = session_of(2, 0)
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let forged = cookie(&format!("{signed}.{other}"));
    let forged = decision(&mut world, ALERTS, &[("cookie", &forged)]);
    assert_eq!(forged.reason(), Reason::SignatureInvalid);
    assert_eq!(forged.class(), Class::Unauthenticated);
    assert!(forged.authenticated().is_none());
    drop(forged);
    let bearer = [("authorization", "Bearer a.b.c")];
    let bearer = decision(&mut world, ALERTS, &bearer);
    assert_eq!(bearer.class(), Class::InvalidToken);
}

#[test]
fn j16_a_session_token_ends_on_the_second_and_begins_with_leeway() {
    let token = session_of(1, 100);
    for (now, expected) in [
        (69, refused(Reason::NotYetValid)),
        (70, operator()),
        (100, operator()),
        (399, operator()),
        (400, refused(Reason::SessionExpired)),
        (429, refused(Reason::SessionExpired)),
    ] {
        let mut world = TestGate::of_people();
        world.wait(now);
        assert_eq!(world.with_token(&token), expected, "{now}");
        assert_eq!(world.with_token(&token), expected, "{now}, cached");
    }
    let start = START.secs();
    let long = |seconds: u64| session_with(&[("exp", &(start + seconds).to_string())]);
    let mut world = TestGate::of_people();
    assert_eq!(world.with_token(&long(3600)), operator());
    assert_eq!(
        world.with_token(&long(3601)),
        refused(Reason::LifetimeTooLong)
    );
}

#[test]
fn h04_unreadable_keys_of_the_companion_are_unavailable() {
    let mut world = TestGate::of(PEOPLE);
    assert_eq!(
        world.with_token(&session()),
        Verdict::Await(vec![COMPANION])
    );
    world.read(COMPANION, None);
    assert_eq!(
        world.with_token(&session()),
        refused(Reason::KeysUnavailable)
    );
    let mut world = TestGate::of_people();
    world.wait(24 * 3600 + 1);
    let token = session_of(1, 24 * 3600);
    assert_eq!(world.with_token(&token), refused(Reason::KeysStale));
}

#[test]
fn j11_a_key_that_the_companion_has_just_made_is_waited_for() {
    let mut world = TestGate::of_people();
    world.wait(20);
    let header = header(TOKEN_TYPE).replace(KID, "session-2");
    let token = token(Algorithm::Es256, &header, &payload(&[]));
    assert_eq!(world.with_token(&token), Verdict::Await(vec![COMPANION]));
    world.read(COMPANION, Some(&[(Algorithm::Es256, "session-2")]));
    assert_eq!(world.with_token(&token), operator());
    // The one before counts for one more minute, until each filter has the new one.
    assert_eq!(world.with_token(&session()), operator());
}

#[test]
fn t21_a_revoked_session_is_refused_although_its_token_is_valid() {
    let ends = START.after(Duration::from_secs(3600));
    let began_later = session_with(&[
        ("sid", &format!("\"{}\"", sid(2))),
        ("began", &(START.secs() + 1).to_string()),
    ]);
    for mark in [Revoked::Session(sid(1)), Revoked::Person(sid(0xff))] {
        let mut world = TestGate::of_people();
        assert_eq!(world.with_token(&session()), operator());
        world.revocations.end(mark, START, ends, START);
        assert_eq!(world.with_token(&session()), refused(Reason::Revoked));
        assert_eq!(
            world.with_token(&began_later),
            operator(),
            "who signs in again is let in"
        );
    }
    let mut world = TestGate::of_people();
    world.revocations.raise_floor(START);
    assert_eq!(world.with_token(&session()), refused(Reason::Revoked));
    assert_eq!(world.with_token(&began_later), operator());
}

#[test]
fn without_sso_no_cookie_is_read() {
    let mut world = TestGate::with_keys();
    assert_eq!(world.with_token(&session()), refused(Reason::NoCredentials));
}
