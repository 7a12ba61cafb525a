//! A gateway with sign-in, and sessions of its users.

use std::ops::{Deref, DerefMut};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::envoy::Builder;
use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{Call, Fixture, Response, SigningKey, TestGateway, Token};
use rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sessions::companion::{CannedResponse, Companion};

/// The companion's URL and host.
pub(crate) const URL: &str = "https://auth.example.com";
pub(crate) const AUTH: &str = "auth.example.com";

/// The names of the cookies.
pub(crate) const TOKEN: &str = "__Secure-portcullis";
pub(crate) const SEALED: &str = "__Secure-portcullis-session";

/// A [`TestGateway`] with a companion.
#[derive(Debug)]
pub(crate) struct SessionGateway {
    inner: TestGateway,
    pub(crate) companion: Companion,
    pub(crate) key: SigningKey,
}

/// A user's session.
#[derive(Clone, Debug)]
pub(crate) struct TestSession {
    pub(crate) sid: String,
    pub(crate) handle: String,
    pub(crate) subject: String,
    pub(crate) began: i64,
}

impl SessionGateway {
    /// Users in the group `sre` have access to the whole app; `/-/healthy` is public; karma's token
    /// is accepted too.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}, |builder| builder).await
    }

    /// The same with a policy changed by `edit`, and with more settings of the gateway.
    pub(crate) async fn with(
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let key = SigningKey::p256();
        let companion = Companion::start(&[&key]).await;
        let address = companion.address();
        let fixture = Fixture::start(&["blue"]).await;
        let inner = TestGateway::on(
            fixture,
            |policy| {
                policy["sso"] = json!({"url": URL, "envoy_cluster": "companion"});
                let rules = policy["apps"][0]["rules"].as_array_mut().expect("rules");
                rules.push(json!({"name": "users", "allow": [{"from": "sso", "group": "sre"}]}));
                rules.push(json!({"name": "probes", "paths": ["/-/healthy"], "public": true}));
                edit(policy);
            },
            |builder| {
                let builder = builder.cluster("companion", address);
                more(builder.app_at(AUTH, "companion"))
            },
        );
        Self {
            inner: inner.await,
            companion,
            key,
        }
    }

    /// The same, and each request that is asserted is explained too: the decision must be the same.
    pub(crate) fn explained(self) -> Self {
        let keys = json!({
            "blue": {"keys": [self.fixture.cluster("blue").key.jwk()]},
            "sso": {"keys": [self.key.jwk()]},
        });
        Self {
            inner: self.inner.explained_with_keys(&keys),
            ..self
        }
    }

    /// A valid token of a session.
    pub(crate) fn valid_token(&self, session: &TestSession) -> String {
        session.token().sign(&self.key)
    }

    /// A token of a session that expired a minute ago.
    pub(crate) fn expired_token(&self, session: &TestSession) -> String {
        session.token().ago(360).sign(&self.key)
    }

    /// The companion refreshes the session: it sets a new token and a sealed session. Returns the
    /// `Set-Cookie` lines.
    pub(crate) fn refresh_succeeds(&self, session: &TestSession) -> Vec<String> {
        let lines = [
            set_cookie(TOKEN, &self.valid_token(session)),
            set_cookie(SEALED, "resealed"),
        ];
        self.companion
            .set_refresh_response(CannedResponse::cookies(200, lines.clone()));
        lines.to_vec()
    }

    /// The companion reports that the session has ended: it deletes both cookies.
    pub(crate) fn refresh_ends_session(&self) -> Vec<String> {
        let deleted = |name| format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
        let lines = [TOKEN, SEALED].map(deleted);
        self.companion
            .set_refresh_response(CannedResponse::cookies(401, lines.clone()));
        lines.to_vec()
    }

    /// Sends a request that must reach the app once, and returns the response and what the app
    /// received.
    pub(crate) async fn assert_allowed_with_response(
        &mut self,
        what: &str,
        call: Call,
    ) -> (Response, Value) {
        let response = self.gateway.call(call.clone()).await;
        assert_eq!(response.verdict(), "200", "{what}: {}", response.text());
        self.assert_explained(what, &call, &response).await;
        self.count_forwarded();
        self.assert_not_forwarded(what);
        let seen = self.fixture.app.requests().pop();
        (response, seen.expect("the request just counted"))
    }

    /// The end of every test.
    pub(crate) async fn assert_clean(self) {
        self.inner.assert_clean().await;
    }
}

impl Deref for SessionGateway {
    type Target = TestGateway;

    fn deref(&self) -> &TestGateway {
        &self.inner
    }
}

impl DerefMut for SessionGateway {
    fn deref_mut(&mut self) -> &mut TestGateway {
        &mut self.inner
    }
}

impl TestSession {
    /// A session of this user, who signed in a while ago.
    pub(crate) fn new(subject: &str) -> Self {
        let mut sid = [0; 16];
        OsRng.fill_bytes(&mut sid);
        Self {
            sid: URL_SAFE_NO_PAD.encode(sid),
            handle: URL_SAFE_NO_PAD.encode(&Sha256::digest(subject)[..16]),
            subject: subject.to_owned(),
            began: now() - 600,
        }
    }

    /// Its token, valid for five minutes.
    pub(crate) fn token(&self) -> Token {
        Token::new(json!({
            "iss": URL,
            "aud": URL,
            "sub": self.subject,
            "idp": "sso",
            "sid": self.sid,
            "handle": self.handle,
            "began": self.began,
            "email": "ann@example.com",
            "email_verified": true,
            "groups": ["sre", "on-call"],
            "preferred_username": "ann",
        }))
        .without("nbf")
        .without("jti")
        .expires_in(300)
        .header("typ", "portcullis-session+jwt")
    }
}

/// A `Set-Cookie` line.
pub(crate) fn set_cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax")
}

/// A request with this token and a sealed session, among other cookies.
pub(crate) fn with_session(token: &str) -> Call {
    Call::get(HOST, "/api/v2/alerts").header("cookie", cookies(token))
}

/// The cookies of a browser with a session.
pub(crate) fn cookies(token: &str) -> String {
    format!("theme=dark; {TOKEN}={token}; {SEALED}=sealed; lang=en")
}

/// The request of a browser that navigates to a page.
pub(crate) fn as_navigation(call: Call) -> Call {
    call.header("sec-fetch-mode", "navigate")
        .header("sec-fetch-site", "none")
}

/// All values of a header that the app received.
pub(crate) fn header_values(seen: &Value, name: &str) -> Vec<String> {
    let headers = seen["headers"].as_array().into_iter().flatten();
    headers
        .filter(|header| header[0] == name)
        .filter_map(|header| header[1].as_str().map(str::to_owned))
        .collect()
}
