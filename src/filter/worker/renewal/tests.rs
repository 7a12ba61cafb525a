use portcullis_core::policy::Policy;
use portcullis_core::reason::Reason;

use super::*;

const SID: Id = Id::from_bytes([7; 16]);

fn policy() -> Policy {
    let policy = r#"{
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": [{"name": "app", "hosts": ["app.example.com"],
            "rules": [{"name": "all", "allow": [{"from": "sso", "anyone": true}]}]}]
    }"#;
    Policy::from_json(policy).unwrap()
}

fn read(status: u16, lines: &[&str]) -> Renewal {
    let policy = policy();
    let family = policy.sso().unwrap().cookies();
    let lines = lines.iter().map(|line| line.as_bytes());
    Renewal::read(SID, family, status, lines)
}

fn riding(renewal: &Renewal) -> Vec<&str> {
    let cookies = renewal.cookies.iter();
    cookies
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect()
}

const TOKEN: &str = "__Secure-portcullis=a.b.c; Path=/; Secure; HttpOnly; SameSite=Lax";
const SEALED: &str = "__Secure-portcullis-session=sealed; Path=/; Secure; HttpOnly; SameSite=Lax";

#[test]
fn cookies_of_the_family_ride_and_no_others_do() {
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
        let renewal = read(status, &lines);
        assert_eq!(riding(&renewal), [TOKEN, SEALED, lines[5]], "{status}");
        assert!(renewal.rides(Reason::Rule) && renewal.rides(Reason::CallerNotAllowed));
    }
}

#[test]
fn the_token_in_a_renewal_is_what_is_judged() {
    let renewal = read(200, &[SEALED, TOKEN]);
    let RefreshOutcome::Refreshed { sid, tokens } = renewal.refreshed() else {
        panic!("not renewed");
    };
    assert_eq!((*sid, tokens.as_slice()), (SID, &["a.b.c".to_owned()][..]));
    assert!(matches!(read(401, &[]).refreshed(), RefreshOutcome::Ended));
}

#[test]
fn an_answer_of_another_status_is_none_and_its_cookies_stay_behind() {
    for status in [0, 201, 204, 302, 400, 403, 404, 429, 500, 503, 504] {
        let renewal = read(status, &[TOKEN]);
        assert!(matches!(renewal.refreshed(), RefreshOutcome::Unavailable));
        assert!(!renewal.rides(Reason::Rule), "{status}");
    }
}

#[test]
fn cookies_of_a_token_that_proves_to_be_none_of_this_session_do_not_ride() {
    for reason in [Reason::SessionUnavailable, Reason::SessionExpired] {
        assert!(!read(200, &[TOKEN]).rides(reason), "{reason}");
    }
    assert!(!read(200, &[]).rides(Reason::Rule));
}

#[test]
fn more_cookies_than_a_session_has_are_no_answer() {
    let deleted: Vec<String> = (0..65)
        .map(|number| format!("__Secure-portcullis.{number}=; Max-Age=0"))
        .collect();
    let mut lines: Vec<&str> = deleted.iter().map(String::as_str).collect();
    assert!(matches!(
        read(200, &lines).refreshed(),
        RefreshOutcome::Unavailable
    ));
    lines.pop();
    assert_eq!(riding(&read(200, &lines)), lines);

    let long = format!("__Secure-portcullis-session={}", "x".repeat(MAX_BYTES));
    assert!(matches!(
        read(401, &[&long]).refreshed(),
        RefreshOutcome::Unavailable
    ));
}

#[test]
fn a_refresh_is_counted_once_and_as_what_it_was_good_for() {
    for (renewal, reason, outcome) in [
        (read(200, &[TOKEN]), Reason::Rule, Refresh::Renewed),
        (
            read(200, &[TOKEN]),
            Reason::CallerNotAllowed,
            Refresh::Renewed,
        ),
        (
            read(200, &[TOKEN]),
            Reason::SessionUnavailable,
            Refresh::Unavailable,
        ),
        (read(200, &[TOKEN]), Reason::SessionExpired, Refresh::Ended),
        (read(401, &[]), Reason::SessionExpired, Refresh::Ended),
        (
            read(500, &[]),
            Reason::SessionUnavailable,
            Refresh::Unavailable,
        ),
    ] {
        assert_eq!(renewal.outcome(reason), Some(outcome));
        assert_eq!(renewal.outcome(reason), None);
    }
}

#[test]
fn a_renewal_tells_no_secret() {
    assert_eq!(format!("{:?}", read(200, &[TOKEN])), "Renewal { .. }");
}
