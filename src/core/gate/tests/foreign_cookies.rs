//! Cookies that another host of the companion's domain has set.

use super::people::*;
use super::*;
use crate::session::{Revoked, cut};

fn operator() -> Verdict {
    verdict(Reason::Rule, Some("operators"), ALICE)
}

/// A session token that needs several cookies, and those.
fn large() -> (String, Vec<String>) {
    let groups: Vec<String> = (0..900).map(|at| format!("\"group-{at}\"")).collect();
    let groups = format!("[\"sre\",{}]", groups.join(","));
    let token = session_with(&[("groups", &groups)]);
    let cookies: Vec<String> = cut("__Secure-portcullis", &token)
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert!(cookies.len() >= 4, "{}", cookies.len());
    (token, cookies)
}

#[test]
fn t19_what_does_not_verify_is_ignored_at_any_position() {
    let mut world = TestGate::of_people();
    let good = session();
    let forged = format!("{}A", &good[..good.len() - 1]);
    let elsewhere = session_with(&[("aud", "\"https://auth.example.org\"")]);
    let untyped = token(Algorithm::Es256, &header("JWT"), &payload(&[]));
    let unknown = header("portcullis-session+jwt").replace(KID, "no-such-key");
    let unknown = token(Algorithm::Es256, &unknown, &payload(&[]));
    for foreign in ["x", "", "a.b.c", &forged, &elsewhere, &untyped, &unknown] {
        let (good, foreign) = (cookie(&good), cookie(foreign));
        for cookies in [format!("{good}; {foreign}"), format!("{foreign};{good}")] {
            assert_eq!(world.with_cookies(&cookies), operator(), "{foreign}");
        }
        let headers = [("cookie", foreign.as_str()), ("cookie", good.as_str())];
        assert_eq!(
            world.evaluate(ALERTS, &headers),
            operator(),
            "in crumbs: {foreign}"
        );
    }
}

#[test]
fn c04_two_valid_tokens_of_different_sessions_count_as_none() {
    let mut world = TestGate::of_people();
    let two = format!("{}; {}", cookie(&session()), cookie(&session_of(2, 0)));
    assert_eq!(world.with_cookies(&two), refused(Reason::NoCredentials));
    let ends = START.after(Duration::from_secs(60));
    world
        .revocations
        .end(Revoked::Session(sid(2)), START, ends, START);
    assert_eq!(
        world.with_cookies(&two),
        operator(),
        "a revoked one does not count"
    );
}

#[test]
fn c04_two_tokens_of_one_session_agree_and_the_later_holds() {
    let mut world = TestGate::of_people();
    world.wait(200);
    let later = session_with(&[("exp", &(START.secs() + 400).to_string()), ("groups", "[]")]);
    for cookies in [[session(), later.clone()], [later, session()]] {
        let cookies = cookies.map(|token| cookie(&token)).join("; ");
        assert_eq!(
            world.with_cookies(&cookies),
            verdict(Reason::CallerNotAllowed, None, ALICE)
        );
    }
}

#[test]
fn c04_a_valid_token_counts_beside_an_expired_one() {
    let mut world = TestGate::of_people();
    world.wait(310);
    let cookies = [session_of(2, 0), session_of(1, 300)].map(|token| cookie(&token));
    assert_eq!(world.with_cookies(&cookies.join("; ")), operator());
}

#[test]
fn c04_cookie_names_are_case_sensitive() {
    let mut world = TestGate::of_people();
    let token = session();
    for name in [
        "__secure-portcullis",
        "__SECURE-portcullis",
        "__Secure-Portcullis",
        "portcullis",
        "__Host-portcullis",
    ] {
        let cookies = format!("{name}={token}");
        assert_eq!(world.with_cookies(&cookies), refused(Reason::NoCredentials));
    }
}

#[test]
fn c03_a_token_of_several_cookies_is_one_token() {
    let mut world = TestGate::of_people();
    let (_, mut cookies) = large();
    assert_eq!(world.with_cookies(&cookies.join("; ")), operator());
    cookies.reverse();
    assert_eq!(world.with_cookies(&cookies.join("; ")), operator());
    let crumbs: Vec<(&str, &str)> = cookies
        .iter()
        .map(|crumb| ("cookie", crumb.as_str()))
        .collect();
    assert_eq!(world.evaluate(ALERTS, &crumbs), operator());
}

#[test]
fn c03_a_missing_or_exchanged_piece_never_leaves_a_session() {
    let mut world = TestGate::of_people();
    let (_, cookies) = large();
    for missing in 0..cookies.len() {
        let mut cookies = cookies.clone();
        cookies.remove(missing);
        let verdict = world.with_cookies(&cookies.join("; "));
        assert!(
            matches!(verdict, Verdict::Decided(_, None, None)),
            "without piece {missing}: {verdict:?}"
        );
    }
    let exchanged = cookies.join("; ");
    let exchanged = exchanged
        .replace("portcullis.0=", "portcullis.x=")
        .replace("portcullis.1=", "portcullis.0=")
        .replace("portcullis.x=", "portcullis.1=");
    let verdict = world.with_cookies(&exchanged);
    assert!(
        matches!(verdict, Verdict::Decided(_, None, None)),
        "{verdict:?}"
    );
}

#[test]
fn t19_a_foreign_piece_locks_no_person_out() {
    let mut world = TestGate::of_people();
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
        assert_eq!(world.with_cookies(&after), operator(), "after: {named:?}");
        assert_eq!(world.with_cookies(&before), operator(), "before: {named:?}");
    }
}

#[test]
fn an_unavailable_reason_precedes_that_of_a_foreign_cookie() {
    // The genuine token's key can't be read just now: no page to sign in at would help that.
    let mut world = TestGate::of_people();
    world.wait(20);
    world.read(COMPANION, None);
    let renamed = header("portcullis-session+jwt").replace(KID, "session-2");
    let renamed = token(Algorithm::Es256, &renamed, &payload(&[]));
    let cookies = format!("{}; {}", cookie("x"), cookie(&renamed));
    assert_eq!(
        world.with_cookies(&cookies),
        refused(Reason::KeysUnavailable)
    );
}
