//! Apps whose refusals are only reported.

use super::users::*;
use super::*;
use crate::outcome::Outcome;

/// 100 seconds after the start.
const UNTIL: &str = "2027-01-15T08:01:40Z";

/// The policy of [`USERS`], with an app whose refusals are only reported, and another one.
fn open() -> String {
    let until = format!(r#""name": "alertmanager", "report_until": "{UNTIL}","#);
    let other = r#""apps": [{"name": "other", "hosts": ["other.example.com"], "rules": [
        {"name": "operators", "allow": [{"from": "sso", "group": "sre"}]}]},"#;
    let policy = USERS.replacen(r#""name": "alertmanager","#, &until, 1);
    policy.replacen(r#""apps": ["#, other, 1)
}

fn gate() -> TestGate {
    let mut test = TestGate::of(&open());
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    test.fetch(trust(1), Some(&[(Algorithm::Rs256, "gitlab-1")]));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    test
}

/// A request's headers after the changes of its verdict, as `name: value`; `None` if it is refused.
fn forwarded(test: &mut TestGate, request: &str, fields: &[(&str, &str)]) -> Option<Vec<String>> {
    let headers = headers(request, fields);
    let (gate, context, cache) = test.parts();
    let Evaluation::Decided(decision) = gate.evaluate(&headers, context, cache) else {
        panic!("it waits");
    };
    let outcome = decision.outcome(&headers, gate.policy(), context.now);
    let Outcome::Forward(verdict) = &outcome else {
        return None;
    };
    let mut left: Vec<(Vec<u8>, Vec<u8>)> = headers
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    let changed = verdict.change_headers(|name, value| {
        left.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        left.extend(value.map(|value| (name.to_vec(), value.to_vec())));
        Ok::<_, ()>(())
    });
    assert_eq!(changed, Ok(()));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let left = left.iter();
    Some(
        left.map(|(name, value)| format!("{}: {}", text(name), text(value)))
            .collect(),
    )
}

/// A request that would be refused.
struct Refusal {
    request: &'static str,
    fields: Vec<(&'static str, String)>,
    reason: Reason,
    /// Whether identity headers name the caller.
    is_identified: bool,
}

impl Refusal {
    fn of(request: &'static str, fields: &[(&'static str, String)], reason: Reason) -> Self {
        Self {
            request,
            fields: fields.to_vec(),
            reason,
            is_identified: reason == Reason::CallerNotAllowed,
        }
    }

    fn fields(&self) -> Vec<(&'static str, &str)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (*name, &**value)).collect()
    }
}

fn refusals() -> Vec<Refusal> {
    let cookies = |token: String| ("cookie", format!("theme=dark; {}", cookie(&token)));
    let bearer = |token: String| ("authorization", format!("Bearer {token}"));
    let karma = |audience| karma(Algorithm::EdDsa, Some("blue-1"), audience, 600);
    let other = session_with(&[("aud", "\"https://other.example.com\"")]);
    let expired = session_with(&[("iat", "1000"), ("exp", "1300"), ("began", "1000")]);
    let cross_site = [
        cookies(session()),
        ("sec-fetch-site", "cross-site".to_owned()),
    ];
    // Without the sealed session, it can't be known whether the session has ended.
    let expired_cross_site = [
        cookies(session_with(&[
            ("iat", "1000"),
            ("exp", "1300"),
            ("began", "1000"),
        ])),
        ("sec-fetch-site", "cross-site".to_owned()),
    ];
    let post = "POST alertmanager.example.com /api/v2/silences";
    vec![
        Refusal::of(ALERTS, &[], Reason::NoCredentials),
        Refusal::of(
            ALERTS,
            &[bearer("a.b.c".to_owned())],
            Reason::TokenMalformed,
        ),
        Refusal::of(
            ALERTS,
            &[bearer(karma("elsewhere"))],
            Reason::AudienceMismatch,
        ),
        Refusal::of(
            post,
            &[bearer(karma("portcullis"))],
            Reason::CallerNotAllowed,
        ),
        Refusal::of(ALERTS, &[cookies(other)], Reason::AudienceMismatch),
        Refusal::of(ALERTS, &[cookies(expired)], Reason::SessionExpired),
        Refusal::of(post, &cross_site, Reason::CrossSite),
        Refusal::of(post, &expired_cross_site, Reason::CrossSite),
    ]
}

#[test]
fn what_would_be_refused_is_forwarded_and_says_so_until_the_time() {
    for refusal in refusals() {
        let (request, reason) = (refusal.request, refusal.reason);
        let mut fields = refusal.fields();
        fields.extend([
            ("x-forwarded-user", "root"),
            ("x-portcullis-caller", "root"),
        ]);
        let mut test = gate();
        let decision = decision(&mut test, request, &fields);
        assert_eq!(decision.reason(), Reason::ReportOnly, "{reason}");
        assert_eq!(decision.reported(), Some(reason));
        assert!(decision.is_allowed());
        let record = audit_record(&decision, request, &fields);
        assert!(
            record.contains(r#""decision":"allowed","reason":"report-only""#),
            "{record}"
        );
        assert!(
            record.contains(&format!(r#""enforced":"{reason}""#)),
            "{record}"
        );

        let left = forwarded(&mut test, request, &fields).expect("forwarded");
        let is_there = |start: &str| left.iter().any(|line| line.starts_with(start));
        assert_eq!(
            is_there("x-portcullis-caller: "),
            refusal.is_identified,
            "{reason}: {left:?}"
        );
        assert!(
            !left
                .iter()
                .any(|line| line.contains("root") || line.contains("__Secure"))
        );
        for (name, value) in fields {
            if name == "authorization" {
                assert!(left.contains(&format!("{name}: {value}")), "{left:?}");
            }
            assert!(name != "cookie" || left.contains(&"cookie: theme=dark".to_owned()));
        }
    }
}

/// Two issuers may give one e-mail address or one group to different users.
#[test]
fn callers_of_an_issuer_that_no_rule_names_are_not_identified() {
    let payload = format!(
        r#"{{"iss":"https://gitlab.example.com","aud":"portcullis","sub":"7","iat":{},"exp":{},
            "email":"alice@example.com","email_verified":true}}"#,
        START.secs(),
        START.secs() + 300
    );
    let text = token(
        Algorithm::Rs256,
        r#"{"alg":"RS256","kid":"gitlab-1"}"#,
        &payload,
    );
    let bearer = format!("Bearer {text}");
    let fields = [("authorization", &*bearer)];
    let identity = |policy: &str| {
        let mut test = TestGate::of(policy);
        test.fetch(trust(1), Some(&[(Algorithm::Rs256, "gitlab-1")]));
        let reported = decision(&mut test, ALERTS, &fields).reported();
        assert_eq!(reported, Some(Reason::CallerNotAllowed));
        let left = forwarded(&mut test, ALERTS, &fields).expect("forwarded");
        left.iter().any(|line| line.contains("alice@example.com"))
    };
    assert!(!identity(&open()));
    let named = r#""rules": [{"name": "x", "allow": [{"from": "gitlab", "user": "8"}]},"#;
    let open = open();
    let (before, after) = open.rsplit_once(r#""rules": ["#).unwrap();
    assert!(identity(&format!("{before}{named}{after}")));
}

#[test]
fn enforcement_starts_at_the_time_without_a_reload() {
    let mut test = gate();
    test.wait(99);
    assert_eq!(test.evaluate(ALERTS, &[]), refused(Reason::ReportOnly));
    test.wait(1);
    assert_eq!(test.evaluate(ALERTS, &[]), refused(Reason::NoCredentials));
    for refusal in refusals() {
        let left = forwarded(&mut test, refusal.request, &refusal.fields());
        assert_eq!(left, None, "{}", refusal.request);
    }
}

#[test]
fn ambiguous_requests_other_apps_and_the_companions_host_are_enforced() {
    let mut test = gate();
    for (request, fields, reason) in [
        ("GET other.example.com /", &[][..], Reason::NoCredentials),
        ("GET auth.example.com /admin", &[], Reason::AppUnknown),
        ("GET unknown.example.org /", &[], Reason::AppUnknown),
        (
            "GET alertmanager.example.com //a",
            &[],
            Reason::RequestAmbiguous,
        ),
        (
            ALERTS,
            &[("authorization", "Bearer")],
            Reason::AuthorizationMalformed,
        ),
    ] {
        assert_eq!(test.evaluate(request, fields), refused(reason), "{request}");
    }
    // Without keys, the token can't be verified.
    let mut test = TestGate::of(&open());
    let bearer = format!(
        "Bearer {}",
        karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600)
    );
    let waits = test.evaluate(ALERTS, &[("authorization", &bearer)]);
    assert_eq!(waits, Summary::Await(vec![trust(0)]));
    let app = test
        .gate
        .policy()
        .app_for("alertmanager.example.com")
        .unwrap();
    assert_eq!(test.gate.give_up(app).reason(), Reason::KeysUnavailable);
}

#[test]
fn an_expired_session_is_refreshed_and_its_end_is_only_reported() {
    let mut test = gate();
    let expired = session_with(&[
        ("iat", &(START.secs() - 300).to_string()),
        ("exp", &START.secs().to_string()),
        ("began", &(START.secs() - 300).to_string()),
    ]);
    let cookies = format!("{}; __Secure-portcullis-session=sealed", cookie(&expired));
    assert!(matches!(test.with_cookies(&cookies), Summary::Refresh(..)));
    let headers = headers(ALERTS, &[("cookie", &cookies)]);
    let names = test.gate.policy().sso().unwrap().cookie_names().clone();
    let other = cookie(&session_of(2, 0));
    for (status, line, reason, reported) in [
        (401, None, Reason::ReportOnly, Some(Reason::SessionExpired)),
        (503, None, Reason::SessionUnavailable, None),
        (
            200,
            Some(&other),
            Reason::ReportOnly,
            Some(Reason::SessionExpired),
        ),
    ] {
        let lines = line.iter().map(|line| line.as_bytes());
        let refreshed = RefreshOutcome::read(sid(1), &names, status, lines);
        let (gate, context, cache) = test.parts();
        let evaluation = gate.evaluate_refreshed(&headers, context, cache, &refreshed);
        let Evaluation::Decided(decision) = evaluation else {
            panic!("it waits");
        };
        assert_eq!((decision.reason(), decision.reported()), (reason, reported));
        // Cookies of another session are kept from the client, and an ended one's are deleted.
        let allows = refreshed.allows_cookies(decision.enforced_reason());
        assert_eq!(allows, status == 401, "{status}");
    }
}
