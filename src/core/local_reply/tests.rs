use super::*;
use crate::policy::Policy;
use crate::reason::Reason;

const POLICY: &str = r#"{
  "trust": [{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
    "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue"}}],
  "apps": [{"name": "app", "hosts": ["app.example.com"],
    "rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]}]
}"#;

fn reply(reason: Reason, client: Client) -> Option<LocalReply> {
    let policy = Policy::from_json(POLICY).unwrap();
    let app = policy.apps().first();
    let decision = Decision {
        app,
        ..Decision::new(reason)
    };
    LocalReply::refusal(&decision, &headers_of(client))
}

/// The headers of a request of such a client.
fn headers_of(client: Client) -> Headers<'static> {
    let mut fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":authority", b"app.example.com"),
        (b":path", b"/"),
    ];
    match client {
        Client::Browser => fields.push((b"accept", b"text/html")),
        Client::Grpc => fields.push((b"content-type", b"application/grpc")),
        Client::Program => {}
    }
    Headers::new(fields)
}

fn header(reply: &LocalReply, name: &str) -> Option<String> {
    let mut values = reply.headers.iter().filter(|(header, _)| *header == name);
    let value = values.next().map(|(_, value)| value.clone());
    assert!(values.next().is_none(), "duplicate {name}");
    value
}

#[test]
fn every_reason_has_one_reply_except_the_allowed_ones() {
    for reason in Reason::ALL {
        let reply = reply(reason, Client::Program);
        let status = reply
            .as_ref()
            .map(|reply| (reply.status, reply.grpc_status));
        let expected = match reason.class() {
            Class::Allowed => None,
            Class::Unauthenticated | Class::InvalidToken => Some((401, 16)),
            Class::Forbidden => Some((403, 7)),
            Class::BadRequest => Some((400, 3)),
            Class::Unavailable => Some((503, 14)),
        };
        assert_eq!(status, expected, "{reason}");
        if let Some(reply) = reply {
            assert_eq!(reply.details, format!("portcullis{{{reason}}}"));
            assert_eq!(header(&reply, "cache-control").as_deref(), Some("no-store"));
        }
    }
}

#[test]
fn h01_challenges_are_those_of_rfc_6750() {
    let challenge = |reason| header(&reply(reason, Client::Program).unwrap(), "www-authenticate");
    for (reason, expected) in [
        (Reason::NoCredentials, r#"Bearer realm="app""#),
        (
            Reason::Expired,
            r#"Bearer realm="app", error="invalid_token""#,
        ),
        (
            Reason::AuthorizationAmbiguous,
            r#"Bearer realm="app", error="invalid_request""#,
        ),
        (
            Reason::CallerNotAllowed,
            r#"Bearer realm="app", error="insufficient_scope""#,
        ),
    ] {
        assert_eq!(challenge(reason).as_deref(), Some(expected), "{reason}");
    }
}

#[test]
fn h04_unavailable_replies_have_retry_after_and_no_challenge() {
    for reason in [
        Reason::KeysUnavailable,
        Reason::KeysStale,
        Reason::KeyAmbiguous,
        Reason::SessionUnavailable,
    ] {
        let reply = reply(reason, Client::Program).unwrap();
        assert!(header(&reply, "retry-after").is_some());
        assert_eq!(header(&reply, "www-authenticate"), None);
    }
}

#[test]
fn bodies_are_json_a_page_or_a_code() {
    let program = reply(Reason::Expired, Client::Program).unwrap();
    assert_eq!(
        program.body,
        "{\"error\":\"invalid_token\",\"reason\":\"expired\"}\n"
    );
    assert_eq!(
        header(&program, "content-type").as_deref(),
        Some("application/json")
    );
    let page = reply(Reason::CallerNotAllowed, Client::Browser).unwrap();
    assert!(
        page.body.contains("<h1>Access denied</h1>") && page.body.contains("caller-not-allowed")
    );
    assert_eq!(
        header(&page, "content-type").as_deref(),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(
        header(&page, "content-security-policy"),
        Some(page::policy(None, "'none'"))
    );
    assert_eq!(
        reply(Reason::Expired, Client::Grpc).unwrap().body,
        "expired"
    );
}

#[test]
fn a_request_for_no_app_has_the_realm_of_the_gate() {
    let reply = LocalReply::refusal(
        &Decision::new(Reason::AppUnknown),
        &headers_of(Client::Program),
    )
    .unwrap();
    assert_eq!(
        header(&reply, "www-authenticate").as_deref(),
        Some(r#"Bearer realm="portcullis", error="insufficient_scope""#)
    );
}

#[test]
fn the_request_id_is_in_json_and_on_pages_if_it_is_plain() {
    let policy = Policy::from_json(POLICY).unwrap();
    let body = |client, ids: &[&'static [u8]]| {
        let mut fields: Vec<_> = headers_of(client).iter().collect();
        fields.extend(ids.iter().map(|id| (&b"X-Request-Id"[..], *id)));
        let decision = Decision {
            app: policy.apps().first(),
            ..Decision::new(Reason::CallerNotAllowed)
        };
        LocalReply::refusal(&decision, &Headers::new(fields))
            .unwrap()
            .body
    };
    let json = body(Client::Program, &[b"5e8f-1_a.B"]);
    let expected =
        r#"{"error":"insufficient_scope","reason":"caller-not-allowed","id":"5e8f-1_a.B"}"#;
    assert_eq!(json.trim_end(), expected);
    let page = body(Client::Browser, &[b"5e8f"]);
    assert!(page.contains("Request ID: <code>5e8f</code>"), "{page}");
    let many: [&[&[u8]]; 7] = [
        &[],
        &[b""],
        &[b"a\"b"],
        &[b"<b>"],
        &[b"\xff"],
        &[&[b'a'; 65]],
        &[b"one", b"two"],
    ];
    for ids in many {
        let json = body(Client::Program, ids);
        let expected = r#"{"error":"insufficient_scope","reason":"caller-not-allowed"}"#;
        assert_eq!(json.trim_end(), expected, "{ids:?}");
        let page = body(Client::Browser, ids);
        assert!(!page.contains("Request ID"), "{page}");
    }
}
