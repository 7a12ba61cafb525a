//! The provider, and a user who signs in there.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_tests::lab::provider::{Client, Fault, Route, Settings};
use portcullis_tests::lab::{App, Authority, Call, Provider, Response, SigningKey, UserAgent};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

const VERIFIER: &str = "a-verifier-of-the-test-that-is-long-enough-for-rfc-7636";

/// A provider, its CA, and a redirect URI.
struct Fixture {
    authority: Authority,
    provider: Provider,
    callback: String,
    _app: App,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(|settings| settings).await
    }

    async fn with(more: impl FnOnce(Settings) -> Settings) -> Self {
        let authority = Authority::new();
        let app = App::start("callback").await;
        let callback = format!("http://{}/oauth2/callback", app.address());
        let settings = Provider::with(&authority)
            .client(Client::new("portcullis", "s3cret").redirect(&callback))
            .account(
                "alice",
                json!({"email": "alice@example.com", "email_verified": true, "groups": ["sre"]}),
            );
        let provider = more(settings).start().await;
        Self {
            authority,
            provider,
            callback,
            _app: app,
        }
    }

    fn user_agent(&self) -> UserAgent {
        UserAgent::new(&[&self.authority])
    }

    /// An authorization URL.
    fn begin(&self) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let parameters = [
            ("client_id", "portcullis"),
            ("redirect_uri", &self.callback),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", "st"),
            ("nonce", "no"),
            ("code_challenge_method", "S256"),
            ("code_challenge", &challenge),
        ];
        Url::parse_with_params(&format!("{}/auth", self.provider.issuer()), parameters).unwrap()
    }

    /// Signs in and exchanges the code.
    async fn tokens(&self, user: &mut UserAgent) -> Value {
        user.visit(self.begin().as_str()).await;
        let page = user.sign_in_as("alice").await;
        let code = page.query("code").unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &self.callback),
            ("code_verifier", VERIFIER),
        ];
        let response = self.redeem(&fields).await.unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// Sends a token request.
    async fn redeem(&self, fields: &[(&str, &str)]) -> io::Result<Response> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let secret = STANDARD.encode("portcullis:s3cret");
        let call = Call::post(&self.host(), "/token")
            .header("authorization", format!("Basic {secret}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.extend_pairs(fields).finish());
        self.send(&call).await
    }

    async fn refresh(&self, tokens: &Value) -> io::Result<Response> {
        let token = tokens["refresh_token"].as_str().unwrap();
        self.redeem(&[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }

    async fn send(&self, call: &Call) -> io::Result<Response> {
        let address = self.provider.address();
        call.try_send_tls(address, &self.authority.trust()).await
    }

    async fn keys(&self) -> Vec<String> {
        let response = self.send(&Call::get(&self.host(), "/jwks")).await.unwrap();
        let set = response.json();
        let keys = set["keys"].as_array().unwrap().iter();
        let keys: Vec<String> = keys
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect();
        let own: Vec<&str> = self.provider.keys().iter().map(SigningKey::kid).collect();
        assert_eq!(keys, own);
        keys
    }

    fn host(&self) -> String {
        self.provider.issuer().replace("https://", "")
    }
}

/// The header and the claims.
fn read(token: &Value) -> [Value; 2] {
    let mut parts = token.as_str().unwrap().split('.');
    [(); 2].map(|()| {
        let part = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    })
}

#[tokio::test]
async fn a_user_signs_in_at_a_real_provider() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    let tokens = fixture.tokens(&mut user).await;
    let page = user.page();
    assert!(page.url.as_str().starts_with(&fixture.callback), "{page:?}");
    assert_eq!(page.query("state").unwrap(), "st");
    assert_eq!(page.query("iss").unwrap(), fixture.provider.issuer());

    let [header, claims] = read(&tokens["id_token"]);
    assert_eq!(header["alg"], "RS256");
    assert!(
        fixture
            .keys()
            .await
            .contains(&header["kid"].as_str().unwrap().to_owned())
    );
    for (name, value) in [
        ("iss", json!(fixture.provider.issuer())),
        ("aud", json!("portcullis")),
        ("sub", json!("alice")),
        ("nonce", json!("no")),
        ("email", json!("alice@example.com")),
        ("email_verified", json!(true)),
        ("groups", json!(["sre"])),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(fixture.provider.grants("authorization_code").await, 1);
    assert_eq!(fixture.provider.count(Route::Authorization).await, 1);

    // A signed-in user is not prompted again.
    let page = user.visit(fixture.begin().as_str()).await;
    assert!(page.query("code").is_some(), "{page:?}");
    assert_eq!(user.cookies().dropped(), [""; 0]);
}

#[tokio::test]
async fn a_provider_returns_claims_from_userinfo_if_set() {
    let fixture = Fixture::with(Settings::claims_in_userinfo).await;
    let tokens = fixture.tokens(&mut fixture.user_agent()).await;
    let [_, claims] = read(&tokens["id_token"]);
    assert_eq!(claims["groups"], Value::Null);
    let call = Call::get(&fixture.host(), "/me").bearer(tokens["access_token"].as_str().unwrap());
    let userinfo = fixture.send(&call).await.unwrap().json();
    assert_eq!(
        (&userinfo["sub"], &userinfo["groups"]),
        (&json!("alice"), &json!(["sre"]))
    );
    assert_eq!(fixture.provider.count(Route::UserInfo).await, 1);
}

#[tokio::test]
async fn a_provider_requires_pkce() {
    let fixture = Fixture::start().await;
    let mut url = fixture.begin();
    let rest: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let rest = rest.iter().filter(|(name, _)| !name.starts_with("code_"));
    url.query_pairs_mut().clear().extend_pairs(rest);
    let mut user = fixture.user_agent();
    let page = user.visit(url.as_str()).await;
    assert_eq!(page.query("error").unwrap(), "invalid_request");
}

#[tokio::test]
async fn a_provider_rotates_refresh_tokens_and_revokes_a_grant_on_reuse() {
    let fixture = Fixture::start().await;
    let first = fixture.tokens(&mut fixture.user_agent()).await;
    let second = fixture.refresh(&first).await.unwrap().json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    for used in [&first, &second] {
        let response = fixture.refresh(used).await.unwrap();
        assert_eq!(
            (response.status, &response.json()["error"]),
            (400, &json!("invalid_grant"))
        );
    }
    let seen = fixture.provider.requests().await;
    let statuses: Vec<u16> = seen
        .iter()
        .filter(|request| request.grant.as_deref() == Some("refresh_token"))
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [200, 400, 400]);
}

#[tokio::test]
async fn a_provider_follows_its_controls() {
    let mut fixture = Fixture::start().await;
    let mut tokens = fixture.tokens(&mut fixture.user_agent()).await;
    fixture
        .provider
        .set_account("alice", json!({"groups": ["guests"]}))
        .await;
    tokens = fixture.refresh(&tokens).await.unwrap().json();
    let [header, claims] = read(&tokens["id_token"]);
    assert_eq!(claims["groups"], json!(["guests"]));

    let old = fixture.keys().await;
    fixture.provider.rotate(true).await;
    assert!(fixture.keys().await.ends_with(&old));
    fixture.provider.rotate(false).await;
    assert!(!fixture.keys().await.iter().any(|key| old.contains(key)));
    tokens = fixture.refresh(&tokens).await.unwrap().json();
    assert_ne!(read(&tokens["id_token"])[0]["kid"], header["kid"]);

    fixture
        .provider
        .fail(Route::Token, Fault::Status(503))
        .await;
    assert_eq!(fixture.refresh(&tokens).await.unwrap().status, 503);
    fixture.provider.recover(Route::Token).await;
    fixture.provider.down().await;
    assert!(fixture.refresh(&tokens).await.is_err());
    fixture.provider.up().await;
    tokens = fixture.refresh(&tokens).await.unwrap().json();

    fixture.provider.pause().await;
    tokens = {
        let mut waiting = Box::pin(fixture.refresh(&tokens));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
        assert!(early.is_err());
        fixture.provider.resume();
        waiting.await.unwrap().json()
    };

    // The request is processed, but the client gets no response.
    fixture.provider.fail(Route::Token, Fault::Lost).await;
    assert!(fixture.refresh(&tokens).await.is_err());
    fixture.provider.recover(Route::Token).await;
    assert_eq!(fixture.refresh(&tokens).await.unwrap().status, 400);

    fixture.provider.set_account("alice", Value::Null).await;
    let page_after = fixture
        .user_agent()
        .visit(fixture.begin().as_str())
        .await
        .response
        .status;
    assert_eq!(page_after, 200);
    fixture.provider.restart().await;
    assert_eq!(fixture.provider.requests().await, []);
    fixture.tokens(&mut fixture.user_agent()).await;
}
