//! Providers: faults of the server, of its documents, and of the client that is registered there.

use portcullis_tests::lab::provider::{Client, Fault, Route};
use portcullis_tests::lab::rogue_provider::{Endpoint, RogueProvider};
use portcullis_tests::lab::{Authority, ServerResponse};
use serde_json::json;

use super::fixture::{Fixture, SECRET, URL};

#[tokio::test]
async fn a_set_up_without_faults_has_no_warning_and_each_fault_of_the_provider_is_named() {
    let mut fixture = Fixture::start().await;
    let examined = fixture.doctor().await;
    examined.assert_all_ok();

    let settings = fixture.configuration["providers"][0].clone();
    fixture.configuration["providers"][0]["issuer"] =
        json!(format!("{}/", fixture.provider().issuer()));
    fixture.doctor().await.assert_error(
        "provider sso",
        "discovery",
        "`issuer` is not the configured one",
        "set `providers[].issuer`",
    );
    fixture.configuration["providers"][0] = settings.clone();

    fixture.configuration["providers"][0]["client_id"] = json!("another");
    let examined = fixture.doctor().await;
    let (_, help) = examined.of_check("error", "provider sso", "redirect-uri");
    assert!(help.contains("`providers[].client_id`"), "{help}");
    fixture.configuration["providers"][0] = settings.clone();

    let scopes = json!(["openid", "a-scope-of-another-provider"]);
    fixture.configuration["providers"][0]["scopes"] = scopes;
    let examined = fixture.doctor().await;
    // This provider ignores scopes that it does not know.
    assert_eq!(examined.code, Some(0), "{examined:#?}");
    fixture.configuration["providers"][0] = settings.clone();

    fixture.write("secret", "another-s3cret-of-the-client");
    fixture.doctor().await.assert_error(
        "provider sso",
        "client-authentication",
        "`invalid_client`",
        "`providers[].client_secret_file`",
    );
    fixture.write("secret", SECRET);

    let other = Authority::new();
    fixture.configuration["providers"][0]["ca_file"] = json!(other.file());
    let examined = fixture.doctor().await;
    examined.assert_error(
        "provider sso",
        "tls",
        "is not valid",
        "`providers[].ca_file`",
    );
    fixture.configuration["providers"][0] = settings;

    for (fault, detail, help) in [
        (
            Fault::Status(500),
            "unexpected status 500",
            "the provider's log",
        ),
        (
            Fault::Response(200, "text/html", "<title>Moved</title>"),
            "not JSON",
            "a login page",
        ),
    ] {
        fixture.provider().fail(Route::Keys, fault).await;
        let examined = fixture.doctor().await;
        examined.assert_error("provider sso", "key-set", detail, help);
        fixture.provider().recover(Route::Keys).await;
    }
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_named() {
    let other =
        Client::new("portcullis", SECRET).redirect("https://other.example.com/oauth2/callback");
    let fixture = Fixture::with_client(other).await;
    let register = format!("register the redirect URI {URL}/oauth2/callback");
    let examined = fixture.doctor().await;
    examined.assert_error("provider sso", "redirect-uri", "(status 400)", &register);
}

#[tokio::test]
async fn a_provider_that_shows_the_same_page_for_every_redirect_uri_is_a_warning() {
    let fixture = Fixture::start().await;
    let page = Fault::Status(200);
    fixture.provider().fail(Route::Authorization, page).await;
    let examined = fixture.doctor().await;
    let detail = "as to a URI that is not registered (status 200)";
    let help = format!("register the redirect URI {URL}/oauth2/callback");
    examined.assert_warning("provider sso", "redirect-uri", detail, &help);
}

#[tokio::test]
async fn a_client_that_may_not_refresh_is_a_warning() {
    let fixture = Fixture::start().await;
    let refusal = Fault::RefreshResponse(400, json!({"error": "unauthorized_client"}));
    fixture.provider().fail(Route::Token, refusal).await;
    let examined = fixture.doctor().await;
    let help = "allow the grant `refresh_token`";
    examined.assert_warning(
        "provider sso",
        "client-authentication",
        "refresh tokens",
        help,
    );
}

#[tokio::test]
async fn a_provider_that_is_down_or_never_answers_is_named() {
    let mut fixture = Fixture::start().await;
    fixture.configuration["providers"][0]["timeout"] = json!("2s");
    fixture.provider().fail(Route::Discovery, Fault::Lost).await;
    let examined = fixture.doctor().await;
    examined.assert_error(
        "provider sso",
        "discovery",
        "response interrupted",
        "the provider's log",
    );
    fixture.provider().recover(Route::Discovery).await;

    fixture.provider().pause().await;
    let examined = fixture.doctor().await;
    examined.assert_error(
        "provider sso",
        "tls",
        "no TLS handshake in 5 s",
        "does not respond",
    );
    fixture.provider().resume();

    let rogue = RogueProvider::start(&fixture.authority).await;
    fixture.configuration["providers"][0]["issuer"] = json!(rogue.issuer());
    rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Discovery, ServerResponse::Silence);
    });
    let examined = fixture.doctor().await;
    let detail = "no complete response within the provider's `timeout`";
    examined.assert_error("provider sso", "discovery", detail, "at most 15 s");
    rogue.override_with(|overrides| {
        overrides.endpoints.clear();
        overrides.set_metadata(json!({"token_endpoint": "http://127.0.0.1/token"}));
    });
    let examined = fixture.doctor().await;
    examined.assert_error(
        "provider sso",
        "discovery",
        "`token_endpoint`",
        "the provider's metadata",
    );
}
