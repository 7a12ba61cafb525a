use portcullis_core::reason::Reason;

use super::*;
use crate::fixtures::policy;

const SID: Id = Id::from_bytes([7; 16]);

fn read(status: u16, lines: &[&str]) -> RefreshResponse {
    let policy = policy();
    let names = policy.sso().unwrap().cookie_names();
    let lines = lines.iter().map(|line| line.as_bytes());
    RefreshResponse::read(SID, names, status, lines)
}

fn set_cookies(response: &RefreshResponse) -> Vec<&str> {
    let cookies = response.cookies.iter();
    cookies
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect()
}

const TOKEN: &str = "__Secure-portcullis=a.b.c; Path=/; Secure; HttpOnly; SameSite=Lax";
const SEALED: &str = "__Secure-portcullis-session=sealed; Path=/; Secure; HttpOnly; SameSite=Lax";

#[test]
fn only_session_cookies_are_added() {
    let lines = [
        "tracking=__Secure-portcullis=x",
        TOKEN,
        "__secure-portcullis=other case",
        "__Secure-portcullis-sessions=of another name",
        SEALED,
        "__Secure-portcullis-session.1=; Max-Age=0; Path=/; Secure",
        "__Secure-portcullis",
        "",
    ];
    for status in [200, 401] {
        let response = read(status, &lines);
        assert_eq!(
            set_cookies(&response),
            [TOKEN, SEALED, lines[5]],
            "{status}"
        );
        assert!(
            response.sets_cookies(Reason::Rule) && response.sets_cookies(Reason::CallerNotAllowed)
        );
    }
}

#[test]
fn the_token_in_a_response_is_evaluated() {
    let response = read(200, &[SEALED, TOKEN]);
    let RefreshOutcome::Refreshed { sid, tokens } = response.outcome() else {
        panic!("not refreshed");
    };
    assert_eq!((*sid, tokens.as_slice()), (SID, &["a.b.c".to_owned()][..]));
    assert!(matches!(read(401, &[]).outcome(), RefreshOutcome::Ended));
}

#[test]
fn a_response_with_another_status_is_unavailable_and_sets_no_cookies() {
    for status in [0, 201, 204, 302, 400, 403, 404, 429, 500, 503, 504] {
        let response = read(status, &[TOKEN]);
        assert!(matches!(response.outcome(), RefreshOutcome::Unavailable));
        assert!(!response.sets_cookies(Reason::Rule), "{status}");
    }
}

#[test]
fn cookies_of_a_token_of_another_session_are_not_added() {
    for reason in [Reason::SessionUnavailable, Reason::SessionExpired] {
        assert!(!read(200, &[TOKEN]).sets_cookies(reason), "{reason}");
    }
    assert!(!read(200, &[]).sets_cookies(Reason::Rule));
}

#[test]
fn too_many_or_too_large_cookies_make_a_response_unavailable() {
    let deleted: Vec<String> = (0..65)
        .map(|number| format!("__Secure-portcullis.{number}=; Max-Age=0"))
        .collect();
    let mut lines: Vec<&str> = deleted.iter().map(String::as_str).collect();
    assert!(matches!(
        read(200, &lines).outcome(),
        RefreshOutcome::Unavailable
    ));
    lines.pop();
    assert_eq!(set_cookies(&read(200, &lines)), lines);

    let long = format!("__Secure-portcullis-session={}", "x".repeat(MAX_BYTES));
    assert!(matches!(
        read(401, &[&long]).outcome(),
        RefreshOutcome::Unavailable
    ));
}

#[test]
fn a_refresh_is_counted_once_by_its_outcome() {
    for (response, reason, outcome) in [
        (read(200, &[TOKEN]), Reason::Rule, RefreshLabel::Refreshed),
        (
            read(200, &[TOKEN]),
            Reason::CallerNotAllowed,
            RefreshLabel::Refreshed,
        ),
        (
            read(200, &[TOKEN]),
            Reason::SessionUnavailable,
            RefreshLabel::Unavailable,
        ),
        (
            read(200, &[TOKEN]),
            Reason::SessionExpired,
            RefreshLabel::Ended,
        ),
        (read(401, &[]), Reason::SessionExpired, RefreshLabel::Ended),
        (
            read(500, &[]),
            Reason::SessionUnavailable,
            RefreshLabel::Unavailable,
        ),
    ] {
        assert_eq!(response.label(reason), Some(outcome));
        assert_eq!(response.label(reason), None);
    }
}

#[test]
fn debug_output_has_no_secret() {
    assert_eq!(
        format!("{:?}", read(200, &[TOKEN])),
        "RefreshResponse { .. }"
    );
}

/// More lines than a proxy accepts, of the session and of others, also in many chunks of one name.
#[test]
#[allow(clippy::disallowed_methods, reason = "the test measures time")]
fn the_work_is_linear_in_the_cookies_of_a_response() {
    let began = std::time::Instant::now();
    let foreign = vec!["tracking=1; Path=/"; 200_000];
    let mut lines = foreign.clone();
    lines.push(TOKEN);
    assert_eq!(set_cookies(&read(200, &lines)), [TOKEN]);

    let mut lines = vec![TOKEN; 64];
    assert_eq!(set_cookies(&read(200, &lines)).len(), 64);
    lines.extend(vec![TOKEN; 200_000]);
    assert!(matches!(
        read(200, &lines).outcome(),
        RefreshOutcome::Unavailable
    ));

    let long = format!("tracking={}; Path=/", "; a=b".repeat(200_000));
    assert_eq!(set_cookies(&read(200, &[&long, TOKEN])), [TOKEN]);
    let taken = began.elapsed();
    assert!(taken < std::time::Duration::from_secs(20), "{taken:?}");
}
