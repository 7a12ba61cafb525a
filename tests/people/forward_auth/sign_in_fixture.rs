//! Proxies, a companion, and a provider at which users sign in.

use std::net::SocketAddr;

use portcullis_tests::lab::provider::{self, Client};
use portcullis_tests::lab::{Authority, Gateway, Provider, UserAgent};
use serde_json::{Value, json};

use crate::forward_auth::fixture::{AUTH, Fixture};
use crate::forward_auth::proxies::HOST;

/// A page of the app.
pub(crate) const PAGE: &str = "https://alertmanager.example.com/graph?g0.expr=a%26b%2Bc&g0.tab=0";

/// A fixture with a provider for sign-in.
pub(crate) struct SignInFixture {
    pub(crate) fixture: Fixture,
    pub(crate) provider: Provider,
    authority: Authority,
    gateway: Gateway,
}

impl SignInFixture {
    /// Starts a provider, and a gateway that terminates TLS for the companion, which has these options of
    /// `session`.
    pub(crate) async fn start(session: Value) -> Self {
        Self::start_with(session, |provider| provider).await
    }

    /// The same with a changed provider.
    pub(crate) async fn start_with(
        session: Value,
        change: impl FnOnce(provider::Settings) -> provider::Settings,
    ) -> Self {
        let authority = Authority::new();
        let claims = json!({
            "email": "alice@example.com", "email_verified": true, "groups": ["sre", "a,b"],
            "preferred_username": "alice",
        });
        let callback = format!("{AUTH}/oauth2/callback");
        let provider = Provider::with(&authority)
            .client(Client::new("portcullis", "s3cret").redirect(&callback))
            .account("alice", claims)
            .account(
                "bob",
                json!({"email": "bob@example.com", "email_verified": true}),
            );
        let provider = change(provider).start().await;
        let settings = json!({
            "issuer": provider.issuer(),
            "client_id": "portcullis",
            "client_secret": "s3cret",
            "ca_file": authority.file(),
            "scopes": ["openid", "email", "profile", "offline_access"],
        });
        let fixture = Fixture::with(&authority, settings, session).await;
        let gateway = Gateway::with(Value::Null)
            .filters(vec![])
            .tls(&authority, &["auth.example.com"])
            .app("auth.example.com", fixture.companion.address())
            .start()
            .await;
        Self {
            fixture,
            authority,
            gateway,
            provider,
        }
    }

    /// A user agent for the app behind the proxy at this address.
    pub(crate) fn user_agent(&self, proxy: SocketAddr) -> UserAgent {
        UserAgent::new(&[&self.authority])
            .at("auth.example.com", self.gateway.address())
            .at(HOST, proxy)
    }

    /// Alice, who has opened a page behind NGINX and signed in.
    pub(crate) async fn alice(&self) -> UserAgent {
        self.user("alice").await
    }

    /// The same for a user with this login.
    pub(crate) async fn user(&self, login: &str) -> UserAgent {
        let [nginx, _, _] = &self.fixture.proxies;
        let mut user = self.user_agent(nginx.address);
        user.visit(PAGE).await;
        user.sign_in_as(login).await;
        user
    }
}

/// The cookies that a browser sends to the app.
pub(crate) fn cookies(user: &UserAgent) -> String {
    let cookies = user.cookies().iter();
    let cookies = cookies.filter(|cookie| cookie.domain == "example.com");
    let pairs = cookies.map(|cookie| format!("{}={}", cookie.name, cookie.value));
    pairs.collect::<Vec<_>>().join("; ")
}
