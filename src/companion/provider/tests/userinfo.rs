use portcullis_tests::lab::ServerResponse as Response;
use portcullis_tests::lab::rogue_provider::Endpoint;
use serde_json::json;

use super::*;
use crate::provider::error::UserInfoError;
use crate::provider::http::FetchError;

#[tokio::test]
async fn r09_userinfo_is_fetched_only_for_missing_claims() {
    let fixture = Fixture::new().await;
    fixture.sign_in(&fixture.provider()).await.unwrap();
    assert!(fixture.rogue.requests(Endpoint::UserInfo).is_empty());

    let outcome =
        fixture.sign_in_with_overrides(|overrides| overrides.set_claims(json!({"groups": null})));
    let user = outcome.await.unwrap().user;
    assert_eq!(user.groups, ["from-userinfo"]);
    assert_eq!(user.email.as_deref(), Some("alice@example.com"));

    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_claims(json!({"email": null, "preferred_username": null}));
    });
    let user = outcome.await.unwrap().user;
    assert_eq!(user.groups, ["sre", "dev"]);
    assert_eq!(user.email.as_deref(), Some("alice@userinfo.example.com"));
    assert_eq!(user.preferred_username.as_deref(), Some("alice.userinfo"));
    assert_eq!(fixture.rogue.requests(Endpoint::UserInfo).len(), 2);
}

#[tokio::test]
async fn r09_an_email_is_verified_only_by_its_own_document() {
    let fixture = Fixture::new().await;
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_claims(json!({"email_verified": null, "groups": null}));
    });
    let user = outcome.await.unwrap().user;
    assert_eq!(user.email.as_deref(), Some("alice@example.com"));
    assert!(!user.email_verified);
    for verified in [json!(false), json!("true"), json!(1)] {
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.set_claims(json!({"email": null}));
            let said = json!({"sub": "alice", "email": "a@b", "email_verified": verified});
            overrides.userinfo = Box::new(move |_| said.clone());
        });
        assert!(!outcome.await.unwrap().user.email_verified);
    }
}

#[tokio::test]
async fn r09_userinfo_of_another_subject_is_rejected() {
    let fixture = Fixture::new().await;
    for sub in [json!("bob"), json!(["alice"]), json!(null)] {
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.set_claims(json!({"groups": null}));
            overrides.userinfo = Box::new(move |mut said| {
                said["sub"] = sub.clone();
                said
            });
        });
        assert_eq!(outcome.await.unwrap_err(), UserInfoError::Subject.into());
    }
}

#[tokio::test]
async fn r09_signed_and_missing_userinfo_are_rejected() {
    let fixture = Fixture::new().await;
    let signed = Response::whole(200, &[("content-type", "application/jwt")], "a.b.c");
    for (response, error) in [
        (signed, FetchError::ContentType),
        (Response::status(403), FetchError::Status(403)),
        (
            Response::whole(302, &[("location", "https://evil.example/")], ""),
            FetchError::Status(302),
        ),
        (Response::status(500), FetchError::Status(500)),
    ] {
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.set_claims(json!({"groups": null}));
            overrides.endpoints.insert(Endpoint::UserInfo, response);
        });
        assert_eq!(
            outcome.await.unwrap_err(),
            UserInfoError::Fetch(error).into()
        );
    }
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_claims(json!({"groups": null, "at_hash": null}));
        overrides.set_token_response(json!({"access_token": "a\nb"}));
    });
    let refused = outcome.await.unwrap_err();
    assert_eq!(
        refused,
        UserInfoError::Fetch(FetchError::InvalidRequest).into()
    );
}

#[tokio::test]
async fn without_userinfo_the_claims_of_the_id_token_count() {
    let fixture = Fixture::new().await;
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_metadata(json!({"userinfo_endpoint": null}));
        overrides.set_claims(json!({"groups": null, "email": null}));
    });
    let user = outcome.await.unwrap().user;
    assert!(user.groups.is_empty() && user.email.is_none());
}

#[tokio::test]
async fn groups_are_found_by_a_path_of_members() {
    let mut fixture = Fixture::new().await;
    fixture.settings.groups_claim = ["realm_access", "roles"].map(str::to_owned).to_vec();
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_claims(json!({"realm_access": {"roles": ["admin", 7, ""]}}));
    });
    assert_eq!(outcome.await.unwrap().user.groups, ["admin"]);
}
