//! Log lines and audit records have no raw control characters, line separators or bidirectional
//! controls, for text from any source. For the filter and the dynamic module.

use portcullis_tests::lab::Call;
use portcullis_tests::lab::envoy::{Adapter, Gateway, Rejected};
use portcullis_tests::lab::fixture::{Fixture, HOST, get_alerts};
use portcullis_tests::lab::token::assemble;
use serde_json::json;

use crate::dynamic_module;

/// Characters that a terminal or a log viewer may interpret.
const HIDDEN: [char; 10] = [
    '\u{2028}', '\u{2029}', '\u{85}', '\u{9b}', '\u{1b}', '\u{7f}', '\u{202e}', '\u{2066}',
    '\u{200b}', '\u{feff}',
];

fn assert_clean(what: &str, log: &str) {
    for character in HIDDEN {
        assert!(!log.contains(character), "{what}: {character:?} in {log}");
    }
}

/// Sends tokens whose header and claims have each of the characters.
async fn assert_escaped(what: &str, fixture: &Fixture, gateway: &Gateway) {
    let issuer = fixture.clusters[0].issuer.name();
    for (number, character) in HIDDEN.iter().enumerate() {
        let text = format!("a{character}forged{number}");
        for (kid, claims) in [
            (text.clone(), json!({"iss": issuer, "sub": "a", "aud": "b"})),
            (
                "k".to_owned(),
                json!({"iss": text, "sub": text, "aud": text}),
            ),
        ] {
            let header = json!({"alg": "ES256", "kid": kid}).to_string();
            let claims = claims.to_string();
            let token = assemble(header.as_bytes(), claims.as_bytes(), &[7; 64]);
            let response = gateway.call(get_alerts(&token)).await;
            assert!(
                matches!(response.status, 401 | 503),
                "{what}: {}",
                response.status
            );
        }
        let call = Call::get(HOST, "/api/v2/alerts")
            .header("user-agent", &text)
            .header("x-request-id", &text);
        // Envoy itself rejects some of the characters.
        let status = gateway.call(call).await.status;
        assert!(matches!(status, 400 | 401), "{what}: {status}");
    }
    let log = gateway.log();
    assert!(
        log.contains("forged0") && log.contains("2028"),
        "{what}: {log}"
    );
    assert_clean(what, &log);
}

#[tokio::test]
async fn the_filter_escapes_what_a_client_chose() {
    let fixture = Fixture::start(&["blue"]).await;
    let mut policy = fixture.policy();
    policy["audit"] = json!({"allowed": "info", "refused": "warn"});
    let gateway = fixture.gateway(policy).adapter(Adapter::Filter);
    let gateway = gateway.start().await;
    assert_escaped("filter", &fixture, &gateway).await;
}

#[tokio::test]
async fn the_module_escapes_what_a_client_chose() {
    let fixture = Fixture::start(&["blue"]).await;
    let gateway = dynamic_module::gateway(&fixture, &dynamic_module::policy(&fixture));
    assert_escaped("module", &fixture, &gateway.start().await).await;
}

#[tokio::test]
async fn errors_of_a_configuration_are_escaped() {
    let fixture = Fixture::start(&["blue"]).await;
    let mut policy = dynamic_module::policy(&fixture);
    let name: String = HIDDEN.iter().collect();
    policy["apps"][0][format!("forged{name}")] = json!(1);
    for (what, adapter) in [("filter", Adapter::Filter), ("module", Adapter::Module)] {
        let builder = fixture.gateway(policy.clone()).adapter(adapter);
        let Err(Rejected(log)) = builder.try_start().await else {
            panic!("{what}: not rejected");
        };
        let lines = log
            .lines()
            .filter(|line| line.contains("portcullis: invalid configuration"));
        let lines: String = lines.collect();
        assert!(
            lines.contains("forged") && lines.contains("\\u2028"),
            "{what}: {lines}"
        );
        assert_clean(what, &lines);
    }
}
