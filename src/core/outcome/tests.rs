use super::*;
use crate::policy::Policy;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_123);

const POLICY: &str = r#"{
  "trust": [{"name": "blue", "kind": "oidc", "issuer": "https://blue.example.com",
             "audiences": ["a"], "keys": {"envoy_cluster": "blue"}}],
  "apps": [{"name": "one", "hosts": ["one.example.com"], "strip_headers": ["x-webauth-user"],
            "rules": [{"name": "probes", "paths": ["/-/healthy"], "public": true}]}],
  "audit": {"allowed": "off", "refused": "error"}
}"#;

fn public(policy: &Policy) -> Decision<'_> {
    Decision {
        app: policy.apps().first(),
        rule: policy.apps()[0].public_rule("GET", "/-/healthy"),
        ..Decision::new(Reason::Public)
    }
}

/// The changes of the header fields, which all succeed.
fn header_changes(verdict: &Verdict<'_>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut changes = Vec::new();
    let changed = verdict.change_headers(|name, value| {
        changes.push((name.to_vec(), value.map(<[u8]>::to_vec)));
        Ok::<_, ()>(())
    });
    assert_eq!(changed, Ok(()));
    changes
}

#[test]
fn an_allowed_request_is_forwarded_without_identity_headers() {
    let policy = Policy::from_json(POLICY).unwrap();
    let headers = Headers::new(vec![
        (b":path", b"/-/healthy"),
        (b"X-WebAuth_User", b"admin"),
        (b"authorization", b"Bearer x"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"cookie", b"a=1"),
    ]);
    let Outcome::Forward(verdict) = public(&policy).outcome(&headers, &policy, NOW) else {
        panic!("it is allowed");
    };
    let removed: Vec<&[u8]> = verdict.removals().collect();
    assert_eq!(removed, [&b"X-WebAuth_User"[..], b"authorization"]);
    assert_eq!(verdict.cookies(), Cookies::Unchanged);
    assert_eq!(verdict.identity().count(), 0);
    assert_eq!(verdict.audit_level(), None);
    assert!(verdict.challenge().is_none());
    let seen: Vec<_> = verdict.filter_state().collect();
    let expected = [
        ("portcullis.app", "one"),
        ("portcullis.rule", "probes"),
        ("portcullis.reason", "public"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_refused_request_gets_a_local_reply() {
    let policy = Policy::from_json(POLICY).unwrap();
    let headers = Headers::default();
    let outcome = Decision::new(Reason::AppUnknown).outcome(&headers, &policy, NOW);
    let Outcome::Reply(reply, verdict) = outcome else {
        panic!("it is refused");
    };
    assert_eq!(reply.status, 403);
    assert_eq!(verdict.audit_level(), Some(Level::Error));
    assert_eq!(verdict.challenge(), Some(reply));
    let record = verdict.audit_record(None);
    assert!(record.contains("\"reason\":\"app-unknown\""), "{record}");
}

#[test]
fn header_changes_are_removals_then_cookies_then_identity_and_stop_at_an_error() {
    let policy = Policy::from_json(POLICY).unwrap();
    let headers = Headers::new(vec![
        (b":path", b"/-/healthy"),
        (b"X-WebAuth_User", b"admin"),
        (b"authorization", b"Bearer x"),
    ]);
    let outcome = public(&policy).outcome(&headers, &policy, NOW);
    let changes = header_changes(outcome.verdict());
    let expected = [&b"X-WebAuth_User"[..], b"authorization"].map(|name| (name.to_vec(), None));
    assert_eq!(changes, expected);

    let mut calls = 0;
    let changed = outcome.verdict().change_headers(|_, _| {
        calls += 1;
        Err("refused")
    });
    assert_eq!((changed, calls), (Err("refused"), 1));
}

#[test]
fn the_audit_record_is_logged_at_the_policys_level_if_the_log_has_it() {
    let policy = Policy::from_json(POLICY).unwrap();
    let headers = Headers::default();
    let refused = Decision::new(Reason::AppUnknown).outcome(&headers, &policy, NOW);
    let allowed = public(&policy).outcome(&headers, &policy, NOW);
    for (outcome, is_logged, logged) in [
        (&refused, true, 1),
        (&refused, false, 0),
        (&allowed, true, 0),
    ] {
        let (mut state, mut lines) = (Vec::new(), Vec::new());
        outcome.verdict().record(
            |name, value| state.push(format!("{name}={value}")),
            |level| level == Level::Error && is_logged,
            || {
                assert_eq!(logged, 1, "a record without a receiver");
                Some("192.0.2.7".to_owned())
            },
            |level, line| lines.push((level, line.to_owned())),
        );
        let reason = outcome.verdict().decision().reason().code();
        assert_eq!(state.last(), Some(&format!("portcullis.reason={reason}")));
        assert_eq!(lines.len(), logged);
        assert!(lines.iter().all(|line| *line
            == (
                Level::Error,
                outcome.verdict().audit_record(Some("192.0.2.7"))
            )));
    }
}

#[test]
fn h06_trailers_with_identity_header_names_are_removed() {
    let policy = Policy::from_json(POLICY).unwrap();
    let trailers = Headers::new(vec![
        (b"grpc-status", b"0"),
        (b"x-webauth-user", b"admin"),
        (b"x-portcullis-caller", b"blue/a/b"),
        (b"authorization", b"Bearer x"),
        (b"Cookie", b"__Secure-portcullis=x"),
    ]);
    let removed: Vec<&[u8]> = removed_trailers(&policy, &trailers).collect();
    assert_eq!(
        removed,
        [
            &b"x-webauth-user"[..],
            b"x-portcullis-caller",
            b"authorization",
            b"Cookie",
        ]
    );
}

#[test]
fn h06_connection_fields_of_an_upgrade_are_replaced() {
    let policy = Policy::from_json(POLICY).unwrap();
    let headers = Headers::new(vec![
        (b":path", b"/-/healthy"),
        (b"connection", b"keep-alive, Upgrade, x-note"),
        (b"connection", b"x-auth-request-user"),
        (b"upgrade", b"websocket"),
        (b"x-note", b"a"),
        (b"te", b"trailers"),
    ]);
    let outcome = public(&policy).outcome(&headers, &policy, NOW);
    let changes = header_changes(outcome.verdict());
    let expected: [(&[u8], Option<&[u8]>); 3] = [
        (b"connection", Some(b"Upgrade")),
        (b"x-note", None),
        (b"te", None),
    ];
    let expected = expected.map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)));
    assert_eq!(changes, expected);
}

#[test]
fn the_audit_record_is_in_filter_state_if_the_policy_says_so() {
    let record = |access_log: &str, is_logged: bool| {
        let audit = r#""audit": {"allowed": "off", "refused": "error""#;
        let policy = POLICY.replace(audit, &format!("{audit}{access_log}"));
        let policy = Policy::from_json(&policy).unwrap();
        let headers = Headers::default();
        let outcome = Decision::new(Reason::AppUnknown).outcome(&headers, &policy, NOW);
        let (mut state, mut line) = (None, None);
        outcome.verdict().record(
            |name, value| {
                if name == "portcullis.audit" {
                    state = Some(value.to_owned());
                }
            },
            |_| is_logged,
            || None,
            |_, record| line = Some(record.to_owned()),
        );
        (state, line)
    };
    for absent in ["", r#", "access_log": false"#] {
        assert_eq!(record(absent, false), (None, None));
        assert!(matches!(record(absent, true), (None, Some(_))));
    }
    let (state, line) = record(r#", "access_log": true"#, false);
    assert!(state.unwrap().contains("app-unknown") && line.is_none());
    let (state, line) = record(r#", "access_log": true"#, true);
    assert_eq!(state, line);
}

#[test]
fn a_request_for_an_ungated_host_loses_only_our_header_fields_and_cookies() {
    let sso =
        r#""sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"}, "apps""#;
    let policy = Policy::from_json(&POLICY.replace(r#""apps""#, sso)).unwrap();
    let decision = Decision {
        sso: policy.sso(),
        ..Decision::new(Reason::Ungated)
    };
    let headers = Headers::new(vec![
        (b":path", b"/"),
        (b"authorization", b"Basic YTpi"),
        (b"x-forwarded-user", b"ada"),
        (b"x-auth-request-user", b"ada"),
        (b"X-Portcullis_Caller", b"sso/1"),
        (b"x-webauth-user", b"ada"),
        (b"connection", b"upgrade, x-forwarded-user"),
        (b"upgrade", b"websocket"),
        (b"te", b"trailers"),
        (b"cookie", b"a=1; __Secure-portcullis=x; b=2"),
    ]);
    let outcome = decision.outcome(&headers, &policy, NOW);
    let Outcome::Forward(verdict) = &outcome else {
        panic!("it is forwarded");
    };
    assert_eq!(verdict.identity().count(), 0);
    let changes = header_changes(verdict);
    let expected = [
        (b"X-Portcullis_Caller".to_vec(), None),
        (b"cookie".to_vec(), Some(b"a=1; b=2".to_vec())),
    ];
    assert_eq!(changes, expected);
    let seen: Vec<_> = verdict.filter_state().collect();
    assert_eq!(seen, [("portcullis.reason", "ungated")]);
}
