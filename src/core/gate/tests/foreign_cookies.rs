//! Cookies that another host of the companion's domain has set.

use super::users::*;
use super::*;
use crate::session::{Revoked, split_cookie};

fn operator() -> Summary {
    decided(Reason::Rule, Some("operators"), ALICE)
}

/// A session token that needs several cookies, and these cookies.
fn large() -> (String, Vec<String>) {
    let groups: Vec<String> = (0..900).map(|at| format!("\"group-{at}\"")).collect();
    let groups = format!("[\"sre\",{}]", groups.join(","));
    let token = session_with(&[("groups", &groups)]);
    let cookies: Vec<String> = split_cookie("__Secure-portcullis", &token)
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert!(cookies.len() >= 4, "{}", cookies.len());
    (token, cookies)
}

#[test]
fn t19_invalid_tokens_are_ignored_at_any_position() {
    let mut test = TestGate::for_users();
    let good = session();
    let forged = format!("{}A", &good[..good.len() - 1]);
    let elsewhere = session_with(&[("aud", "\"https://auth.example.org\"")]);
    let untyped = token(Algorithm::Es256, &header("JWT"), &payload(&[]));
    let unknown = header("portcullis-session+jwt").replace(KID, "no-such-key");
    let unknown = token(Algorithm::Es256, &unknown, &payload(&[]));
    for foreign in ["x", "", "a.b.c", &forged, &elsewhere, &untyped, &unknown] {
        let (good, foreign) = (cookie(&good), cookie(foreign));
        for cookies in [format!("{good}; {foreign}"), format!("{foreign};{good}")] {
            assert_eq!(test.with_cookies(&cookies), operator(), "{foreign}");
        }
        let headers = [("cookie", foreign.as_str()), ("cookie", good.as_str())];
        assert_eq!(
            test.evaluate(ALERTS, &headers),
            operator(),
            "in crumbs: {foreign}"
        );
    }
}

#[test]
fn c04_two_valid_tokens_of_different_sessions_count_as_none() {
    let mut test = TestGate::for_users();
    let two = format!("{}; {}", cookie(&session()), cookie(&session_of(2, 0)));
    assert_eq!(test.with_cookies(&two), refused(Reason::NoCredentials));
    let ends = START.after(Duration::from_secs(60));
    test.revocations
        .revoke(Revoked::Session(sid(2)), START, ends, START);
    assert_eq!(
        test.with_cookies(&two),
        operator(),
        "a revoked one does not count"
    );
}

#[test]
fn c04_of_two_tokens_of_one_session_the_later_counts() {
    let mut test = TestGate::for_users();
    test.wait(200);
    let later = session_with(&[("exp", &(START.secs() + 400).to_string()), ("groups", "[]")]);
    for cookies in [[session(), later.clone()], [later, session()]] {
        let cookies = cookies.map(|token| cookie(&token)).join("; ");
        assert_eq!(
            test.with_cookies(&cookies),
            decided(Reason::CallerNotAllowed, None, ALICE)
        );
    }
}

#[test]
fn c04_a_valid_token_counts_beside_an_expired_one() {
    let mut test = TestGate::for_users();
    test.wait(310);
    let cookies = [session_of(2, 0), session_of(1, 300)].map(|token| cookie(&token));
    assert_eq!(test.with_cookies(&cookies.join("; ")), operator());
}

#[test]
fn c04_cookie_names_are_case_sensitive() {
    let mut test = TestGate::for_users();
    let token = session();
    for name in [
        "__secure-portcullis",
        "__SECURE-portcullis",
        "__Secure-Portcullis",
        "portcullis",
        "__Host-portcullis",
    ] {
        let cookies = format!("{name}={token}");
        assert_eq!(test.with_cookies(&cookies), refused(Reason::NoCredentials));
    }
}

#[test]
fn c03_a_token_of_several_cookies_is_one_token() {
    let mut test = TestGate::for_users();
    let (_, mut cookies) = large();
    assert_eq!(test.with_cookies(&cookies.join("; ")), operator());
    cookies.reverse();
    assert_eq!(test.with_cookies(&cookies.join("; ")), operator());
    let crumbs: Vec<(&str, &str)> = cookies
        .iter()
        .map(|crumb| ("cookie", crumb.as_str()))
        .collect();
    assert_eq!(test.evaluate(ALERTS, &crumbs), operator());
}

#[test]
fn c03_a_session_with_a_missing_or_exchanged_chunk_is_invalid() {
    let mut test = TestGate::for_users();
    let (_, cookies) = large();
    for missing in 0..cookies.len() {
        let mut cookies = cookies.clone();
        cookies.remove(missing);
        let summary = test.with_cookies(&cookies.join("; "));
        assert!(
            matches!(summary, Summary::Decided(_, None, None)),
            "without chunk {missing}: {summary:?}"
        );
    }
    let exchanged = cookies.join("; ");
    let exchanged = exchanged
        .replace("portcullis.0=", "portcullis.x=")
        .replace("portcullis.1=", "portcullis.0=")
        .replace("portcullis.x=", "portcullis.1=");
    let summary = test.with_cookies(&exchanged);
    assert!(
        matches!(summary, Summary::Decided(_, None, None)),
        "{summary:?}"
    );
}

#[test]
fn t19_an_injected_chunk_does_not_invalidate_the_session() {
    let mut test = TestGate::for_users();
    let (_, cookies) = large();
    let last = cookies.len();
    let full = "A".repeat(4000);
    for foreign in [
        "__Secure-portcullis=x".to_owned(),
        "__Secure-portcullis.0=x".to_owned(),
        "__Secure-portcullis.1=x".to_owned(),
        format!("__Secure-portcullis.0={full}"),
        format!("__Secure-portcullis.1={full}"),
        format!("__Secure-portcullis.{}={full}", last - 1),
        format!("__Secure-portcullis.{last}=x"),
        format!("__Secure-portcullis.{last}={full}"),
    ] {
        let after = [cookies.join("; "), foreign.clone()].join("; ");
        let before = [foreign.clone(), cookies.join("; ")].join("; ");
        let named = foreign.get(..24);
        assert_eq!(test.with_cookies(&after), operator(), "after: {named:?}");
        assert_eq!(test.with_cookies(&before), operator(), "before: {named:?}");
    }
}

#[test]
fn a_temporary_failure_takes_precedence_over_an_injected_cookie() {
    // The key of the valid token can't be fetched now: a new sign-in would not help.
    let mut test = TestGate::for_users();
    test.wait(20);
    test.fetch(COMPANION, None);
    let renamed = header("portcullis-session+jwt").replace(KID, "session-2");
    let renamed = token(Algorithm::Es256, &renamed, &payload(&[]));
    let cookies = format!("{}; {}", cookie("x"), cookie(&renamed));
    assert_eq!(
        test.with_cookies(&cookies),
        refused(Reason::KeysUnavailable)
    );
}
