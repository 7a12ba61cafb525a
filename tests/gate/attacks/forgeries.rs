//! Signatures that were not made with the key, or not with its algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::token::{assemble, hs256, signing_input};
use portcullis_tests::lab::{Algorithm, Fixture, SigningKey, TestGateway, Token};
use serde_json::{Value, json};

/// A gateway whose cluster publishes these keys.
async fn gateway_with_keys(keys: &[SigningKey]) -> TestGateway {
    let fixture = Fixture::start(&["blue"]).await;
    let blue = fixture.cluster("blue");
    blue.issuer
        .set_keys(&keys.iter().collect::<Vec<&SigningKey>>());
    TestGateway::on(fixture, |_| (), |builder| builder)
        .await
        .explained()
}

fn karma(gateway: &TestGateway) -> Token {
    gateway.fixture.cluster("blue").karma()
}

/// The token with one bit of its signature flipped, by the index of the byte.
fn with_flipped_bit(token: &str, byte: usize) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[byte] ^= 1;
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn j04_every_algorithm_is_accepted_and_a_modified_signature_is_refused() {
    let keys = SigningKey::one_per_algorithm();
    let mut gateway = gateway_with_keys(&keys).await;
    for key in &keys {
        let name = key.alg().name();
        let token = karma(&gateway).sign(key);
        gateway.assert_allowed(name, get_alerts(&token)).await;
        // The valid token is cached by now. The cache key is the whole token, so this one is verified.
        for byte in [0, key.sign(b"").len() - 1] {
            let call = get_alerts(&with_flipped_bit(&token, byte));
            gateway
                .assert_refused(name, call, 401, "signature-invalid")
                .await;
        }
        let (input, signature) = token.rsplit_once('.').unwrap();
        // The signature is truncated to a multiple of four characters.
        for groups in [1, signature.len() / 8] {
            let call = get_alerts(&format!("{input}.{}", &signature[..4 * groups]));
            gateway
                .assert_refused(name, call, 401, "signature-invalid")
                .await;
        }
        let other = karma(&gateway).claim("x", "y").sign(key);
        let (_, other_signature) = other.rsplit_once('.').unwrap();
        let call = get_alerts(&format!("{input}.{other_signature}"));
        gateway
            .assert_refused(name, call, 401, "signature-invalid")
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j14_ed25519_is_another_name_of_eddsa() {
    let key = SigningKey::ed25519();
    let mut gateway = gateway_with_keys(std::slice::from_ref(&key)).await;
    let token = karma(&gateway).header("alg", "Ed25519").sign(&key);
    gateway.assert_allowed("Ed25519", get_alerts(&token)).await;
    let token = karma(&gateway).header("alg", "Ed448").sign(&key);
    gateway
        .assert_refused("Ed448", get_alerts(&token), 401, "algorithm-refused")
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j04_a_token_does_not_choose_its_algorithm() {
    let keys = SigningKey::one_per_algorithm();
    let gateway = gateway_with_keys(&keys).await;
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "",
        "null",
        "rs256",
        "es256",
        "Es256",
        "RS1",
        "HS256",
        "HS384",
        "HS512",
        "hs256",
        "ES512",
        "ES256K",
        "RSA1_5",
        "dir",
        "EdDSA\u{0}",
    ] {
        let what = format!("alg {alg:?}");
        let genuine = karma(&gateway).header("alg", alg).sign(&keys[0]);
        gateway
            .assert_refused(&what, get_alerts(&genuine), 401, "algorithm-refused")
            .await;
        let (input, _) = genuine.rsplit_once('.').unwrap();
        let unsigned = get_alerts(&format!("{input}."));
        gateway
            .assert_refused(&what, unsigned, 401, "algorithm-refused")
            .await;
    }
    for alg in [
        json!(0),
        json!(["none"]),
        json!({"alg": "none"}),
        json!(true),
    ] {
        let what = format!("alg {alg}");
        let token = karma(&gateway).header("alg", alg).sign(&keys[0]);
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "token-malformed")
            .await;
    }
    let token = karma(&gateway).header("alg", Value::Null).sign(&keys[0]);
    gateway
        .assert_refused("no alg", get_alerts(&token), 401, "token-malformed")
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j05_a_key_is_used_with_exactly_one_algorithm() {
    let rs256 = SigningKey::rsa("shared");
    let keys = [rs256.clone(), SigningKey::p256()];
    let gateway = gateway_with_keys(&keys).await;
    for algorithm in [
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ] {
        // Signed with the right private key, but not with the published algorithm.
        let token = karma(&gateway).sign(&rs256.clone().algorithm(algorithm));
        gateway
            .assert_refused(
                algorithm.name(),
                get_alerts(&token),
                401,
                "algorithm-refused",
            )
            .await;
    }
    let crossed = karma(&gateway).header("kid", keys[1].kid()).sign(&keys[0]);
    gateway
        .assert_refused(
            "RS256 under an EC key",
            get_alerts(&crossed),
            401,
            "algorithm-refused",
        )
        .await;
    let crossed = karma(&gateway).header("alg", "ES256").sign(&keys[0]);
    gateway
        .assert_refused(
            "ES256 under an RSA key",
            get_alerts(&crossed),
            401,
            "algorithm-refused",
        )
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j04_a_public_key_is_not_an_hmac_secret_in_any_encoding() {
    let key = SigningKey::rsa("blue");
    let gateway = gateway_with_keys(std::slice::from_ref(&key)).await;
    let (pem, der, jwk) = (key.public_pem(), key.public_der(), key.jwk());
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("PEM", pem.clone().into_bytes()),
        ("PEM without the final newline", pem.trim_end().into()),
        ("PEM with CRLF", pem.replace('\n', "\r\n").into()),
        ("DER as base64", STANDARD.encode(&der).into()),
        ("DER", der),
        ("JWK", jwk.to_string().into()),
        ("key set", json!({"keys": [jwk]}).to_string().into()),
        (
            "modulus as bytes",
            URL_SAFE_NO_PAD.decode(&modulus).unwrap(),
        ),
        ("modulus as text", modulus.into()),
        ("kid", key.kid().into()),
        ("nothing", Vec::new()),
    ];
    for (what, secret) in secrets {
        let forged = karma(&gateway).sign_hs256(&secret, key.kid());
        gateway
            .assert_refused(what, get_alerts(&forged), 401, "algorithm-refused")
            .await;
        // The same MAC with the `alg` of the published key.
        let header = json!({"alg": "RS256", "kid": key.kid()}).to_string();
        let claims = karma(&gateway).claims().to_string();
        let input = signing_input(header.as_bytes(), claims.as_bytes());
        let mac = hs256(&secret, input.as_bytes());
        let forged = assemble(header.as_bytes(), claims.as_bytes(), &mac);
        gateway
            .assert_refused(what, get_alerts(&forged), 401, "signature-invalid")
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j13_an_ecdsa_signature_has_one_encoding() {
    let key = SigningKey::p256();
    let gateway = gateway_with_keys(std::slice::from_ref(&key)).await;
    let good = karma(&gateway).sign(&key);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let der = p256::ecdsa::Signature::from_slice(&raw).unwrap().to_der();
    let zeros = vec![0; 64];
    let ones = vec![0xff; 64];
    let half_zero = [&raw[..32], &zeros[..32]].concat();
    let longer = [&raw[..], &[0]].concat();
    for (what, signature) in [
        ("DER", der.as_bytes()),
        ("r and s zero", &zeros),
        ("r and s beyond the order", &ones),
        ("s zero", &half_zero),
        ("one byte more", &longer),
        ("one byte less", &raw[..63]),
    ] {
        let call = get_alerts(&format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)));
        gateway
            .assert_refused(what, call, 401, "signature-invalid")
            .await;
    }
    gateway.assert_clean().await;
}
