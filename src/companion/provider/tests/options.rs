//! Options for providers that deviate from the defaults.

use std::collections::HashMap;

use portcullis_core::token::Algorithm;
use portcullis_tests::lab::keys;
use portcullis_tests::lab::rogue_provider::{Endpoint, TokenSigner};
use portcullis_tests::lab::{ServerResponse as Response, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::provider::error::{DiscoveryError, ErrorCode, KeySetError, TokenEndpointError};
use crate::provider::http::FetchError;
use crate::provider::metadata::MetadataError;
use crate::provider::signed_jwt::JwtError;

fn without_alg(key: &SigningKey) -> Value {
    let mut jwk = key.jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk
}

#[tokio::test]
async fn metadata_and_keys_may_be_at_any_url_with_a_query() {
    let mut fixture = Fixture::new().await;
    let issuer = fixture.rogue.issuer().to_owned();
    let configured = format!("{issuer}/any/path/");
    fixture.settings.issuer = configured.clone();
    let discovery = format!("{issuer}/other/openid-configuration?p=flow&q=a%2Fb");
    fixture.settings.discovery = Some(Url::parse(&discovery).unwrap());
    let keys = format!("{issuer}/jwks?appid=1&x=%20");
    fixture.rogue.override_with(|overrides| {
        overrides.set_metadata(json!({"issuer": configured, "jwks_uri": keys}));
        overrides.set_claims(json!({"iss": configured}));
        let iss = configured.clone();
        overrides.callback = Box::new(move |mut back| {
            back.retain(|(name, _)| name != "iss");
            back.push(("iss".to_owned(), iss.clone()));
            back
        });
    });
    fixture.sign_in(&fixture.provider()).await.unwrap();
    let target = |endpoint| fixture.rogue.requests(endpoint).pop().unwrap().target;
    assert_eq!(
        target(Endpoint::Discovery),
        "/other/openid-configuration?p=flow&q=a%2Fb"
    );
    assert_eq!(target(Endpoint::Keys), "/jwks?appid=1&x=%20");
}

#[tokio::test]
async fn metadata_from_another_url_must_have_the_configured_issuer() {
    let mut fixture = Fixture::new().await;
    let discovery = format!("{}/other/openid-configuration", fixture.rogue.issuer());
    fixture.settings.discovery = Some(Url::parse(&discovery).unwrap());
    fixture.sign_in(&fixture.provider()).await.unwrap();
    fixture.settings.issuer = format!("{}/other", fixture.rogue.issuer());
    let refused = fixture.sign_in(&fixture.provider()).await.unwrap_err();
    let mismatch = DiscoveryError::Document(MetadataError::Issuer);
    assert_eq!(refused, mismatch.into());
}

#[tokio::test]
async fn metadata_and_keys_may_have_a_content_type_that_says_nothing() {
    let fixture = Fixture::new().await;
    let jwks = json!({"keys": [fixture.rogue.key().jwk()]}).to_string();
    for (content_type, is_accepted) in [
        ("text/plain", true),
        ("text/plain; charset=utf-8", true),
        ("Application/Octet-Stream", true),
        ("application/jwk-set+json", true),
        ("text/html", false),
        ("text/plain+x", false),
        ("application/jwt", false),
        ("", false),
    ] {
        let response = Response::whole(200, &[("content-type", content_type)], jwks.clone());
        let outcome = fixture
            .sign_in_with_overrides(|overrides| {
                overrides.endpoints.insert(Endpoint::Keys, response);
            })
            .await;
        match is_accepted {
            true => assert!(outcome.is_ok(), "{content_type}: {outcome:?}"),
            false => {
                let refused = KeySetError::Fetch(FetchError::ContentType);
                assert_eq!(outcome.unwrap_err(), refused.into(), "{content_type}");
            }
        }
    }
    // Not for documents about users.
    let userinfo = r#"{"sub":"alice","groups":["admin"]}"#;
    let response = Response::whole(200, &[("content-type", "text/plain")], userinfo);
    let signed_in = fixture
        .sign_in_with_overrides(|overrides| {
            overrides.set_claims(json!({"groups": null}));
            overrides.endpoints.insert(Endpoint::UserInfo, response);
        })
        .await;
    assert!(signed_in.unwrap().user.groups.is_empty());
}

#[tokio::test]
async fn configured_algorithms_replace_those_of_the_metadata() {
    let mut fixture = Fixture::new().await;
    let key = SigningKey::p256();
    let sign_in = async |fixture: &Fixture, metadata: Value| {
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.sign_with(&key);
            overrides.set_metadata(json!({"id_token_signing_alg_values_supported": metadata}));
        });
        outcome.await.map(|_| ())
    };
    fixture.settings.algorithms = Some(vec![Algorithm::Es256]);
    for metadata in [json!(["RS256"]), json!(["HS256"]), json!(7), json!(null)] {
        sign_in(&fixture, metadata).await.unwrap();
    }
    fixture.settings.algorithms = Some(vec![Algorithm::Rs256, Algorithm::Ps256]);
    let refused = sign_in(&fixture, json!(["ES256"])).await.unwrap_err();
    assert_eq!(refused.kind(), "key-set", "{refused}");
    // The key is usable, and the token is not in an accepted algorithm.
    let rsa = fixture.rogue.key().jwk();
    let refused = fixture
        .sign_in_with_overrides(|overrides| {
            overrides.keys = vec![key.jwk(), rsa];
            overrides.signer = TokenSigner::Key(key.clone());
        })
        .await;
    assert_eq!(
        refused.unwrap_err(),
        ProviderError::IdToken(JwtError::Algorithm)
    );
}

#[tokio::test]
async fn a_key_without_alg_verifies_every_accepted_algorithm_of_its_type() {
    let fixture = Fixture::new().await;
    for (signs, accepted, is_accepted) in [
        (keys::Algorithm::Rs256, json!(["RS256", "PS256"]), true),
        (keys::Algorithm::Ps256, json!(["RS256", "PS256"]), true),
        (
            keys::Algorithm::Ps256,
            json!(["ES256", "RS512", "PS256"]),
            true,
        ),
        (keys::Algorithm::Ps256, json!(["RS256"]), false),
        (keys::Algorithm::Rs256, json!(["PS256", "ES256"]), false),
    ] {
        let key = SigningKey::rsa("rogue").algorithm(signs);
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.keys = vec![without_alg(&key)];
            overrides.signer = TokenSigner::Key(key.clone());
            let list = json!({"id_token_signing_alg_values_supported": accepted.clone()});
            overrides.set_metadata(list);
        });
        let outcome = outcome.await;
        assert_eq!(
            outcome.is_ok(),
            is_accepted,
            "{signs:?} {accepted}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_large_key_set_is_searched() {
    let fixture = Fixture::new().await;
    let other = without_alg(&SigningKey::p256());
    fixture.rogue.override_with(|overrides| {
        let own = overrides.keys.clone();
        overrides.keys = (0..1023)
            .map(|number| {
                let mut key = other.clone();
                key["kid"] = json!(format!("other-{number}"));
                key
            })
            .chain(own)
            .collect();
    });
    fixture.sign_in(&fixture.provider()).await.unwrap();
}

#[tokio::test]
async fn parameters_are_added_to_the_authorization_request() {
    let mut fixture = Fixture::new().await;
    let parameters = [
        ("access_type", "offline"),
        ("prompt", "consent select_account"),
        ("hd", "example.com&state=x#y"),
        ("ui_locales", "de ä"),
    ];
    fixture.settings.authorize_params = parameters
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let provider = fixture.provider();
    let begun = provider.begin(&redirect_uri(), &state(), now()).await;
    let (url, attempt) = begun.unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let asked: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(asked.len(), pairs.len(), "{url}");
    for (name, value) in parameters {
        assert_eq!(asked[name], value);
    }
    assert!(attempt.has_state(&Secret::new(asked["state"].clone())));
    assert_eq!(asked["scope"], "openid email profile");
    fixture.complete(&provider, &url, &attempt).await.unwrap();
}

#[tokio::test]
async fn an_assertion_authenticates_the_client_and_is_read_for_each_use() {
    let mut fixture = Fixture::new().await;
    let assertion = file("assertion", "e30.e30.first\n");
    fixture.settings.client_authentication = ClientAuthentication::Assertion(assertion.clone());
    let expects = |text: &str| {
        let text = Some(text.to_owned());
        fixture.rogue.override_with(|overrides| {
            overrides.client_assertion = text;
            // Most providers list the methods for assertions under other names.
            overrides.set_metadata(
                json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
            );
        });
    };
    expects("e30.e30.first");
    let provider = fixture.provider();
    let Authentication { tokens, user, .. } = fixture.sign_in(&provider).await.unwrap();

    // The kubelet replaces the token.
    fs::write(&assertion, "e30.e30.second").unwrap();
    let refused = provider.refresh(&tokens, &user, now()).await.unwrap_err();
    let invalid = TokenEndpointError::Refused(ErrorCode::new("invalid_client"));
    assert_eq!(refused.cause(), &ProviderError::from(invalid));
    expects("e30.e30.second");
    let refreshed = provider.refresh(&tokens, &user, now()).await.unwrap();
    for request in fixture.rogue.requests(Endpoint::Token) {
        assert!(request.authorization.is_none());
        assert!(request.form.iter().all(|(name, _)| name != "client_secret"));
    }

    // What is not a JWT is not sent.
    for broken in [
        "", "\n", "secret", "a.b", "a.b.c.d", "a..c", "a.b.c d", "a.b\n.c",
    ] {
        fs::write(&assertion, broken).unwrap();
        assert!(Provider::new(&fixture.settings).is_err(), "{broken:?}");
    }
    fs::remove_file(&assertion).unwrap();
    provider
        .refresh(&refreshed.tokens, &user, now())
        .await
        .unwrap();
}
