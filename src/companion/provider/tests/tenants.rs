//! Metadata for several tenants, as that of Entra ID.

use portcullis_tests::lab::rogue_provider::Endpoint;
use portcullis_tests::lab::rogue_provider::{Overrides, TokenSigner};
use portcullis_tests::lab::{ServerResponse as Response, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::provider::signed_jwt::JwtError;
use crate::provider::{LogoutTokenError, RefreshError};

const ONE: &str = "11111111-0000-4000-8000-000000000001";
const TWO: &str = "22222222-0000-4000-8000-000000000002";
const OTHER: &str = "33333333-0000-4000-8000-000000000003";

/// A fixture that accepts the tenants one and two.
async fn fixture() -> Fixture {
    let mut fixture = Fixture::new().await;
    let base = fixture.rogue.issuer().to_owned();
    fixture.settings.issuer = format!("{base}/{{tenantid}}/v2.0");
    fixture.settings.tenants = vec![ONE.to_owned(), TWO.to_owned()];
    let discovery = format!("{base}/organizations/v2.0/.well-known/openid-configuration");
    fixture.settings.discovery = Some(Url::parse(&discovery).unwrap());
    fixture
}

/// The tokens of a tenant. Entra ID's responses have no `iss`.
fn issue_for(fixture: &Fixture, overrides: &mut Overrides, tenant: &str) {
    let claims = json!({"iss": iss(fixture, tenant), "tid": tenant});
    overrides.set_claims(claims);
    let issuer = fixture.settings.issuer.clone();
    overrides.set_metadata(json!({
        "issuer": issuer, "authorization_response_iss_parameter_supported": null,
    }));
    overrides.callback = Box::new(|mut back| {
        back.retain(|(name, _)| name != "iss");
        back
    });
}

fn iss(fixture: &Fixture, tenant: &str) -> String {
    format!("{}/{tenant}/v2.0", fixture.rogue.issuer())
}

async fn sign_in(
    fixture: &Fixture,
    tenant: &str,
    more: impl FnOnce(&mut Overrides),
) -> Result<Authentication, ProviderError> {
    fixture
        .sign_in_with_overrides(|overrides| {
            issue_for(fixture, overrides, tenant);
            more(overrides);
        })
        .await
}

#[tokio::test]
async fn users_of_listed_tenants_sign_in_and_no_others() {
    let fixture = fixture().await;
    for tenant in [ONE, TWO] {
        sign_in(&fixture, tenant, |_| {}).await.unwrap();
    }
    let refused = sign_in(&fixture, OTHER, |_| {}).await.unwrap_err();
    assert_eq!(refused, ProviderError::IdToken(JwtError::Tenant));
    let (base, template) = (fixture.rogue.issuer(), &fixture.settings.issuer);
    for claims in [
        json!({"iss": iss(&fixture, ONE), "tid": TWO}),
        json!({"iss": iss(&fixture, OTHER), "tid": ONE}),
        json!({"iss": iss(&fixture, ONE), "tid": null}),
        json!({"iss": iss(&fixture, ONE), "tid": [ONE]}),
        json!({"iss": template, "tid": "{tenantid}"}),
        json!({"iss": template, "tid": ONE}),
        json!({"iss": base, "tid": ONE}),
    ] {
        let what = claims.to_string();
        let refused = sign_in(&fixture, ONE, |overrides| overrides.set_claims(claims));
        let refused = refused.await.unwrap_err();
        assert_eq!(refused, ProviderError::IdToken(JwtError::Tenant), "{what}");
    }
}

#[tokio::test]
async fn the_metadata_must_have_the_template() {
    let fixture = fixture().await;
    let issuer = iss(&fixture, ONE);
    let refused = sign_in(&fixture, ONE, |overrides| {
        overrides.set_metadata(json!({"issuer": issuer}));
    });
    assert_eq!(refused.await.unwrap_err().kind(), "discovery");
}

#[tokio::test]
async fn a_key_of_one_tenant_signs_for_no_other() {
    let fixture = fixture().await;
    let key = SigningKey::p256();
    let published = |issuer: Value| {
        let mut jwk = key.jwk();
        jwk["issuer"] = issuer;
        jwk
    };
    for (issuer, is_accepted) in [
        (json!(fixture.settings.issuer), true),
        (json!(iss(&fixture, ONE)), true),
        (json!(iss(&fixture, TWO)), false),
        (json!("https://evil.example"), false),
    ] {
        let jwk = published(issuer.clone());
        let outcome = sign_in(&fixture, ONE, |overrides| {
            overrides.keys = vec![jwk];
            overrides.signer = TokenSigner::Key(key.clone());
        });
        let outcome = outcome.await.map(|_| ());
        match is_accepted {
            true => outcome.unwrap(),
            false => assert_eq!(
                outcome.unwrap_err(),
                ProviderError::IdToken(JwtError::UnknownKey),
                "{issuer}"
            ),
        }
    }
}

#[tokio::test]
async fn a_refresh_can_not_change_the_tenant() {
    let fixture = fixture().await;
    let provider = fixture.provider();
    fixture
        .rogue
        .override_with(|overrides| issue_for(&fixture, overrides, ONE));
    let Authentication { tokens, user, .. } = fixture.sign_in(&provider).await.unwrap();
    let refreshed = provider.refresh(&tokens, &user, now()).await.unwrap();
    fixture
        .rogue
        .override_with(|overrides| issue_for(&fixture, overrides, TWO));
    let refused = provider.refresh(&refreshed.tokens, &user, now()).await;
    let changed = ProviderError::IdToken(JwtError::Changed("iss"));
    assert_eq!(refused.unwrap_err(), RefreshError::Ended(changed));
}

#[tokio::test]
async fn logout_tokens_are_from_a_listed_tenant() {
    let fixture = fixture().await;
    fixture
        .rogue
        .override_with(|overrides| issue_for(&fixture, overrides, ONE));
    for (iss, is_accepted) in [
        (iss(&fixture, ONE), true),
        (iss(&fixture, TWO), true),
        (iss(&fixture, OTHER), false),
        (fixture.settings.issuer.clone(), false),
        (fixture.rogue.issuer().to_owned(), false),
    ] {
        let provider = fixture.provider();
        let token = fixture
            .rogue
            .logout_token(|token| token.claim("iss", iss.clone()));
        let outcome = provider.logout_token(&token, now()).await.map(|_| ());
        match is_accepted {
            true => outcome.unwrap(),
            false => {
                let refused = LogoutTokenError::Jwt(JwtError::Issuer);
                assert_eq!(outcome.unwrap_err(), refused.into(), "{iss}");
            }
        }
    }
    // Nothing else is requested for a token of another issuer.
    fixture.rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Discovery, Response::status(500));
    });
    let other = iss(&fixture, OTHER);
    let token = fixture
        .rogue
        .logout_token(|token| token.claim("iss", other));
    let refused = fixture.provider().logout_token(&token, now()).await;
    assert!(refused.unwrap_err().is_for_other_provider());
}
