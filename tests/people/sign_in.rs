//! Sign-in at a real provider and sign-out, with the companion alone.

use std::fs;

use portcullis_tests::lab::provider::{Client, Route, Settings};
use portcullis_tests::lab::{
    Authority, Call, Companion, Provider, SigningKey, Token, UserAgent, folder, port, secrets,
};
use serde_json::{Value, json};

const URL: &str = "https://auth.example.com";
const APP: &str = "https://alertmanager.example.com/";

/// A provider, a companion that terminates TLS itself, and the CA of both.
struct Fixture {
    authority: Authority,
    provider: Provider,
    companion: Companion,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(|settings| settings, |_| {}).await
    }

    async fn with(more: impl FnOnce(Settings) -> Settings, edit: impl FnOnce(&mut Value)) -> Self {
        let authority = Authority::new();
        let listen = port::free();
        let settings = Provider::with(&authority)
            .client(
                Client::new("portcullis", "s3cret")
                    .redirect(&format!("{URL}/oauth2/callback"))
                    .post_logout(&format!("{URL}/oauth2/sign_out"))
                    .backchannel(&format!("https://{listen}/oauth2/backchannel-logout")),
            )
            .account(
                "alice",
                json!({"email": "alice@example.com", "email_verified": true, "groups": ["sre"],
                       "preferred_username": "alice"}),
            );
        let provider = more(settings).start().await;
        let mut configuration = json!({
            "url": URL,
            "listen": listen,
            "providers": [{
                "issuer": provider.issuer(), "client_id": "portcullis", "client_secret": "s3cret",
                "ca_file": authority.file(),
            }],
            "session": {"cookie": {"domain": "example.com"}},
        });
        edit(&mut configuration);
        let companion = Companion::with(configuration, &policy());
        let companion = companion.tls(&authority, "auth.example.com").start().await;
        Self {
            authority,
            provider,
            companion,
        }
    }

    fn user_agent(&self) -> UserAgent {
        UserAgent::new(&[&self.authority]).at("auth.example.com", self.companion.address())
    }

    /// Opens the sign-in page as the filter's redirect would.
    async fn begin(&self, user: &mut UserAgent, rd: &str) {
        let url = url::Url::parse_with_params(&format!("{URL}/oauth2/start"), [("rd", rd)]);
        user.visit(url.unwrap().as_str()).await;
    }

    async fn sign_in(&self, user: &mut UserAgent) {
        user.visit(&format!("{URL}/oauth2/sign_in")).await;
        let page = user.sign_in_as("alice").await;
        assert!(page.text().contains("You are signed in"), "{}", page.text());
    }

    async fn userinfo(&self, user: &mut UserAgent) -> (u16, Value) {
        let response = user
            .fetch(&format!("{URL}/oauth2/userinfo"), Call::get("", ""))
            .await;
        (response.status, response.json())
    }
}

fn policy() -> Value {
    json!({
        "sso": {"url": URL, "envoy_cluster": "portcullis"},
        "apps": [{
            "name": "alertmanager", "hosts": ["alertmanager.example.com"],
            "rules": [{"name": "operators", "allow": [{"from": "sso", "group": "sre"}]}],
        }],
    })
}

#[tokio::test]
async fn a_user_signs_in_and_is_authenticated() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    // A bearer token takes precedence, and never falls back to the session.
    let url = format!("{URL}/oauth2/userinfo");
    for (authorization, status, reason) in [
        ("Bearer a.b.c", 401, "token-malformed"),
        ("Bearer", 400, "authorization-malformed"),
    ] {
        let call = Call::get("", "").header("authorization", authorization);
        let refused = user.fetch(&url, call).await;
        assert_eq!(refused.status, status, "{}", refused.text());
        assert_eq!(refused.json()["reason"], reason, "{}", refused.text());
    }
    let (status, info) = fixture.userinfo(&mut user).await;
    assert_eq!(status, 200, "{info}");
    assert_eq!(
        info,
        json!({"user": "alice", "email": "alice@example.com", "emailVerified": true,
               "groups": ["sre"], "preferredUsername": "alice", "provider": "sso"})
    );
}

#[tokio::test]
async fn r06_a_user_returns_to_the_page_where_the_sign_in_began() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture
        .begin(&mut user, &format!("{APP}a?b=c&d=%2F#frag"))
        .await;
    // The app does not run; only the redirect is checked.
    let form = user.page().form_with("prompt", "login");
    user.submit(form.fill("login", "alice").fill("password", "any"))
        .await;
    let consent = user.page().form_with("prompt", "consent");
    let sent = tokio::spawn(async move {
        user = user.at("alertmanager.example.com", port::free());
        user.submit(consent).await;
    });
    let error = sent.await.unwrap_err().into_panic();
    let error = error.downcast_ref::<String>().unwrap();
    assert!(error.contains(&format!("{APP}a?b=c&d=%2F#frag")), "{error}");
}

#[tokio::test]
async fn r05_the_redirect_uri_is_never_taken_from_the_request() {
    let fixture = Fixture::start().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "https://evil.example/"),
        ("origin", "https://evil.example"),
    ] {
        let host = if name == "host" {
            value
        } else {
            "auth.example.com"
        };
        let path = format!("/oauth2/start?rd={APP}&initiator=user");
        let mut call = Call::get(host, &path);
        if name != "host" {
            call = call.header(name, value);
        }
        let response = fixture.companion.call(call).await;
        assert!(!response.text().contains("evil"), "{name}");
        // Another host may be refused, but is never used.
        for location in response.all("location") {
            let location = url::Url::parse(&location).unwrap();
            let mut queries = location.query_pairs();
            let back = queries.find(|(name, _)| name == "redirect_uri").unwrap().1;
            assert_eq!(back, format!("{URL}/oauth2/callback"), "{name}");
        }
        if name == "x-forwarded-host" {
            assert_eq!(response.all("location").len(), 1, "a sign-in begins");
        }
    }
}

#[tokio::test]
async fn r02_a_callback_without_its_sign_in_sends_no_token_request() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    for query in [
        "",
        "?code=abc",
        "?code=abc&state=unknown",
        "?state=unknown",
        "?code=a&code=b&state=c",
        "?error=access_denied&state=unknown",
    ] {
        let page = user.visit(&format!("{URL}/oauth2/callback{query}")).await;
        assert!(
            matches!(page.response.status, 400 | 403),
            "{query}: {}",
            page.response.status
        );
    }
    assert_eq!(fixture.provider.count(Route::Token).await, 0);
}

#[tokio::test]
async fn r02_a_state_is_single_use() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    let callback = user
        .history()
        .iter()
        .find(|step| step.url.path() == "/oauth2/callback")
        .unwrap();
    let (url, cookie) = (callback.url.clone(), callback.cookie.clone().unwrap());
    let redeemed = fixture.provider.count(Route::Token).await;
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let call = Call::get("auth.example.com", &path).header("cookie", cookie);
    let response = fixture.companion.call(call).await;
    // Without the session, another sign-in begins.
    assert_eq!(response.status, 302, "{}", response.text());
    let location = response.header("location").unwrap();
    assert!(location.starts_with("/oauth2/start?"), "{location}");
    assert!(!location.contains("code"), "{location}");
    let cookies = response.all("set-cookie");
    assert!(
        cookies.iter().all(|line| line.contains("Max-Age=0")),
        "{cookies:?}"
    );
    assert_eq!(fixture.provider.count(Route::Token).await, redeemed);
}

#[tokio::test]
async fn l01_signing_out_ends_the_session_here_and_at_the_provider() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    let old_cookies: Vec<_> = user.cookies().iter().cloned().collect();
    user.follow("/oauth2/sign_out").await;
    let form = user.page().forms().into_iter().next().unwrap();
    user.submit(form).await;
    let page = user.confirm_sign_out().await;
    assert!(page.text().contains("signed out"), "{}", page.text());
    assert_eq!(fixture.userinfo(&mut user).await.0, 401);
    // Cookies copied before the sign-out are invalid.
    for cookie in old_cookies {
        user.cookies_mut().put(cookie);
    }
    assert_eq!(fixture.userinfo(&mut user).await.0, 401);
}

#[tokio::test]
async fn a_refresh_that_ends_the_session_deletes_all_of_its_cookies() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    let old_cookies: Vec<_> = user.cookies().iter().cloned().collect();
    user.follow("/oauth2/sign_out").await;
    for cookie in old_cookies {
        user.cookies_mut().put(cookie);
    }
    let url = format!("{URL}/oauth2/refresh");
    let response = user.fetch(&url, Call::post("", "")).await;
    assert_eq!(response.status, 401, "{}", response.text());
    let deleted = ["__Secure-portcullis", "__Secure-portcullis-session"].map(|name| {
        let expired = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        format!("{name}=; Path=/; {expired}; Domain=example.com; Secure; HttpOnly; SameSite=Lax")
    });
    assert_eq!(response.all("set-cookie"), deleted);
}

#[tokio::test]
async fn l02_an_unknown_state_is_ignored() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    let unknown = format!("{URL}/oauth2/sign_out?state=anything");
    let page = user.visit(&unknown).await;
    assert!(
        page.text().contains("<h1>You are signed out</h1>"),
        "{}",
        page.text()
    );

    // A signed-in user is signed out, or asked to confirm the sign-out.
    fixture.sign_in(&mut user).await;
    let issuer = fixture.provider.issuer();
    let elsewhere = format!("{issuer}/.well-known/openid-configuration");
    user.visit(&elsewhere).await;
    let page = user.follow(&unknown).await;
    assert!(
        page.text().contains("<h1>Sign out?</h1>"),
        "{}",
        page.text()
    );
    assert_eq!(fixture.userinfo(&mut user).await.0, 200);
    let page = user.visit(&unknown).await;
    assert!(
        page.text().contains("<h1>Signing out</h1>"),
        "{}",
        page.text()
    );
    assert_eq!(fixture.userinfo(&mut user).await.0, 401);

    // The same holds for a state that was used before: its redirect target is no longer used.
    user.visit(&format!("{URL}/oauth2/sign_in")).await;
    let rd = "https://alertmanager.example.com/graph";
    user.visit(&format!("{URL}/oauth2/sign_out?rd={rd}")).await;
    let form = user.page().forms().into_iter().next().unwrap();
    user.submit(form).await;
    let page = user.confirm_sign_out().await;
    let used = page.url.clone();
    assert!(
        used.query()
            .is_some_and(|query| query.starts_with("state=")),
        "{used}"
    );
    assert!(page.text().contains(rd), "{}", page.text());
    fixture.sign_in(&mut user).await;
    let page = user.visit(used.as_str()).await;
    assert!(
        page.text().contains("<h1>Signing out</h1>"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains(rd), "{}", page.text());
    assert_eq!(fixture.userinfo(&mut user).await.0, 401);
}

#[tokio::test]
async fn l01_a_sign_out_started_by_another_site_is_confirmed_once() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    let issuer = fixture.provider.issuer();
    user.visit(&format!("{issuer}/.well-known/openid-configuration"))
        .await;
    let page = user.follow(&format!("{URL}/oauth2/sign_out")).await;
    assert!(
        page.text().contains("<h1>Sign out?</h1>"),
        "{}",
        page.text()
    );
    let form = page.forms().into_iter().next().unwrap();
    assert_eq!(fixture.userinfo(&mut user).await.0, 200);
    let page = user.submit(form).await;
    assert!(
        page.text().contains("<h1>Signing out</h1>"),
        "{}",
        page.text()
    );
    let form = page.forms().into_iter().next().unwrap();
    assert_eq!(fixture.userinfo(&mut user).await.0, 401);
    user.submit(form).await;
    let page = user.confirm_sign_out().await;
    assert!(page.text().contains("signed out"), "{}", page.text());
}

#[tokio::test]
async fn added_parameters_reach_the_provider() {
    let fixture = Fixture::start().await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    // The user is known at the provider, which asks nothing.
    let page = user.visit(&format!("{URL}/oauth2/sign_in")).await;
    assert!(page.text().contains("You are signed in"), "{}", page.text());

    let parameters = json!({"prompt": "login", "login_hint": "bob"});
    let fixture = Fixture::with(
        |settings| settings,
        |configuration| configuration["providers"][0]["authorize_params"] = parameters,
    )
    .await;
    let mut user = fixture.user_agent();
    fixture.sign_in(&mut user).await;
    let page = user.visit(&format!("{URL}/oauth2/sign_in")).await;
    assert!(
        !page.text().contains("You are signed in"),
        "{}",
        page.text()
    );
    let _form = page.form_with("prompt", "login");
    fixture.sign_in(&mut user).await;
}

#[tokio::test]
async fn a_sign_out_visits_the_configured_url_or_stays_here() {
    for is_url in [true, false] {
        let fixture = Fixture::with(
            |settings| settings,
            |configuration| {
                let provider = &mut configuration["providers"][0];
                let issuer = provider["issuer"].as_str().expect("an issuer").to_owned();
                provider["end_session"] = match is_url {
                    true => json!(format!("{issuer}/session/end?client_id=portcullis&x=%2F")),
                    false => json!(false),
                };
            },
        )
        .await;
        let mut user = fixture.user_agent();
        fixture.sign_in(&mut user).await;
        user.visit(&format!("{URL}/oauth2/sign_out")).await;
        let (status, info) = fixture.userinfo(&mut user).await;
        assert_eq!(status, 401, "{info}");
        let at_provider = fixture.provider.count(Route::EndSession).await;
        if !is_url {
            assert_eq!(at_provider, 0);
            let text = user.page().text();
            assert!(text.contains("You are signed out"), "{text}");
            continue;
        }
        assert_eq!(at_provider, 1);
        let mut visited = user.history().iter().map(|step| step.url.as_str());
        assert!(visited.any(|url| url.contains("/session/end?client_id=portcullis&x=%2F")));
        // The provider redirects back without `state`.
        let page = user.visit(&format!("{URL}/oauth2/sign_out")).await;
        assert!(
            page.text().contains("You are signed out"),
            "{}",
            page.text()
        );
    }
}

#[tokio::test]
async fn a_client_assertion_of_a_file_signs_users_in() {
    let key = SigningKey::p256();
    let assertion = folder::fresh("assertion").join("token");
    let write = |issuer: &str, number: u32| {
        let claims = json!({
            "iss": "portcullis", "sub": "portcullis", "aud": issuer, "jti": format!("a-{number}"),
        });
        let text = Token::new(claims).expires_in(60).sign(&key);
        secrets::register("a client assertion", &text);
        fs::write(&assertion, text).expect("a file");
    };
    let keys = json!({"keys": [key.jwk()]});
    let fixture = Fixture::with(
        |settings| {
            let client = Client::new("portcullis", "unused")
                .with("token_endpoint_auth_method", "private_key_jwt")
                .with("token_endpoint_auth_signing_alg", "ES256")
                .with("jwks", keys)
                .redirect(&format!("{URL}/oauth2/callback"));
            settings.replace_client(client)
        },
        |configuration| {
            let provider = configuration["providers"][0].as_object_mut();
            let provider = provider.expect("a provider");
            write(provider["issuer"].as_str().expect("an issuer"), 1);
            provider.remove("client_secret");
            provider.insert("client_assertion_file".to_owned(), json!(assertion));
        },
    )
    .await;
    let issuer = fixture.provider.issuer().to_owned();
    fixture.sign_in(&mut fixture.user_agent()).await;

    // This provider accepts each assertion once. A new one needs no restart.
    let mut other = fixture.user_agent();
    other.visit(&format!("{URL}/oauth2/sign_in")).await;
    let page = other.sign_in_as("alice").await;
    assert!(
        !page.text().contains("You are signed in"),
        "{}",
        page.text()
    );
    write(&issuer, 2);
    fixture.sign_in(&mut fixture.user_agent()).await;
}
