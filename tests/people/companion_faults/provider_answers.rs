//! Responses of the provider that differ from the specifications, as those of real providers do.

use std::fs;

use portcullis_tests::lab::provider::{Fault, Route};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::wait;
use serde_json::json;

use crate::companion_faults::actions::{at_provider, refresh, userinfo};
use crate::companion_faults::deployment::{APP, Deployment, Settings, URL};

/// Loses the list of revoked sessions, so that each session must be refreshed at the provider.
pub(crate) async fn lose_state(deployment: &mut Deployment) {
    let signed_in = now();
    wait::until_true("the next second", wait::LONG, async || now() > signed_in).await;
    let companion = &mut deployment.replicas[0].companion;
    companion.kill();
    fs::remove_file(companion.file("session-keys.state")).unwrap();
    companion.restart().await;
}

#[tokio::test]
async fn r10_a_refused_refresh_token_leads_to_a_new_sign_in() {
    let mut deployment = Settings::single().start().await;
    for (status, body) in [
        (
            403,
            json!({"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}),
        ),
        (
            400,
            json!({"error": "invalid_request", "error_description": "Refresh token is invalid or has already been claimed by another client."}),
        ),
        (200, json!({"error": "invalid_grant"})),
    ] {
        let mut alice = deployment.signed_in("alice", 0).await;
        lose_state(&mut deployment).await;
        let what = body.to_string();
        let fault = Fault::RefreshResponse(status, body);
        deployment.provider.fail(Route::Token, fault).await;
        let response = refresh(&mut alice, &deployment.replicas[0]).await;
        assert_eq!(response.status, 401, "{what}: {}", response.text());
        assert_eq!(userinfo(&mut alice).await.status, 401, "{what}");
        // The provider still knows the user. Another page than at the sign-in, which was just now.
        let page = alice.visit(&format!("{APP}/again")).await;
        assert_eq!(page.url.as_str(), format!("{APP}/again"), "{what}");
        assert_eq!(page.response.status, 200, "{what}");
        deployment.provider.recover(Route::Token).await;
    }
}

#[tokio::test]
async fn r10_a_session_that_can_t_be_refreshed_ends_by_a_sign_in_from_the_page() {
    let mut deployment = Settings::single().token("5s").start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    lose_state(&mut deployment).await;
    let fault = Fault::RefreshResponse(401, json!({"error": "invalid_client"}));
    deployment.provider.fail(Route::Token, fault).await;
    let app = format!("{APP}/again");
    wait::until_true("an expired token", wait::LONG, async || {
        alice.visit(&app).await.response.status == 503
    })
    .await;
    let text = alice.page().text();
    assert!(text.contains("session-unavailable"), "{text}");
    let start = format!("{URL}/oauth2/start?");
    let links = alice.page().links();
    let link = links.iter().find(|link| link.as_str().starts_with(&start));
    let link = link.unwrap_or_else(|| panic!("no sign-in: {text}"));
    alice.visit(link.as_str()).await;
    // The provider has seen the refresh token twice, by both methods of client authentication, and asks for
    // consent again.
    let page = at_provider(&mut alice, "alice").await;
    assert_eq!(page.url.as_str(), app);
    assert_eq!(page.response.status, 200, "{}", page.text());
}

#[tokio::test]
async fn r09_an_email_that_does_not_count_is_on_the_page_and_in_the_log() {
    let plain = Settings::single().start().await;
    let trusting = Settings::single().provider("trust_unverified_email", json!(true));
    let trusting = trusting.start().await;
    for (deployment, value, counts) in [
        (&plain, json!(true), true),
        (&plain, json!("true"), true),
        (&plain, json!("false"), false),
        (&plain, json!(false), false),
        (&plain, json!(null), false),
        (&trusting, json!(false), true),
        (&trusting, json!(null), true),
    ] {
        let claims =
            json!({"email": "ada@example.com", "email_verified": value, "groups": ["sre"]});
        deployment.provider.set_account("ada", claims).await;
        let mut ada = deployment.user_agent(0);
        ada.visit(&format!("{URL}/oauth2/sign_in")).await;
        let page = at_provider(&mut ada, "ada").await.text();
        assert!(page.contains("You are signed in"), "{value}: {page}");
        assert_eq!(
            page.contains("did not confirm the email address"),
            !counts,
            "{value}: {page}"
        );
        let info = userinfo(&mut ada).await.json();
        assert_eq!(info["emailVerified"], counts, "{value}");
        let log = deployment.replicas[0].companion.log();
        let record = log
            .lines()
            .rfind(|line| line.contains("\"signed in\""))
            .unwrap();
        assert_eq!(
            record.contains("not verified, so no rule counts it"),
            !counts,
            "{record}"
        );
        assert_eq!(
            record.contains("trust_unverified_email"),
            !counts,
            "{record}"
        );
        assert!(!record.contains("ada@example.com"), "{record}");
    }
}

#[tokio::test]
async fn r09_a_user_signs_in_though_claims_members_and_userinfo_are_unusual() {
    let mut deployment = Settings::single().start().await;
    // The filter needs the companion's keys while it restarts.
    let _alice = deployment.signed_in("alice", 0).await;
    let empty = json!({"end_session_endpoint": "", "op_tos_uri": "", "claims_supported": 7});
    let fault = Fault::Members(empty);
    deployment.provider.fail(Route::Discovery, fault).await;
    deployment.replicas[0].companion.kill();
    deployment.replicas[0].companion.restart().await;
    let provider = &deployment.provider;
    let claims = json!({
        "email": "ada@example.com", "email_verified": "true", "groups": ["sre"],
        "locale": {"language": "de"}, "picture": {"data": {"url": "x"}}, "name": ["Ada"],
        "updated_at": "1700000000", "address": "x", "birthdate": 7,
    });
    provider.set_account("ada", claims).await;
    let lifetime = json!({"expires_in": "3599", "scope": ["openid"], "ext_expires_in": null});
    provider.fail(Route::Token, Fault::Members(lifetime)).await;
    let mut ada = deployment.signed_in("ada", 0).await;
    // Without an end session endpoint, the sign-out ends here.
    let page = ada.visit(&format!("{URL}/oauth2/sign_out")).await.text();
    assert!(page.contains("You are signed out"), "{page}");

    // Without groups in the ID token, the companion asks userinfo.
    let claims = json!({"email": "bob@example.com", "email_verified": true});
    provider.set_account("bob", claims).await;
    for fault in [
        Fault::Status(401),
        Fault::Status(403),
        Fault::Response(200, "application/jwt", "a.b.c"),
    ] {
        provider.fail(Route::UserInfo, fault).await;
        let mut bob = deployment.user_agent(0);
        bob.visit(&format!("{URL}/oauth2/sign_in")).await;
        let page = at_provider(&mut bob, "bob").await.text();
        assert!(page.contains("You are signed in"), "{page}");
        let info = userinfo(&mut bob).await.json();
        assert_eq!(info["email"], "bob@example.com");
        let log = deployment.replicas[0].companion.log();
        assert!(
            log.contains("the claims of the ID token are used alone"),
            "{log}"
        );
    }
}

#[tokio::test]
async fn r09_scopes_that_the_provider_wants_for_refresh_tokens_and_groups_are_in_the_log() {
    let scopes = json!(["openid", "email", "profile"]);
    let deployment = Settings::single().provider("scopes", scopes).start().await;
    let companion = &deployment.replicas[0].companion;
    companion
        .wait_for_log("scope supported but not requested")
        .await;
    let count = |message: &str| companion.log().matches(message).count();
    let hint = companion.log();
    assert!(hint.contains("offline_access"), "{hint}");
    assert_eq!(count("no refresh token"), 0);
    // The lab's provider issues one for any scope.
    let without = Fault::Members(json!({"refresh_token": null}));
    deployment.provider.fail(Route::Token, without).await;
    for login in ["alice", "eve"] {
        deployment.signed_in(login, 0).await;
    }
    assert_eq!(count("no refresh token: sessions end when"), 1);
    assert_eq!(count("a user has no groups"), 0);
    for groups in [json!([]), json!(null), json!({"sre": true})] {
        let claims =
            json!({"email": "alice@example.com", "email_verified": true, "groups": groups});
        deployment.provider.set_account("alice", claims).await;
        let mut alice = deployment.user_agent(0);
        alice.visit(&format!("{URL}/oauth2/start")).await;
        alice.sign_in_as("alice").await;
    }
    assert_eq!(count("a user has no groups"), 1);
    assert!(
        companion
            .log()
            .contains("add `groups` to `providers[].scopes`")
    );
}
