use portcullis_tests::lab::Response;
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
}

/// The values of `email_verified`, and whether the address counts.
fn email_verified_values() -> Vec<(serde_json::Value, bool)> {
    vec![
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("True"), false),
        (json!(" true"), false),
        (json!("yes"), false),
        (json!("1"), false),
        (json!(""), false),
        (json!(1), false),
        (json!([true]), false),
        (json!({"value": true}), false),
        (json!(null), false),
    ]
}

#[tokio::test]
async fn r09_an_email_is_verified_by_true_as_a_boolean_or_a_string() {
    let mut fixture = Fixture::new().await;
    for trusted in [false, true] {
        fixture.settings.trust_unverified_email = trusted;
        for (value, verified) in email_verified_values() {
            let of_userinfo = fixture.sign_in_with_overrides(|overrides| {
                overrides.set_claims(json!({"email": null}));
                let said = json!({"sub": "alice", "email": "a@b", "email_verified": value});
                overrides.userinfo = Box::new(move |_| said.clone());
            });
            let of_userinfo = of_userinfo.await.unwrap().user;
            let of_token = fixture.sign_in_with_overrides(|overrides| {
                overrides.set_claims(json!({"email_verified": value}));
            });
            let of_token = of_token.await.unwrap().user;
            for user in [of_userinfo, of_token] {
                assert_eq!(
                    user.email_verified,
                    verified || trusted,
                    "{value}: {user:?}"
                );
                let counts = user.unverified_email().is_none();
                assert_eq!(counts, verified || trusted, "{value}: {user:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_user_without_email_has_no_unverified_one() {
    let fixture = Fixture::new().await;
    for email in [json!(null), json!(""), json!(7), json!(["a@b"])] {
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.set_metadata(json!({"userinfo_endpoint": null}));
            overrides.set_claims(json!({"email": email, "email_verified": null}));
        });
        let user = outcome.await.unwrap().user;
        assert_eq!((&user.email, user.unverified_email()), (&None, None));
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

#[tokio::test]
async fn claims_of_userinfo_that_are_not_used_may_have_any_type() {
    let fixture = Fixture::new().await;
    let outcome = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_claims(json!({"groups": null}));
        overrides.userinfo = Box::new(|_| {
            json!({
                "sub": "alice", "groups": "one", "name": ["Alice"], "locale": {"language": "de"},
                "picture": {"data": {"url": "x"}}, "updated_at": "1700000000", "address": "x",
                "birthdate": 7, "preferred_username": {"a": 1}, "zoneinfo": null,
            })
        });
    });
    assert_eq!(outcome.await.unwrap().user.groups, ["one"]);
}
