use portcullis_tests::lab::ServerResponse as Response;
use portcullis_tests::lab::rogue_provider::{Endpoint, Overrides};
use serde_json::json;

use super::*;
use crate::provider::error::{ErrorCategory, UserInfoError};
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
    for sub in [json!("bob"), json!(["alice"]), json!("")] {
        let outcome = sign_in_with_sub(&fixture, sub, json!({"groups": null})).await;
        assert_eq!(outcome.unwrap_err(), UserInfoError::Subject.into());
    }
}

#[tokio::test]
async fn r09_userinfo_without_a_subject_is_not_used() {
    let fixture = Fixture::new().await;
    let without_groups = json!({"groups": null});
    let outcome = sign_in_with_sub(&fixture, json!(null), without_groups).await;
    let user = outcome.unwrap().user;
    assert_eq!(user.email.as_deref(), Some("alice@example.com"));
    assert!(user.groups.is_empty());
    let neither = json!({"groups": null, "email": null});
    let outcome = sign_in_with_sub(&fixture, json!(null), neither).await;
    let refused = outcome.unwrap_err();
    assert_eq!(refused, UserInfoError::NoSubject.into());
    assert_eq!(refused.category(), ErrorCategory::Misconfigured);
}

/// A sign-in whose ID token lacks these claims, while userinfo has this `sub`.
async fn sign_in_with_sub(
    fixture: &Fixture,
    sub: serde_json::Value,
    claims: serde_json::Value,
) -> Result<Authentication, ProviderError> {
    let set = |overrides: &mut Overrides| {
        overrides.set_claims(claims);
        overrides.userinfo = Box::new(move |mut said| {
            said["sub"] = sub.clone();
            said
        });
    };
    fixture.sign_in_with_overrides(set).await
}

fn typed(content_type: &str, body: &str) -> Response {
    Response::whole(200, &[("content-type", content_type)], body)
}

/// Responses that no later request changes, with their errors.
fn permanent_failures() -> Vec<(Response, FetchError)> {
    let redirect = Response::whole(302, &[("location", "https://evil.example/")], "");
    vec![
        (typed("application/jwt", "a.b.c"), FetchError::ContentType),
        (
            typed("application/jwt; charset=utf-8", "a.b.c"),
            FetchError::ContentType,
        ),
        (typed("text/html", "<p>Sign in"), FetchError::ContentType),
        (Response::status(400), FetchError::Status(400)),
        (Response::status(401), FetchError::Status(401)),
        (Response::status(403), FetchError::Status(403)),
        (Response::status(404), FetchError::Status(404)),
        (Response::status(405), FetchError::Status(405)),
        (redirect, FetchError::Status(302)),
    ]
}

/// Responses that a later request may change.
fn transient_failures() -> Vec<(Response, FetchError)> {
    let statuses = [408, 429, 500, 503];
    let failure = |status| (Response::status(status), FetchError::Status(status));
    statuses.map(failure).into()
}

/// A sign-in whose ID token lacks these claims, while userinfo responds with this.
async fn sign_in_without(
    fixture: &Fixture,
    claims: serde_json::Value,
    response: Response,
) -> Result<Authentication, ProviderError> {
    let set = |overrides: &mut Overrides| {
        overrides.set_claims(claims);
        overrides.endpoints.insert(Endpoint::UserInfo, response);
    };
    fixture.sign_in_with_overrides(set).await
}

#[tokio::test]
async fn r09_an_id_token_with_email_or_groups_is_enough_if_userinfo_can_t_be_used() {
    let fixture = Fixture::new().await;
    for (response, _) in permanent_failures() {
        let what = format!("{response:?}");
        let without_groups = sign_in_without(&fixture, json!({"groups": null}), response.clone());
        let user = without_groups
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"))
            .user;
        assert_eq!(user.email.as_deref(), Some("alice@example.com"), "{what}");
        assert!(user.email_verified && user.groups.is_empty(), "{what}");

        let without_email = sign_in_without(&fixture, json!({"email": null}), response);
        let user = without_email
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"))
            .user;
        assert_eq!(
            (user.email, user.groups),
            (None, vec!["sre".to_owned(), "dev".to_owned()])
        );
    }
    // It is not JSON, whatever its content type says.
    let signed = typed("application/json", "a.b.c");
    assert!(
        sign_in_without(&fixture, json!({"groups": null}), signed)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn r09_without_email_and_groups_userinfo_must_succeed() {
    let fixture = Fixture::new().await;
    let neither = json!({"groups": null, "email": null});
    for (response, error) in permanent_failures().into_iter().chain(transient_failures()) {
        let outcome = sign_in_without(&fixture, neither.clone(), response).await;
        assert_eq!(outcome.unwrap_err(), UserInfoError::Fetch(error).into());
    }
}

#[tokio::test]
async fn r09_a_sign_in_waits_for_a_userinfo_endpoint_that_is_down() {
    let fixture = Fixture::new().await;
    for (response, error) in transient_failures() {
        let outcome = sign_in_without(&fixture, json!({"groups": null}), response).await;
        let refused = outcome.unwrap_err();
        assert_eq!(refused, UserInfoError::Fetch(error).into());
        assert_eq!(refused.category(), ErrorCategory::Unreachable);
    }
}

#[tokio::test]
async fn r09_an_access_token_that_is_no_header_value_is_not_sent() {
    let fixture = Fixture::new().await;
    for (claims, fails) in [
        (json!({"groups": null, "at_hash": null}), false),
        (
            json!({"groups": null, "email": null, "at_hash": null}),
            true,
        ),
    ] {
        let outcome = fixture.sign_in_with_overrides(|overrides| {
            overrides.set_claims(claims);
            overrides.set_token_response(json!({"access_token": "a\nb"}));
        });
        let error = UserInfoError::Fetch(FetchError::InvalidRequest).into();
        assert_eq!(outcome.await.err(), fails.then_some(error));
    }
    assert!(fixture.rogue.requests(Endpoint::UserInfo).is_empty());
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
