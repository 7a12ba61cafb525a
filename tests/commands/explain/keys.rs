//! Real tokens, with keys from a file and from an issuer.

use portcullis_tests::lab::{Authority, Issuer, SigningKey, Token};
use serde_json::json;

use super::{POLICY, folder};
use crate::check::{Folder, texts};

const ALERTS: &str = "https://alertmanager.example.com/api/v2/alerts";
const ISSUER: &str = "https://kubernetes.example.com";

fn karma() -> Token {
    Token::service_account(ISSUER, "portcullis", "monitoring", "karma")
}

/// The decision on a request with the token in `token`, the reason, and all output.
fn decided(folder: &Folder, arguments: &[&str]) -> (String, String) {
    let all = ["explain", "portcullis.yaml", "-o", "json", "--url", ALERTS];
    let all = [&all[..], &["--token-file", "token"], arguments].concat();
    let (_, output, stderr) = texts(&folder.portcullis(&all, ""));
    let json: serde_json::Value = serde_json::from_str(&output).unwrap_or_default();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let decided = format!("{} {}", text("decision"), text("reason"));
    (decided, output + &stderr)
}

#[test]
fn a_token_is_judged_by_the_keys_of_the_file_and_never_printed() {
    let folder = folder();
    let (key, other) = (SigningKey::p256(), SigningKey::p256());
    let set = json!({"keys": [key.jwk()]});
    folder.file("only.json", set.to_string());
    folder.file("named.json", json!({"staging": set}).to_string());
    let mirror = json!({"version": 1, "trust": "staging", "issuer": ISSUER, "keys": [key.jwk()]});
    folder.file("mirror.json", mirror.to_string());
    for (token, expected) in [
        (karma().sign(&key), "allowed rule"),
        (karma().ago(90_000).sign(&key), "refused expired"),
        (karma().sign(&other), "refused key-unknown"),
        (
            karma().claim("iss", "https://other.example.com").sign(&key),
            "refused issuer-unknown",
        ),
        (
            karma().sign(&key).replace("eyJ", "eyK"),
            "refused token-malformed",
        ),
    ] {
        folder.file("token", format!("{token}\n"));
        for file in ["only.json", "named.json", "mirror.json"] {
            let (decided, output) = decided(&folder, &["--keys", file]);
            assert_eq!(decided, expected, "{file}: {output}");
            let parts = token.split('.').skip(1);
            for part in parts {
                assert!(!output.contains(part), "{output}");
            }
        }
    }
    // At another time.
    folder.file("token", karma().ago(90_000).sign(&key));
    let then = portcullis_tests::lab::token::now() - 89_000;
    let then = portcullis_core::timestamp::Timestamp::from_secs(then.try_into().unwrap());
    let (decided, output) = decided(
        &folder,
        &["--keys", "only.json", "--at", &then.to_rfc3339()],
    );
    assert_eq!(decided, "allowed rule", "{output}");
}

#[test]
fn a_private_key_under_a_name_of_no_trust_entry_is_not_printed() {
    let folder = folder();
    folder.file("token", karma().sign(&SigningKey::p256()));
    let private = "cHJpdmF0ZS1rZXktb2Ytc29tZWJvZHk";
    folder.file(
        "keys.json",
        json!({"stagin": {"keys": [{"kty": "EC", "d": private}]}}).to_string(),
    );
    let (_, output) = decided(&folder, &["--keys", "keys.json"]);
    assert!(
        output.contains("the policy has no trust entry `stagin`\nhelp: did you mean `staging`?"),
        "{output}"
    );
    assert!(!output.contains(private), "{output}");
}

#[test]
fn the_settings_of_the_trust_entry_apply_to_the_keys_of_the_file() {
    let folder = folder();
    let key = SigningKey::p256();
    folder.file("keys.json", json!({"keys": [key.jwk()]}).to_string());
    folder.file("token", karma().sign(&key));
    let edit = |settings: &str| {
        let keys = "keys: {envoy_cluster: k8s-staging";
        folder.file(
            "portcullis.yaml",
            POLICY.replacen(keys, &format!("{keys}, {settings}"), 1),
        );
    };
    edit(&format!("refuse_kids: [{}]", key.kid()));
    let (decided, output) = decided(&folder, &["--keys", "keys.json"]);
    assert_eq!(decided, "refused key-unknown", "{output}");
}

#[test]
fn a_file_must_say_whose_keys_it_has() {
    let folder = folder();
    let key = SigningKey::p256();
    let set = json!({"keys": [key.jwk()]});
    folder.file("token", karma().sign(&key));
    folder.file("keys.json", set.to_string());
    folder.file("other.json", json!({"gitlab": set}).to_string());
    folder.file("unknown.json", json!({"stagin": set}).to_string());
    folder.file("empty.json", r#"{"keys": []}"#);
    for (file, expected) in [
        (
            "other.json",
            "the keys of the trust entry `staging` are missing",
        ),
        ("unknown.json", "the policy has no trust entry `stagin`"),
        (
            "empty.json",
            "has no usable keys of the trust entry `staging`",
        ),
        ("missing.json", "can't be read"),
    ] {
        let (_, output) = decided(&folder, &["--keys", file]);
        assert!(
            output.contains(expected) && output.contains("help: "),
            "{output}"
        );
    }
    let shared = "  - {name: green, kind: kubernetes, issuer: https://kubernetes.example.com, audiences: [portcullis], \
                  keys: {envoy_cluster: k8s-green}}\nsso:";
    folder.file("portcullis.yaml", POLICY.replacen("sso:", shared, 1));
    let (_, output) = decided(&folder, &["--keys", "keys.json"]);
    assert!(
        output.contains("several trust entries have the token's issuer"),
        "{output}"
    );
    let named =
        json!({"staging": {"keys": [key.jwk()]}, "green": {"keys": [SigningKey::p256().jwk()]}});
    folder.file("both.json", named.to_string());
    let (decided, output) = decided(&folder, &["--keys", "both.json"]);
    assert_eq!(decided, "allowed rule", "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_from_the_issuer_as_the_companion_reads_them() {
    let folder = folder();
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let mut issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let config = json!({"trust": {"staging": {
        "connect": issuer.address().to_string(),
        "ca_file": authority.file(),
    }}});
    folder.file("companion.json", config.to_string());
    let run = |token: &str| {
        folder.file("token", token);
        decided(&folder, &["--config", "companion.json"])
    };
    let (allowed, output) = run(&karma().sign(&key));
    assert_eq!(allowed, "allowed rule", "{output}");
    let (unknown, output) = run(&karma().sign(&SigningKey::p256()));
    assert_eq!(unknown, "refused key-unknown", "{output}");
    issuer.down().await;
    let (down, output) = run(&karma().sign(&key));
    assert_eq!(down, "refused keys-unavailable", "{output}");
    assert!(
        output.contains("the keys of staging can't be read: https://"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_entries_that_share_an_issuer_the_one_with_the_key_vouches() {
    let folder = folder();
    let shared = "  - {name: green, kind: kubernetes, issuer: https://kubernetes.example.com, audiences: [portcullis], \
                  keys: {envoy_cluster: k8s-green}}\nsso:";
    folder.file("portcullis.yaml", POLICY.replacen("sso:", shared, 1));
    let authority = Authority::new();
    let (of_staging, of_green) = (SigningKey::p256(), SigningKey::p256());
    let staging = Issuer::start(&authority, ISSUER, &[&of_staging]).await;
    let green = Issuer::start(&authority, ISSUER, &[&of_green]).await;
    let connection = |issuer: &Issuer| json!({"connect": issuer.address().to_string(), "ca_file": authority.file()});
    let config = json!({"trust": {"staging": connection(&staging), "green": connection(&green)}});
    folder.file("companion.json", config.to_string());
    for (key, expected, caller) in [
        (&of_staging, "allowed rule", "staging/monitoring/karma"),
        (
            &of_green,
            "refused caller-not-allowed",
            "green/monitoring/karma",
        ),
    ] {
        folder.file("token", karma().sign(key));
        let (decided, output) = decided(&folder, &["--config", "companion.json"]);
        assert_eq!(decided, expected, "{output}");
        assert!(
            output.contains(&format!("\"caller\": \"{caller}\"")),
            "{output}"
        );
    }
    // Nobody can tell whose key it is.
    green.set_keys(&[&of_staging]);
    folder.file("token", karma().sign(&of_staging));
    let (ambiguous, output) = decided(&folder, &["--config", "companion.json"]);
    assert_eq!(ambiguous, "refused key-ambiguous", "{output}");
}
