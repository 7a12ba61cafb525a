//! Faults of an issuer.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_tests::lab::{Endpoint, ServerResponse, SigningKey};
use serde_json::{Value, json};

/// The path of the attacker's keys, in documents that point to them.
const ATTACKER_PATH: &str = "/oauth2/mirror/intruder";

/// A faulty issuer.
pub(crate) struct FaultCase {
    /// The name of its cluster.
    pub(crate) name: &'static str,
    /// Its responses.
    pub(crate) responses: Vec<(Endpoint, ServerResponse)>,
    /// Whether the filter fetches the discovery document again, because the JWKS is not found.
    pub(crate) repeats_discovery: bool,
}

/// All faults. Where a faulty response can contain a key, it contains the attacker's, which would
/// be accepted if the response was used. Redirects lead to a canary.
pub(crate) fn cases(intruder: &SigningKey, canary: SocketAddr) -> Vec<FaultCase> {
    let keys = key_sets(intruder, canary).into_iter();
    let keys = keys.map(|(name, response)| FaultCase {
        name,
        repeats_discovery: name == "keys-404",
        responses: vec![(Endpoint::Keys, response)],
    });
    let set = json!({"keys": [intruder.jwk()]});
    let documents = documents().into_iter();
    let documents = documents.map(|(name, response)| FaultCase {
        name,
        repeats_discovery: true,
        // The discovery document is fetched again if the JWKS is not found.
        responses: vec![
            (Endpoint::Keys, ServerResponse::status(404)),
            (Endpoint::Discovery, response),
            (
                Endpoint::Mirror,
                ServerResponse::json("application/json", &set),
            ),
        ],
    });
    keys.chain(documents).collect()
}

/// Unusable keys, each for another reason.
pub(crate) fn unusable(key: &SigningKey) -> Vec<Value> {
    let with = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        jwk
    };
    vec![
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "post-quantum"}),
        json!({"kty": "oct", "k": "AAAA", "kid": "secret"}),
        with("d", json!("AAAA")),
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("x", json!("AAAA")),
        with("alg", json!("RS256")),
        with("kid", json!(7)),
        json!("not a key"),
    ]
}

fn key_sets(intruder: &SigningKey, canary: SocketAddr) -> Vec<(&'static str, ServerResponse)> {
    let set = json!({"keys": [intruder.jwk()]});
    let text = set.to_string();
    let numbered = |number: usize| {
        let mut jwk = intruder.jwk();
        jwk["kid"] = json!(format!("{number}"));
        jwk
    };
    let many = |count| json!({"keys": (0..count).map(numbered).collect::<Vec<_>>()});
    let json = "application/json";
    let padded = format!("{text}{}", " ".repeat(10 << 20));
    let gzip = [("content-type", json), ("content-encoding", "gzip")];
    let location = format!("http://{canary}/openid/v1/jwks");
    let twice = format!("{{\"keys\":[],{}", &text[1..]);
    vec![
        (
            "keys-500",
            ServerResponse::whole(500, &[("content-type", json)], text.clone()),
        ),
        ("keys-404", ServerResponse::status(404)),
        (
            "keys-302",
            ServerResponse::whole(302, &[("location", &location)], ""),
        ),
        (
            "keys-html",
            ServerResponse::whole(200, &[("content-type", "text/html")], "<html>no</html>"),
        ),
        (
            "keys-html-as-json",
            ServerResponse::body("<!doctype html><title>Sign in</title>"),
        ),
        ("keys-empty", ServerResponse::body("")),
        (
            "keys-empty-list",
            ServerResponse::json(json, &json!({"keys": []})),
        ),
        (
            "keys-not-a-list",
            ServerResponse::json(json, &json!({"keys": intruder.jwk()})),
        ),
        (
            "keys-incomplete-json",
            ServerResponse::body(&text[..text.len() / 2]),
        ),
        ("keys-duplicate-member", ServerResponse::body(twice)),
        (
            "keys-truncated",
            ServerResponse::Truncated {
                body: text.clone().into(),
                sent: 40,
            },
        ),
        (
            "keys-page",
            ServerResponse::whole(200, &[("content-type", "text/html")], text.clone()),
        ),
        ("keys-gzip", ServerResponse::whole(200, &gzip, text.clone())),
        ("keys-10-mb", ServerResponse::body(padded)),
        ("keys-10000", ServerResponse::json(json, &many(10_000))),
        ("keys-1000", ServerResponse::json(json, &many(1_000))),
        (
            "keys-unusable",
            ServerResponse::json(json, &json!({"keys": unusable(intruder)})),
        ),
        (
            "keys-drip",
            ServerResponse::Drip {
                body: text.into(),
                pause: Duration::from_millis(100),
            },
        ),
        ("keys-silence", ServerResponse::Silence),
        ("keys-reset", ServerResponse::Reset),
    ]
}

/// Documents that point to the attacker's keys.
fn documents() -> Vec<(&'static str, ServerResponse)> {
    let document = |name: &str, member: &str, value: Value| {
        let mut document = json!({
            "issuer": format!("https://kubernetes.{name}.example.com"),
            "jwks_uri": format!("https://127.0.0.1{ATTACKER_PATH}"),
        });
        document[member] = value;
        document
    };
    let uri = |start: &str| json!(format!("{start}{ATTACKER_PATH}"));
    let wrong = [
        (
            "document-other-issuer",
            "issuer",
            json!("https://other.example.com"),
        ),
        (
            "document-issuer-slash",
            "issuer",
            json!("https://kubernetes.document-issuer-slash.example.com/"),
        ),
        (
            "document-issuer-list",
            "issuer",
            json!(["https://kubernetes.document-issuer-list.example.com"]),
        ),
        ("document-http", "jwks_uri", uri("http://127.0.0.1")),
        ("document-user", "jwks_uri", uri("https://user@127.0.0.1")),
        ("document-no-uri", "jwks_uri", Value::Null),
    ];
    let mut documents: Vec<_> = wrong
        .into_iter()
        .map(|(name, member, value)| {
            let document = document(name, member, value);
            (name, ServerResponse::json("application/json", &document))
        })
        .collect();
    let twice = document("document-duplicate-member", "ignored", Value::Null).to_string();
    let twice = format!("{{\"issuer\":\"https://other.example.com\",{}", &twice[1..]);
    documents.extend([
        ("document-duplicate-member", ServerResponse::body(twice)),
        (
            "document-html",
            ServerResponse::body("<!doctype html><title>Sign in</title>"),
        ),
        ("document-500", ServerResponse::status(500)),
        ("document-silence", ServerResponse::Silence),
    ]);
    documents
}
