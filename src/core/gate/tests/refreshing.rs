//! Sessions whose token has expired.

use super::users::*;
use super::*;
use crate::session::Revoked;

fn operator() -> Summary {
    decided(Reason::Rule, Some("operators"), ALICE)
}

/// A gate after the expiry of the tokens from the start.
fn later() -> TestGate {
    let mut test = TestGate::for_users();
    test.wait(400);
    test
}

/// The cookies of a session whose token has expired.
fn expired_cookies() -> String {
    format!(
        "theme=dark; {}; __Secure-portcullis-session=sealed; __Secure-portcullis-login-x=y",
        cookie(&session())
    )
}

/// Evaluates an operator's request again, by the outcome of a refresh.
fn evaluate_again(test: &mut TestGate, refreshed: &RefreshOutcome) -> Summary {
    let cookies = expired_cookies();
    let headers = headers(ALERTS, &[("cookie", &cookies)]);
    let (gate, context, cache) = test.parts();
    let evaluation = gate.evaluate_refreshed(&headers, context, cache, refreshed);
    Summary::of(&evaluation)
}

/// The decision after a response of 200 with this fresh token.
fn refreshed_with(test: &mut TestGate, token: &str) -> Summary {
    let line = format!("{}; Path=/; Secure; HttpOnly; Max-Age=3600", cookie(token));
    let refreshed = read(test, 200, &[&line]);
    evaluate_again(test, &refreshed)
}

fn read(test: &TestGate, status: u16, lines: &[&str]) -> RefreshOutcome {
    let names = test.gate.policy().sso().unwrap().cookie_names();
    let lines = lines.iter().map(|line| line.as_bytes());
    RefreshOutcome::read(sid(1), names, status, lines)
}

#[test]
fn an_expired_token_is_refreshed_with_the_session_cookies_only() {
    let mut test = later();
    let expected = format!("{}; __Secure-portcullis-session=sealed", cookie(&session()));
    for _ in 0..2 {
        assert_eq!(
            test.with_cookies(&expired_cookies()),
            Summary::Refresh(sid(1), expected.clone())
        );
    }
}

#[test]
fn the_companion_is_not_called_without_a_sealed_session_or_for_an_invalid_token() {
    let mut test = later();
    assert_eq!(test.with_token(&session()), refused(Reason::SessionExpired));
    let sealed = "__Secure-portcullis-session=sealed";
    assert_eq!(test.with_cookies(sealed), refused(Reason::NoCredentials));
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
        assert_eq!(test.with_cookies(&cookies), refused(reason));
    }
}

#[test]
fn a_revoked_session_is_not_refreshed() {
    let mut test = later();
    let ends = START.after(Duration::from_secs(3600));
    let now = test.now;
    test.revocations
        .revoke(Revoked::Session(sid(1)), START, ends, now);
    assert_eq!(
        test.with_cookies(&expired_cookies()),
        refused(Reason::Revoked)
    );
}

#[test]
fn c04_two_sessions_with_expired_tokens_count_as_none() {
    let mut test = later();
    let cookies = format!("{}; {}", expired_cookies(), cookie(&session_of(2, 0)));
    assert_eq!(test.with_cookies(&cookies), refused(Reason::NoCredentials));
}

#[test]
fn a_fresh_token_is_evaluated_like_any_other() {
    let mut test = later();
    assert_eq!(refreshed_with(&mut test, &session_of(1, 400)), operator());
    let now = test.now.secs();
    let without_groups = session_with(&[("exp", &(now + 300).to_string()), ("groups", "")]);
    assert_eq!(
        refreshed_with(&mut test, &without_groups),
        decided(Reason::CallerNotAllowed, None, ALICE),
        "what has changed counts at once"
    );
}

#[test]
fn an_invalid_fresh_token_is_refused_as_unavailable() {
    let mut test = later();
    let fresh = session_of(1, 400);
    for token in [
        session(),
        format!("{}A", &fresh[..fresh.len() - 1]),
        "x".to_owned(),
        String::new(),
    ] {
        assert_eq!(
            refreshed_with(&mut test, &token),
            refused(Reason::SessionUnavailable)
        );
    }
    let empty = read(&test, 200, &[]);
    assert_eq!(
        evaluate_again(&mut test, &empty),
        refused(Reason::SessionUnavailable)
    );
}

#[test]
fn a_fresh_token_of_another_session_is_refused_and_leads_to_sign_in() {
    let mut test = later();
    assert_eq!(
        refreshed_with(&mut test, &session_of(2, 400)),
        refused(Reason::SessionExpired)
    );
}

#[test]
fn a_fresh_token_in_several_cookies_is_found_among_those_that_are_deleted() {
    let mut test = later();
    let token = session_of(1, 400);
    let refreshed = read(
        &test,
        200,
        &[
            "__Secure-portcullis.0=; Max-Age=0; Path=/; Secure",
            &format!("__Secure-portcullis={token}; Path=/; Secure"),
            "__Secure-portcullis-session=resealed; Path=/; Secure",
            "other=1",
        ],
    );
    assert_eq!(evaluate_again(&mut test, &refreshed), operator());
}

#[test]
fn every_other_outcome_has_its_own_reason() {
    let mut test = later();
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
        let refreshed = read(&test, status, &deleting);
        assert_eq!(
            evaluate_again(&mut test, &refreshed),
            refused(reason),
            "{status}"
        );
    }
}

#[test]
fn a_revocation_during_a_refresh_applies() {
    let mut test = later();
    let ends = START.after(Duration::from_secs(3600));
    let now = test.now;
    test.revocations
        .revoke(Revoked::User(sid(0xff)), now, ends, now);
    assert_eq!(
        refreshed_with(&mut test, &session_of(1, 400)),
        refused(Reason::Revoked)
    );
}

#[test]
fn a_fresh_token_of_an_unknown_key_waits_for_it() {
    let mut test = later();
    let header = header("portcullis-session+jwt").replace(KID, "session-2");
    let exp = (test.now.secs() + 300).to_string();
    let token = token(Algorithm::Es256, &header, &payload(&[("exp", &exp)]));
    assert_eq!(
        refreshed_with(&mut test, &token),
        Summary::Await(vec![COMPANION])
    );
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, "session-2")]));
    assert_eq!(refreshed_with(&mut test, &token), operator());
}

/// The refresh of an operator whose token has expired.
fn to_ask<T>(test: &TestGate, look: impl FnOnce(&RefreshRequest<'_>) -> T) -> T {
    let cookies = expired_cookies();
    let headers = headers(ALERTS, &[("cookie", &cookies)]);
    let context = test.context(&PureRust);
    let cache = &mut TokenCache::default();
    match test.gate.evaluate(&headers, context, cache) {
        Evaluation::Refresh(refresh) => look(&refresh),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unreachable_companion_leads_to_503() {
    to_ask(&later(), |refresh| {
        assert_eq!(refresh.sso().authority(), "auth.example.com");
        assert_eq!(refresh.sso().envoy_cluster(), "portcullis");
        let decision = refresh.clone().give_up();
        assert_eq!(decision.reason(), Reason::SessionUnavailable);
        assert_eq!(decision.app().map(App::name), Some("alertmanager"));
    });
}

#[test]
fn r15_debug_output_of_a_refresh_contains_no_secret() {
    let test = later();
    let outcome = read(&test, 200, &["__Secure-portcullis=fresh; Path=/"]);
    assert_eq!(format!("{outcome:?}"), "Refreshed");
    let written = to_ask(&test, |refresh| format!("{refresh:?}"));
    assert!(written.contains("alertmanager"), "{written}");
    for secret in ["sealed", "eyJ", "="] {
        assert!(!written.contains(secret), "{written}");
    }
}
