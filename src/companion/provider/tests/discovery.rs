use std::time::Duration;

use portcullis_core::keys;
use portcullis_tests::lab::ServerResponse as Response;
use portcullis_tests::lab::rogue_provider::{Endpoint, Overrides};
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::provider::error::{DiscoveryError, ErrorCategory, KeySetError};
use crate::provider::http::{FetchError, MAX_BYTES};
use crate::provider::keys::ProviderKeysError;
use crate::provider::metadata::MetadataError;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn d01_metadata_of_another_issuer_is_rejected_and_the_cached_one_stays_in_use() {
    let fixture = Fixture::new().await;
    let mismatch = ProviderError::Discovery(DiscoveryError::Document(MetadataError::Issuer));
    let with_slash = format!("{}/", fixture.rogue.issuer());
    for issuer in ["https://evil.example", &with_slash] {
        let refused = fixture
            .sign_in_with_overrides(|overrides| overrides.set_metadata(json!({"issuer": issuer})));
        assert_eq!(refused.await.unwrap_err(), mismatch);
    }

    let provider = fixture.provider();
    fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides.set_metadata(json!({
            "issuer": "https://evil.example",
            "token_endpoint": "https://evil.example/token",
        }));
    });
    let later = now().after(HOUR);
    let (url, _) = provider
        .begin(&redirect_uri(), &state(), later)
        .await
        .unwrap();
    assert!(url.as_str().starts_with(fixture.rogue.issuer()));
    assert_eq!(fixture.rogue.requests(Endpoint::Discovery).len(), 4);
    assert!(provider.ready(later).is_ok());
}

#[tokio::test]
async fn d02_endpoints_must_be_https_and_plain() {
    let fixture = Fixture::new().await;
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        for url in bad_urls() {
            let set = |overrides: &mut Overrides| overrides.set_metadata(json!({name: url}));
            let refused = fixture.sign_in_with_overrides(set).await.unwrap_err();
            let error = DiscoveryError::Document(MetadataError::Member(name));
            assert_eq!(refused, ProviderError::Discovery(error), "{name}: {url}");
        }
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let refused = fixture
            .sign_in_with_overrides(|overrides| overrides.set_metadata(json!({name: null})))
            .await;
        let error = DiscoveryError::Document(MetadataError::Member(name));
        assert_eq!(refused.unwrap_err(), ProviderError::Discovery(error));
    }
}

fn bad_urls() -> Vec<serde_json::Value> {
    vec![
        json!("http://127.0.0.1/x"),
        json!("https://user@127.0.0.1/x"),
        json!("https://127.0.0.1/x#y"),
        json!("https://127.0.0.1/\n/x"),
        json!("/x"),
        json!(""),
        json!(7),
        json!(["https://127.0.0.1/x"]),
    ]
}

#[tokio::test]
async fn d02_an_invalid_endpoint_that_a_sign_in_does_not_need_is_not_used() {
    let fixture = Fixture::new().await;
    let back = redirect_uri();
    for url in bad_urls() {
        let what = url.to_string();
        fixture.rogue.override_with(|overrides| {
            overrides.set_metadata(json!({
                "end_session_endpoint": url,
                "userinfo_endpoint": url,
                "revocation_endpoint": url,
                "check_session_iframe": url,
                "op_tos_uri": url,
            }));
            overrides.set_claims(json!({"groups": null}));
        });
        let provider = fixture.provider();
        let signed_in = fixture.sign_in(&provider).await;
        let signed_in = signed_in.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(signed_in.user.groups.is_empty(), "{what}");
        assert!(
            provider
                .end_session(&signed_in.tokens, &back, "s")
                .is_none(),
            "{what}"
        );
        assert_eq!(provider.end_session_origin(), None, "{what}");
    }
    assert!(fixture.rogue.requests(Endpoint::UserInfo).is_empty());
}

#[tokio::test]
async fn members_of_metadata_may_be_strings_where_lists_or_booleans_are_expected() {
    let fixture = Fixture::new().await;
    for metadata in [
        json!({"id_token_signing_alg_values_supported": "RS256"}),
        json!({"id_token_signing_alg_values_supported": ""}),
        json!({"id_token_signing_alg_values_supported": [7, "RS256", null]}),
        json!({"token_endpoint_auth_methods_supported": "client_secret_basic"}),
        json!({"token_endpoint_auth_methods_supported": ""}),
        json!({"authorization_response_iss_parameter_supported": "true"}),
        json!({"authorization_response_iss_parameter_supported": "false"}),
        json!({"authorization_response_iss_parameter_supported": ""}),
        json!({"scopes_supported": "openid", "claims_supported": {"a": 1}, "response_types_supported": 7}),
        json!({"code_challenge_methods_supported": "S256", "backchannel_logout_supported": "yes"}),
    ] {
        let what = metadata.to_string();
        let outcome = fixture
            .sign_in_with_overrides(|overrides| overrides.set_metadata(metadata))
            .await;
        assert!(outcome.is_ok(), "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn unusable_metadata_is_rejected() {
    let fixture = Fixture::new().await;
    for (metadata, error) in [
        (
            json!({"id_token_signing_alg_values_supported": ["HS256", "none"]}),
            MetadataError::Algorithms,
        ),
        (
            json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
            MetadataError::AuthMethods,
        ),
        (
            json!({"authorization_response_iss_parameter_supported": "yes"}),
            MetadataError::Member("authorization_response_iss_parameter_supported"),
        ),
        (
            json!({"id_token_signing_alg_values_supported": {"RS256": true}}),
            MetadataError::Member("id_token_signing_alg_values_supported"),
        ),
        (
            json!({"token_endpoint_auth_methods_supported": 7}),
            MetadataError::Member("token_endpoint_auth_methods_supported"),
        ),
    ] {
        let refused = fixture
            .sign_in_with_overrides(|overrides| overrides.set_metadata(metadata))
            .await
            .unwrap_err();
        assert_eq!(
            refused,
            ProviderError::Discovery(DiscoveryError::Document(error))
        );
        assert_eq!(refused.category(), ErrorCategory::Misconfigured);
    }
}

type IsExpected = fn(&FetchError) -> bool;

/// Unusable responses with their errors. Endless ones have a test of their own.
fn bad_responses() -> Vec<(Response, IsExpected)> {
    let html = Response::whole(200, &[("content-type", "text/html")], "<p>Maintenance");
    let redirect = Response::whole(302, &[("location", "https://evil.example/")], "");
    let huge = format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_BYTES));
    let truncated = Response::Truncated {
        body: b"{\"issuer\":\"https://evil.example\"}".to_vec(),
        sent: 10,
    };
    vec![
        (Response::status(500), |error| {
            *error == FetchError::Status(500)
        }),
        (Response::status(404), |error| {
            *error == FetchError::Status(404)
        }),
        (redirect, |error| *error == FetchError::Status(302)),
        (html, |error| *error == FetchError::ContentType),
        (Response::body(""), |error| {
            matches!(error, FetchError::Json(_))
        }),
        (Response::body("{}{}"), |error| {
            matches!(error, FetchError::Json(_))
        }),
        (Response::body(r#"{"a":1,"\u0061":2}"#), |error| {
            matches!(error, FetchError::Json(_))
        }),
        (Response::body(huge), |error| *error == FetchError::TooLong),
        (truncated, |error| {
            matches!(error, FetchError::Interrupted(_))
        }),
        (Response::Reset, |error| {
            matches!(error, FetchError::Interrupted(_) | FetchError::Connect(_))
        }),
    ]
}

#[tokio::test]
async fn r14_no_bad_response_discards_cached_documents() {
    let fixture = Fixture::new().await;
    for endpoint in [Endpoint::Discovery, Endpoint::Keys] {
        for (response, is_expected) in bad_responses() {
            let provider = fixture.provider();
            fixture.sign_in(&provider).await.unwrap();
            fixture.rogue.override_with(|overrides| {
                overrides.endpoints.insert(endpoint, response.clone());
            });
            let failure = fixture
                .provider()
                .begin(&redirect_uri(), &state(), now())
                .await
                .unwrap_err();
            let fetch = match &failure {
                ProviderError::Discovery(DiscoveryError::Fetch(fetch))
                | ProviderError::KeySet(KeySetError::Fetch(fetch)) => fetch,
                other => panic!("{response:?} at {endpoint:?}: {other:?}"),
            };
            assert!(
                is_expected(fetch),
                "{response:?} at {endpoint:?}: {failure:?}"
            );

            let later = now().after(HOUR);
            assert!(
                provider
                    .begin(&redirect_uri(), &state(), later)
                    .await
                    .is_ok()
            );
            assert!(provider.ready(later).is_ok());
            fixture.rogue.reset();
        }
    }
}

#[tokio::test]
async fn a_key_set_without_a_usable_key_is_rejected() {
    let fixture = Fixture::new().await;
    let mut encryption = fixture.rogue.key().jwk();
    encryption["use"] = json!("enc");
    let mut private = fixture.rogue.key().jwk();
    private["d"] = json!("AQAB");
    let mut small = fixture.rogue.key().jwk();
    small["n"] = json!(small["n"].as_str().unwrap()[..170]);
    for key in [encryption, private, small] {
        let refused = fixture
            .sign_in_with_overrides(|overrides| overrides.keys = vec![key])
            .await
            .unwrap_err();
        let KeySetError::Set(ProviderKeysError::Set(keys::KeySetError::NoUsableKey { .. })) =
            (match &refused {
                ProviderError::KeySet(error) => error,
                other => panic!("{other:?}"),
            })
        else {
            panic!("{refused:?}");
        };
    }
}

#[tokio::test]
async fn r14_an_endless_response_times_out() {
    let mut fixture = Fixture::new().await;
    fixture.settings.timeout = Duration::from_secs(1);
    let drip = Response::Drip {
        body: vec![b' '; 1000],
        pause: Duration::from_millis(20),
    };
    for response in [Response::Silence, drip] {
        fixture.rogue.override_with(|overrides| {
            overrides.endpoints.insert(Endpoint::Discovery, response);
        });
        let (provider, back) = (fixture.provider(), redirect_uri());
        let limit = Duration::from_secs(5);
        let began = timeout(limit, provider.begin(&back, &state(), now())).await;
        let refused = began.expect("it ends by itself").unwrap_err();
        assert_eq!(
            refused,
            ProviderError::Discovery(DiscoveryError::Fetch(FetchError::Timeout))
        );
        assert_eq!(refused.category(), ErrorCategory::Unreachable);
    }
}

#[tokio::test]
async fn r14_only_the_ca_certificates_of_the_file_are_trusted() {
    let mut fixture = Fixture::new().await;
    let trusted = fixture
        .settings
        .ca_file
        .replace(Authority::new().file().to_path_buf());
    let provider = fixture.provider();
    let refused = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap_err();
    let ProviderError::Discovery(DiscoveryError::Fetch(FetchError::Connect(why))) = &refused else {
        panic!("{refused:?}");
    };
    assert!(why.starts_with("invalid peer certificate"), "{why}");

    // A changed file is read again.
    let content = fs::read(trusted.unwrap()).unwrap();
    fs::write(
        fixture.settings.ca_file.as_ref().unwrap(),
        [&content[..], b"\n"].concat(),
    )
    .unwrap();
    let later = now().after(Duration::from_secs(2));
    assert!(
        provider
            .begin(&redirect_uri(), &state(), later)
            .await
            .is_ok()
    );

    // The system's CA certificates do not include the lab's.
    fixture.settings.ca_file = None;
    let refused = fixture
        .provider()
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap_err();
    assert_eq!(refused.category(), ErrorCategory::Unreachable);
}

#[tokio::test]
async fn r14_a_compressed_response_and_a_redirect_have_errors_of_their_own() {
    let fixture = Fixture::new().await;
    let typed = |encoding: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", encoding),
        ];
        Response::whole(
            200,
            &headers,
            json!({"keys": [fixture.rogue.key().jwk()]}).to_string(),
        )
    };
    let keys = |response| {
        fixture.sign_in_with_overrides(|overrides| {
            overrides.endpoints.insert(Endpoint::Keys, response);
        })
    };
    assert!(keys(typed("identity")).await.is_ok());
    for encoding in ["br", "gzip", "identity, gzip"] {
        let refused = keys(typed(encoding)).await.unwrap_err();
        assert_eq!(refused, KeySetError::Fetch(FetchError::Compressed).into());
        assert_eq!(refused.category(), ErrorCategory::Misconfigured);
    }
    let moved = Response::whole(301, &[("location", "https://a.example/")], "");
    let refused = keys(moved).await.unwrap_err();
    assert_eq!(refused, KeySetError::Fetch(FetchError::Status(301)).into());
    let text = refused.to_string();
    assert!(text.contains("redirects are not followed"), "{text}");
    let text = FetchError::Status(404).to_string();
    assert_eq!(text, "unexpected status 404");
}

#[tokio::test]
async fn r14_a_server_certificate_that_is_a_ca_is_an_error_that_says_what_to_do() {
    let fixture = Fixture::of(&Authority::self_signed(&["127.0.0.1"])).await;
    let refused = fixture.sign_in(&fixture.provider()).await.unwrap_err();
    let ProviderError::Discovery(DiscoveryError::Fetch(FetchError::Connect(why))) = &refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("basicConstraints=CA:FALSE"), "{why}");
}
