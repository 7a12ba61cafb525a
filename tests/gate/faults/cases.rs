//! Faults of an issuer.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_tests::lab::{Endpoint, Response, SigningKey};
use serde_json::{Value, json};

/// The path of the attacker's keys, in documents that point to them.
const ATTACKER_PATH: &str = "/oauth2/mirror/intruder";

/// A faulty issuer.
pub(crate) struct FaultCase {
    /// The name of its cluster.
    pub(crate) name: &'static str,
    /// Its responses.
    pub(crate) responses: Vec<(Endpoint, Response)>,
    /// Whether the filter reads the discovery document again, because the key set is not found.
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
        // Discovery is read again if the key set is not found.
        responses: vec![
            (Endpoint::Keys, Response::status(404)),
            (Endpoint::Discovery, response),
            (Endpoint::Mirror, Response::json("application/json", &set)),
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

fn key_sets(intruder: &SigningKey, canary: SocketAddr) -> Vec<(&'static str, Response)> {
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
    let packed = [("content-type", json), ("content-encoding", "gzip")];
    let location = format!("http://{canary}/openid/v1/jwks");
    let twice = format!("{{\"keys\":[],{}", &text[1..]);
    vec![
        (
            "keys-500",
            Response::whole(500, &[("content-type", json)], text.clone()),
        ),
        ("keys-404", Response::status(404)),
        (
            "keys-302",
            Response::whole(302, &[("location", &location)], ""),
        ),
        (
            "keys-html",
            Response::whole(200, &[("content-type", "text/html")], "<html>no</html>"),
        ),
        (
            "keys-html-as-json",
            Response::body("<!doctype html><title>Sign in</title>"),
        ),
        ("keys-nothing", Response::body("")),
        ("keys-none", Response::json(json, &json!({"keys": []}))),
        (
            "keys-no-list",
            Response::json(json, &json!({"keys": intruder.jwk()})),
        ),
        ("keys-half-json", Response::body(&text[..text.len() / 2])),
        ("keys-twice", Response::body(twice)),
        (
            "keys-cut-off",
            Response::Truncated {
                body: text.clone().into(),
                sent: 40,
            },
        ),
        (
            "keys-text",
            Response::whole(200, &[("content-type", "text/plain")], text.clone()),
        ),
        ("keys-gzip", Response::whole(200, &packed, text.clone())),
        ("keys-10-mb", Response::body(padded)),
        ("keys-10000", Response::json(json, &many(10_000))),
        ("keys-1000", Response::json(json, &many(1_000))),
        (
            "keys-unusable",
            Response::json(json, &json!({"keys": unusable(intruder)})),
        ),
        (
            "keys-drip",
            Response::Drip {
                body: text.into(),
                pause: Duration::from_millis(100),
            },
        ),
        ("keys-silence", Response::Silence),
        ("keys-reset", Response::Reset),
    ]
}

/// Documents that point to the attacker's keys.
fn documents() -> Vec<(&'static str, Response)> {
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
            (name, Response::json("application/json", &document))
        })
        .collect();
    let twice = document("document-twice", "ignored", Value::Null).to_string();
    let twice = format!("{{\"issuer\":\"https://other.example.com\",{}", &twice[1..]);
    documents.extend([
        ("document-twice", Response::body(twice)),
        (
            "document-html",
            Response::body("<!doctype html><title>Sign in</title>"),
        ),
        ("document-500", Response::status(500)),
        ("document-silence", Response::Silence),
    ]);
    documents
}
