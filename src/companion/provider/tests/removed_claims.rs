//! Claims that the provider no longer has, after a refresh whose response has no ID token.

use portcullis_tests::lab::ServerResponse as Response;
use portcullis_tests::lab::rogue_provider::{Endpoint, Overrides};
use serde_json::{Value, json};

use super::*;
use crate::provider::{ProviderTokens, UserInfoClaims};

/// Signs in where the ID token lacks the claims that are null here, and userinfo has all of them.
async fn sign_in(fixture: &Fixture, provider: &Provider, id_token: Value) -> Authentication {
    fixture.rogue.override_with(|overrides| {
        overrides.set_claims(id_token);
        overrides.userinfo = Box::new(|_| {
            json!({
                "sub": "alice", "groups": ["ops"], "department": "it",
                "email": "alice@userinfo.example.com", "email_verified": true,
            })
        });
    });
    let signed_in = fixture.sign_in(provider).await.unwrap();
    fixture.rogue.reset();
    keep_claims(signed_in)
}

/// As a session does whose rules match on all claims.
fn keep_claims(mut authentication: Authentication) -> Authentication {
    authentication.user.claims = Some(authentication.claims.clone());
    authentication
}

/// Refreshes a session; the response has no ID token.
async fn refresh(
    fixture: &Fixture,
    provider: &Provider,
    before: &Authentication,
    set: impl FnOnce(&mut Overrides),
) -> Authentication {
    fixture.rogue.override_with(|overrides| {
        overrides.set_token_response(json!({"id_token": null}));
        set(overrides);
    });
    let refreshed = provider.refresh(&before.tokens, &before.user, now()).await;
    fixture.rogue.reset();
    keep_claims(refreshed.unwrap())
}

fn has_department(authentication: &Authentication) -> bool {
    authentication.claims.member("department").is_some()
}

#[tokio::test]
async fn r10_claims_of_userinfo_that_it_no_longer_has_are_removed_without_an_id_token() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let claims = json!({"groups": null, "email": null, "email_verified": null});
    let before = sign_in(&fixture, &provider, claims).await;
    assert_eq!(before.user.groups, ["ops"]);
    assert!(before.user.email_verified && has_department(&before));

    // An error says nothing about the claims.
    let kept = refresh(&fixture, &provider, &before, |overrides| {
        let endpoints = &mut overrides.endpoints;
        endpoints.insert(Endpoint::UserInfo, Response::status(500));
    })
    .await;
    assert_eq!(kept.user.groups, before.user.groups);
    assert_eq!(kept.user.email, before.user.email);
    assert!(has_department(&kept));
    assert_eq!(kept.tokens.userinfo_claims, before.tokens.userinfo_claims);

    let removed = refresh(&fixture, &provider, &kept, |overrides| {
        overrides.userinfo = Box::new(|_| json!({"sub": "alice"}));
    })
    .await;
    assert!(removed.user.groups.is_empty());
    assert_eq!(
        (removed.user.email.as_deref(), removed.user.email_verified),
        (None, false)
    );
    assert!(!has_department(&removed));
    // What only the ID token had stays.
    assert_eq!(
        removed.user.preferred_username,
        before.user.preferred_username
    );
}

#[tokio::test]
async fn r10_each_claim_is_judged_by_the_document_that_it_came_from() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let before = sign_in(&fixture, &provider, json!({"groups": null})).await;
    let of_id_token = before.user.email.clone();
    assert_eq!(of_id_token.as_deref(), Some("alice@example.com"));
    let without_groups = refresh(&fixture, &provider, &before, |overrides| {
        overrides.userinfo = Box::new(|_| json!({"sub": "alice"}));
    })
    .await;
    assert!(without_groups.user.groups.is_empty());
    assert_eq!(without_groups.user.email, of_id_token);

    // A claim that userinfo has replaced at a refresh comes from userinfo.
    let replaced = refresh(&fixture, &provider, &without_groups, |overrides| {
        let email = "new@example.com";
        overrides.userinfo = Box::new(move |_| json!({"sub": "alice", "email": email}));
    })
    .await;
    assert_eq!(replaced.user.email.as_deref(), Some("new@example.com"));
    let removed = refresh(&fixture, &provider, &replaced, |overrides| {
        overrides.userinfo = Box::new(|_| json!({"sub": "alice"}));
    })
    .await;
    assert_eq!(removed.user.email, None);
}

#[test]
fn tokens_of_earlier_versions_still_open_and_no_names_are_kept_without_their_claims() {
    let old = json!({
        "refresh_token": "r", "id_token": null, "sid": null, "expires_at": 7, "nonce": "n",
        "azp": false, "auth_time": null,
    });
    let mut tokens: ProviderTokens = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(tokens.userinfo_claims, UserInfoClaims::default());
    assert_eq!(serde_json::to_value(&tokens).unwrap(), old);

    let user: super::super::User = serde_json::from_value(json!({
        "sub": "alice", "email": null, "email_verified": false, "groups": [],
        "preferred_username": null, "claims": {"department": "it"},
    }))
    .unwrap();
    let members = ["department", "picture"].map(str::to_owned).to_vec();
    tokens.userinfo_claims = UserInfoClaims {
        email: true,
        groups: true,
        members,
    };
    tokens.userinfo_claims.retain_members_of(&user);
    let text = serde_json::to_string(&tokens).unwrap();
    assert_eq!(
        serde_json::from_str::<ProviderTokens>(&text).unwrap(),
        tokens
    );
    assert_eq!(tokens.userinfo_claims.members, ["department"]);
}
