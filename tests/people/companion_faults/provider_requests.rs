//! What providers expect of requests, and how they ask for another sign-in.

use portcullis_tests::lab::UserAgent;
use portcullis_tests::lab::provider::{Fault, Route};
use serde_json::json;
use url::Url;

use crate::companion_faults::actions::{at_provider, refresh};
use crate::companion_faults::deployment::{APP, Deployment, Settings, URL};
use crate::companion_faults::provider_answers::lose_state;

/// Restarts the companion, which then fetches everything again.
async fn restart(deployment: &mut Deployment) {
    let companion = &mut deployment.replicas[0].companion;
    companion.kill();
    companion.restart().await;
}

#[tokio::test]
async fn r12_requests_have_a_user_agent_and_accept_key_sets_and_no_compression() {
    const ALL: [Route; 4] = [Route::Discovery, Route::Keys, Route::Token, Route::UserInfo];
    let mut deployment = Settings::single().start().await;
    // The filter needs the companion's keys while it restarts.
    let _alice = deployment.signed_in("alice", 0).await;
    // Without groups in the ID token, the companion asks userinfo.
    let claims = json!({"email": "bob@example.com", "email_verified": true});
    deployment.provider.set_account("bob", claims).await;
    for (header, text, routes, status) in [
        // As Kubernetes API servers do.
        ("accept", "application/jwk-set+json", &ALL[1..2], 406),
        ("accept", "application/json", &ALL, 406),
        // As firewalls do.
        ("user-agent", "portcullis", &ALL, 403),
        ("accept-encoding", "identity", &ALL, 500),
    ] {
        for route in routes {
            let expects = Fault::Expects(header, text, status);
            deployment.provider.fail(*route, expects).await;
        }
        restart(&mut deployment).await;
        let before = deployment.provider.requests().await.len();
        let mut bob = deployment.user_agent(0);
        bob.visit(&format!("{URL}/oauth2/sign_in")).await;
        let page = at_provider(&mut bob, "bob").await.text();
        assert!(page.contains("You are signed in"), "{header}: {page}");
        let requests = deployment.provider.requests().await;
        let refused: Vec<_> = requests[before..]
            .iter()
            .filter(|request| request.status >= 400)
            .collect();
        assert!(refused.is_empty(), "{header}: {refused:?}");
        for route in routes {
            deployment.provider.recover(*route).await;
        }
    }
}

#[tokio::test]
async fn r12_a_client_that_is_registered_for_the_form_signs_in_and_is_refreshed() {
    let mut deployment = Settings::single().start().await;
    // The provider's metadata lists both methods, and Basic first.
    let refuses = Fault::Refuses("authorization", 401, json!({"error": "invalid_client"}));
    deployment.provider.fail(Route::Token, refuses).await;
    let _alice = deployment.signed_in("alice", 0).await;
    assert_eq!(deployment.provider.count(Route::Token).await, 2);
    // From then on, the method that was accepted is the first.
    let mut eve = deployment.signed_in("eve", 0).await;
    assert_eq!(deployment.provider.count(Route::Token).await, 3);
    lose_state(&mut deployment).await;
    let refreshed = refresh(&mut eve, &deployment.replicas[0]).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert_eq!(deployment.provider.count(Route::Token).await, 5);

    // Where no method is accepted, each is tried once.
    let refuses = Fault::Response(401, "json", r#"{"error":"invalid_client"}"#);
    deployment.provider.fail(Route::Token, refuses).await;
    let before = deployment.provider.count(Route::Token).await;
    let mut alice = deployment.user_agent(0);
    alice.visit(&format!("{APP}/graph")).await;
    let page = at_provider(&mut alice, "alice").await;
    assert_eq!(page.response.status, 502, "{}", page.text());
    assert_eq!(deployment.provider.count(Route::Token).await, before + 2);
}

/// The `state` of the authorization request of this user's last sign-in.
fn state_of(user: &UserAgent) -> String {
    let mut urls = user.history().iter().rev().map(|step| &step.url);
    let state = urls.find_map(|url| {
        let mut pairs = url.query_pairs();
        let state = pairs.find(|(name, _)| name == "state")?;
        Some(state.1.into_owned())
    });
    state.expect("an authorization request")
}

/// The URL at which a provider responds with this error.
fn error_at_callback(deployment: &Deployment, user: &UserAgent, error: &str) -> String {
    let mut url = Url::parse(&format!("{URL}/oauth2/callback")).unwrap();
    url.query_pairs_mut()
        .append_pair("error", error)
        .append_pair("error_description", "authentication_expired")
        .append_pair("iss", deployment.provider.issuer())
        .append_pair("state", &state_of(user));
    url.into()
}

#[tokio::test]
async fn r07_a_login_page_that_expired_at_the_provider_is_followed_by_one_sign_in() {
    let deployment = Settings::single().start().await;
    let link = format!("{APP}/graph?g0.expr=up");
    let mut alice = deployment.user_agent(0);
    alice.visit(&link).await;
    // Keycloak responds so if its login page was open for too long.
    let expired = error_at_callback(&deployment, &alice, "temporarily_unavailable");
    alice.visit(&expired).await;
    let shown = at_provider(&mut alice, "alice").await;
    assert_eq!(shown.url.as_str(), link, "{}", shown.text());
    assert_eq!(shown.response.status, 200);

    // The second time in a row there is a page.
    let mut eve = deployment.user_agent(0);
    eve.visit(&link).await;
    let expired = error_at_callback(&deployment, &eve, "temporarily_unavailable");
    eve.visit(&expired).await;
    let expired = error_at_callback(&deployment, &eve, "temporarily_unavailable");
    let page = eve.visit(&expired).await;
    assert_eq!(page.response.status, 503, "{}", page.text());
    let again = page
        .links()
        .into_iter()
        .find(|link| link.path() == "/oauth2/sign_in");
    let again = again.expect("a link to sign in").to_string();
    eve.visit(&again).await;
    let shown = at_provider(&mut eve, "eve").await;
    assert_eq!(shown.url.as_str(), link, "{}", shown.text());

    // Other errors are not followed by a sign-in.
    for (error, status) in [("access_denied", 403), ("server_error", 503)] {
        let mut carol = deployment.user_agent(0);
        carol.visit(&link).await;
        let url = error_at_callback(&deployment, &carol, error);
        let page = carol.visit(&url).await;
        assert_eq!(page.response.status, status, "{error}: {}", page.text());
    }
}

#[tokio::test]
async fn r09_userinfo_without_a_sub_is_not_used() {
    let deployment = Settings::single().start().await;
    let claims = json!({"email": "bob@example.com", "email_verified": true});
    deployment.provider.set_account("bob", claims).await;
    let without = Fault::Members(json!({"sub": null, "groups": ["sre"]}));
    deployment.provider.fail(Route::UserInfo, without).await;
    let mut bob = deployment.user_agent(0);
    bob.visit(&format!("{URL}/oauth2/sign_in")).await;
    let page = at_provider(&mut bob, "bob").await.text();
    assert!(page.contains("You are signed in"), "{page}");
    let log = deployment.replicas[0].companion.log();
    assert!(log.contains("it has no `sub`"), "{log}");
    // The groups are those of the ID token: none.
    let page = bob.visit(&format!("{APP}/graph")).await;
    assert_eq!(page.response.status, 403, "{}", page.text());
}

/// Anybody can start a sign-in and write such a callback, without an account and without a request to the provider.
#[tokio::test]
async fn t29_callbacks_that_redeem_nothing_take_no_room_in_redis() {
    let mut deployment = Settings::with_redis().start().await;
    for error in ["access_denied", "temporarily_unavailable", "x"] {
        let mut eve = deployment.user_agent(0);
        eve.visit(&format!("{APP}/graph")).await;
        let url = error_at_callback(&deployment, &eve, error);
        eve.visit(&url).await;
    }
    assert_eq!(deployment.redis().keys("*login*"), [""; 0]);
    deployment.signed_in("alice", 0).await;
    assert_eq!(deployment.redis().keys("*login*").len(), 1);
}
