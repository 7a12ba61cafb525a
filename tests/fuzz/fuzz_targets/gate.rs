//! What the gate does with a request: the decision, what is forwarded, the local reply and the audit
//! record. The first line is `METHOD AUTHORITY PATH`, each other line a header field. `{karma}`,
//! `{ada}` and so on are valid tokens.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_core::decision::{Class, Reason};
use portcullis_core::escape;
use portcullis_core::gate::{Context, Evaluation, Gate, TokenCache};
use portcullis_core::keys::Keyring;
use portcullis_core::outcome::{Outcome, Verdict, removed_trailers};
use portcullis_core::request::Headers;
use portcullis_core::session::{Cookies, Revocations};
use portcullis_fuzz::http::Request;
use portcullis_fuzz::sample::{NOW, PUBLIC, STRIPPED, keyring, policy, tokens, with_tokens};
use portcullis_fuzz::signing::FakeSignatures;
use portcullis_fuzz::{identity, is_dot_segment, percent_decoded};
use serde_json::Value;

struct Fixture {
    gate: Gate,
    keyring: Keyring,
    tokens: Vec<(&'static str, String)>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let policy = policy();
    Fixture {
        keyring: keyring(&policy),
        gate: Gate::new(policy),
        tokens: tokens(),
    }
});

fn evaluate<'g>(headers: &Headers<'_>, cache: &mut TokenCache) -> Evaluation<'g> {
    let fixture: &'static Fixture = &FIXTURE;
    let revocations = Revocations::default();
    let context = Context {
        keyring: &fixture.keyring,
        signatures: &FakeSignatures,
        revocations: &revocations,
        arrived: NOW,
        now: NOW,
    };
    fixture.gate.evaluate(headers, context, cache)
}

fn visible(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// Whether a credential has the scheme `Bearer`, whatever comes after it.
fn begins_like_bearer(value: &[u8]) -> bool {
    let Some((scheme, rest)) = value.split_at_checked(6) else {
        return false;
    };
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    scheme.eq_ignore_ascii_case(b"bearer") && !rest.first().is_some_and(of_name)
}

/// A public rule matches the path however a server reads it.
fn check_public(path: &[u8]) {
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut path = path.to_vec();
    for _ in 0..3 {
        for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
            assert!(!is_dot_segment(segment), "a public path with a dot segment");
        }
        let below = |public: &str| {
            let rest = path.strip_prefix(public.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        assert!(PUBLIC.into_iter().any(below), "not a public path");
        path = percent_decoded(&path);
    }
}

fn check_forwarded(verdict: &Verdict<'_>, headers: &Headers<'_>) {
    let decision = verdict.decision();
    let app = decision.app().map(|app| app.name());
    let stripped: &[&str] = if app == Some("alertmanager") {
        &[STRIPPED]
    } else {
        &[]
    };
    for (name, _) in headers.iter() {
        let forwards = verdict.forwards(name);
        let is_removed = verdict.removals().any(|removed| removed == name);
        // More is removed: fields that Connection nominates, and Connection where it is replaced.
        assert!(forwards || is_removed, "{name:?}");
        if forwards && !decision.is_for_companion() {
            assert!(
                !identity::is_claimed_by(name, stripped),
                "{:?}",
                String::from_utf8_lossy(name)
            );
        }
        if name.eq_ignore_ascii_case(b"authorization") && app == Some("alertmanager") {
            assert!(!forwards, "the credential is forwarded");
        }
    }
    if !decision.is_for_companion() {
        let cookies: Vec<u8> = match verdict.cookies() {
            Cookies::Unchanged => headers
                .all("cookie")
                .flat_map(|cookie| [cookie, b";"].concat())
                .collect(),
            Cookies::Removed => Vec::new(),
            Cookies::Replaced(cookies) => cookies,
        };
        for (name, token) in &FIXTURE.tokens {
            let begins = format!("__Secure-portcullis={token}");
            let is_there = cookies
                .split(|byte| *byte == b';')
                .any(|cookie| cookie.trim_ascii().starts_with(begins.as_bytes()));
            assert!(!is_there, "the cookie with {name} is forwarded");
        }
    }
    for (name, value) in verdict.identity() {
        assert!(
            identity::is_claimed_by(name.as_bytes(), &[]),
            "{name} is not stripped"
        );
        assert!(
            value.bytes().all(|byte| byte.is_ascii_graphic()),
            "{name}: {value}"
        );
    }
}

fn check_audit_record(verdict: &Verdict<'_>, headers: &Headers<'_>) {
    // Adapters escape each line that they log.
    let record = escape::json(&verdict.audit_record(None)).into_owned();
    let is_separator =
        |letter: char| letter.is_control() || matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}');
    assert!(!record.contains(is_separator), "not one line: {record:?}");
    let json: Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(json["reason"], verdict.decision().reason().code());
    assert!(
        json["path"].as_str().is_none_or(|path| !path.contains('?')),
        "a query"
    );
    // Each text is bounded; the two claims of a refused token too.
    assert!(record.len() < 64 * 1024, "{} bytes", record.len());
    for (name, token) in &FIXTURE.tokens {
        let signed = token
            .rsplit_once('.')
            .map_or(token.as_str(), |(signed, _)| signed);
        let elsewhere = [":method", ":authority", ":path"];
        let is_elsewhere = elsewhere.iter().any(|field| {
            headers
                .all(field)
                .any(|value| String::from_utf8_lossy(value).contains(signed))
        });
        assert!(
            is_elsewhere || !record.contains(signed),
            "{name} is in the record"
        );
    }
}

fuzz_target!(|data: &[u8]| {
    let request = Request::parse(data, |value| with_tokens(value, &FIXTURE.tokens));
    let headers = request.headers();
    let mut cache = TokenCache::default();
    let decision = match evaluate(&headers, &mut cache) {
        Evaluation::Decided(decision) => decision,
        Evaluation::AwaitKeys { sources, .. } => {
            assert!(!sources.is_empty());
            return;
        }
        Evaluation::Refresh(refresh) => {
            assert!(visible(refresh.cookies()), "not a header value");
            return;
        }
    };
    // What is cached changes no decision.
    for _ in 0..2 {
        match evaluate(&headers, &mut cache) {
            Evaluation::Decided(again) => assert_eq!(again.reason(), decision.reason()),
            other => panic!("{other:?}"),
        }
    }
    // Each secret appears by its name only where the input has it.
    let has = |name: &str| data.windows(name.len()).any(|part| part == name.as_bytes());
    match decision.reason() {
        Reason::Rule => {
            assert!(decision.authenticated().is_some() && decision.rule().is_some());
            if decision.is_by_session() {
                let bearer = headers.all("authorization").any(begins_like_bearer);
                assert!(!bearer, "a bearer credential, and a session is used");
            }
            assert!(
                ["{karma}", "{ada}", "{bob}"].into_iter().any(has),
                "no credential"
            );
        }
        Reason::Public => check_public(headers.only(":path").expect("a path")),
        Reason::Preflight => {
            assert_eq!(headers.only(":method"), Some(&b"OPTIONS"[..]));
            let opens = ["upgrade", ":protocol"]
                .iter()
                .any(|name| headers.all(name).next().is_some());
            assert!(!opens, "a tunnel without credentials");
        }
        reason => assert!(
            reason.class() != Class::Allowed || decision.is_for_companion(),
            "{reason}"
        ),
    }
    let is_allowed = decision.is_allowed();
    let outcome = decision.outcome(&headers, FIXTURE.gate.policy(), NOW);
    check_forwarded(outcome.verdict(), &headers);
    check_audit_record(outcome.verdict(), &headers);
    for (_, value) in outcome.verdict().filter_state() {
        assert!(!value.is_empty());
    }
    match &outcome {
        Outcome::Forward(_) => assert!(is_allowed),
        Outcome::Reply(reply, _) => {
            assert!(!is_allowed);
            assert!(
                matches!(reply.status, 302 | 400 | 401 | 403 | 503),
                "{}",
                reply.status
            );
            for (name, value) in &reply.headers {
                assert!(visible(value), "{name}: {value:?}");
                if *name == "location" {
                    assert!(
                        value.starts_with("https://auth.example.com/oauth2/"),
                        "{value}"
                    );
                    assert!(!value.contains(' '), "{value}");
                }
            }
            assert!(visible(&reply.details));
            for (name, token) in &FIXTURE.tokens {
                assert!(
                    !reply.body.contains(token.as_str()),
                    "{name} is in the reply"
                );
            }
        }
    }
    let policy = FIXTURE.gate.policy();
    let removed: Vec<&[u8]> = removed_trailers(policy, &headers).collect();
    for (name, _) in headers.iter() {
        if identity::is_claimed_by(name, &[STRIPPED]) {
            assert!(
                removed.contains(&name),
                "the trailer {:?}",
                String::from_utf8_lossy(name)
            );
        }
    }
});
