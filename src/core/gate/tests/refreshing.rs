//! Sessions whose token has expired.

use super::people::*;
use super::*;
use crate::session::Revoked;

fn operator() -> Verdict {
    verdict(Reason::Rule, Some("operators"), ALICE)
}

/// A gate at a time when tokens of the start have expired.
fn later() -> TestGate {
    let mut world = TestGate::of_people();
    world.wait(400);
    world
}

/// The cookies of a session whose token has expired.
fn over() -> String {
    format!(
        "theme=dark; {}; __Secure-portcullis-session=sealed; __Secure-portcullis-login-x=y",
        cookie(&session())
    )
}

/// Evaluates an operator's request again, by the outcome of a refresh.
fn evaluate_again(world: &mut TestGate, refreshed: &RefreshOutcome) -> Verdict {
    let context = Context {
        keyring: &world.keyring,
        signatures: &PureRust,
        revocations: &world.revocations,
        arrived: world.now,
        now: world.now,
    };
    let cookies = over();
    let headers = headers(ALERTS, &[("cookie", &cookies)]);
    let evaluation = world
        .gate
        .evaluate_refreshed(&headers, context, &mut world.cache, refreshed);
    Verdict::of(&evaluation)
}

/// What an answer of 200 with this fresh token comes to.
fn renewed_with(world: &mut TestGate, token: &str) -> Verdict {
    let line = format!("{}; Path=/; Secure; HttpOnly; Max-Age=3600", cookie(token));
    let refreshed = read(world, 200, &[&line]);
    evaluate_again(world, &refreshed)
}

fn read(world: &TestGate, status: u16, lines: &[&str]) -> RefreshOutcome {
    let family = world.gate.policy().sso().unwrap().cookies();
    let lines = lines.iter().map(|line| line.as_bytes());
    RefreshOutcome::read(sid(1), family, status, lines)
}

#[test]
fn an_expired_session_token_is_refreshed_with_our_cookies_alone() {
    let mut world = later();
    let asked = format!("{}; __Secure-portcullis-session=sealed", cookie(&session()));
    for _ in 0..2 {
        assert_eq!(
            world.with_cookies(&over()),
            Verdict::Refresh(sid(1), asked.clone())
        );
    }
}

#[test]
fn without_a_sealed_session_or_a_once_valid_token_nothing_is_refreshed() {
    let mut world = later();
    assert_eq!(
        world.with_token(&session()),
        refused(Reason::SessionExpired)
    );
    let sealed = "__Secure-portcullis-session=sealed";
    assert_eq!(world.with_cookies(sealed), refused(Reason::NoCredentials));
    let untyped = token(Algorithm::Es256, &header("JWT"), &payload(&[]));
    for (token, reason) in [
        (
            session_with(&[("aud", "\"https://auth.example.org\"")]),
            Reason::AudienceMismatch,
        ),
        (
            session_with(&[("iss", "\"https://auth.example.org\"")]),
            Reason::IssuerUnknown,
        ),
        (
            session_with(&[("idp", "\"gitlab\"")]),
            Reason::IssuerUnknown,
        ),
        (untyped, Reason::TokenMalformed),
        (
            format!("{}A", &session()[..session().len() - 1]),
            Reason::SignatureInvalid,
        ),
    ] {
        let cookies = format!("{}; {sealed}", cookie(&token));
        assert_eq!(world.with_cookies(&cookies), refused(reason));
    }
}

#[test]
fn a_session_that_was_ended_is_not_refreshed() {
    let mut world = later();
    let ends = START.after(Duration::from_secs(3600));
    let now = world.now;
    world
        .revocations
        .end(Revoked::Session(sid(1)), START, ends, now);
    assert_eq!(world.with_cookies(&over()), refused(Reason::Revoked));
}

#[test]
fn c04_two_sessions_with_expired_tokens_count_as_none() {
    let mut world = later();
    let cookies = format!("{}; {}", over(), cookie(&session_of(2, 0)));
    assert_eq!(world.with_cookies(&cookies), refused(Reason::NoCredentials));
}

#[test]
fn the_fresh_token_is_verified_like_any_other() {
    let mut world = later();
    assert_eq!(renewed_with(&mut world, &session_of(1, 400)), operator());
    let now = world.now.secs();
    let without_groups = session_with(&[("exp", &(now + 300).to_string()), ("groups", "")]);
    assert_eq!(
        renewed_with(&mut world, &without_groups),
        verdict(Reason::CallerNotAllowed, None, ALICE),
        "what has changed counts at once"
    );
}

#[test]
fn an_invalid_fresh_token_is_session_unavailable_and_allows_nothing() {
    let mut world = later();
    let fresh = session_of(1, 400);
    for token in [
        session(),
        format!("{}A", &fresh[..fresh.len() - 1]),
        "x".to_owned(),
        String::new(),
    ] {
        assert_eq!(
            renewed_with(&mut world, &token),
            refused(Reason::SessionUnavailable)
        );
    }
    let empty = read(&world, 200, &[]);
    assert_eq!(
        evaluate_again(&mut world, &empty),
        refused(Reason::SessionUnavailable)
    );
}

#[test]
fn a_fresh_token_of_another_session_allows_nothing_and_requires_a_sign_in() {
    let mut world = later();
    assert_eq!(
        renewed_with(&mut world, &session_of(2, 400)),
        refused(Reason::SessionExpired)
    );
}

#[test]
fn a_fresh_token_in_several_cookies_is_found_among_those_that_are_deleted() {
    let mut world = later();
    let token = session_of(1, 400);
    let refreshed = read(
        &world,
        200,
        &[
            "__Secure-portcullis.0=; Max-Age=0; Path=/; Secure",
            &format!("__Secure-portcullis={token}; Path=/; Secure"),
            "__Secure-portcullis-session=resealed; Path=/; Secure",
            "other=1",
        ],
    );
    assert_eq!(evaluate_again(&mut world, &refreshed), operator());
}

#[test]
fn every_other_outcome_has_its_own_reason() {
    let mut world = later();
    let deleting = ["__Secure-portcullis=; Max-Age=0; Path=/; Secure"];
    for (status, reason) in [
        (401, Reason::SessionExpired),
        (0, Reason::SessionUnavailable),
        (204, Reason::SessionUnavailable),
        (302, Reason::SessionUnavailable),
        (400, Reason::SessionUnavailable),
        (403, Reason::SessionUnavailable),
        (404, Reason::SessionUnavailable),
        (429, Reason::SessionUnavailable),
        (500, Reason::SessionUnavailable),
        (503, Reason::SessionUnavailable),
    ] {
        let refreshed = read(&world, status, &deleting);
        assert_eq!(
            evaluate_again(&mut world, &refreshed),
            refused(reason),
            "{status}"
        );
    }
}

#[test]
fn a_revocation_that_comes_meanwhile_holds() {
    let mut world = later();
    let ends = START.after(Duration::from_secs(3600));
    let now = world.now;
    world
        .revocations
        .end(Revoked::Person(sid(0xff)), now, ends, now);
    assert_eq!(
        renewed_with(&mut world, &session_of(1, 400)),
        refused(Reason::Revoked)
    );
}

#[test]
fn a_fresh_token_of_an_unknown_key_waits_for_it() {
    let mut world = later();
    let header = header("portcullis-session+jwt").replace(KID, "session-2");
    let exp = (world.now.secs() + 300).to_string();
    let token = token(Algorithm::Es256, &header, &payload(&[("exp", &exp)]));
    assert_eq!(
        renewed_with(&mut world, &token),
        Verdict::Await(vec![COMPANION])
    );
    world.read(COMPANION, Some(&[(Algorithm::Es256, "session-2")]));
    assert_eq!(renewed_with(&mut world, &token), operator());
}

/// The refresh of an operator whose token has expired.
fn to_ask<T>(world: &TestGate, look: impl FnOnce(&RefreshRequest<'_>) -> T) -> T {
    let cookies = over();
    let headers = headers(ALERTS, &[("cookie", &cookies)]);
    let context = Context {
        keyring: &world.keyring,
        signatures: &PureRust,
        revocations: &world.revocations,
        arrived: world.now,
        now: world.now,
    };
    let cache = &mut TokenCache::default();
    match world.gate.evaluate(&headers, context, cache) {
        Evaluation::Refresh(refresh) => look(&refresh),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unreachable_companion_is_session_unavailable() {
    to_ask(&later(), |refresh| {
        assert_eq!(refresh.sso().authority(), "auth.example.com");
        assert_eq!(refresh.sso().envoy_cluster(), "portcullis");
        let decision = refresh.clone().give_up();
        assert_eq!(decision.reason(), Reason::SessionUnavailable);
        assert_eq!(decision.app().map(App::name), Some("alertmanager"));
    });
}

#[test]
fn r15_what_is_written_of_a_refresh_has_no_secret_in_it() {
    let world = later();
    let outcome = read(&world, 200, &["__Secure-portcullis=fresh; Path=/"]);
    assert_eq!(format!("{outcome:?}"), "Refreshed");
    let written = to_ask(&world, |refresh| format!("{refresh:?}"));
    assert!(written.contains("alertmanager"), "{written}");
    for secret in ["sealed", "eyJ", "="] {
        assert!(!written.contains(secret), "{written}");
    }
}
