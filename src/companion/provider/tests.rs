//! The relying party against a rogue provider.

mod discovery;
mod fetches;
mod id_token;
mod logout;
mod options;
mod proxy;
mod refresh;
mod removed_claims;
mod sign_in;
mod tenants;
mod timeout;
mod token_endpoint;
mod userinfo;

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::timestamp::Timestamp;
use portcullis_tests::lab::rogue_provider::Overrides;
use portcullis_tests::lab::{Authority, RogueProvider, folder};
use url::Url;

use super::discovery::UNKNOWN_KEY_INTERVAL;
use super::{
    Attempt, Authentication, Callback, ClientAuthentication, Provider, ProviderError,
    ProviderSettings, Secret,
};

/// A rogue provider, and the settings for it.
struct Fixture {
    rogue: RogueProvider,
    settings: ProviderSettings,
}

impl Fixture {
    async fn new() -> Self {
        let mut fixture = Self::down();
        fixture.rogue.up().await;
        fixture
    }

    /// The same, with the certificate of this authority.
    async fn of(authority: &Authority) -> Self {
        let mut fixture = Self::down_of(authority);
        fixture.rogue.up().await;
        fixture
    }

    /// The same, with the provider down.
    fn down() -> Self {
        Self::down_of(&Authority::new())
    }

    fn down_of(authority: &Authority) -> Self {
        let rogue = RogueProvider::start_down(authority);
        Self {
            settings: ProviderSettings {
                client_authentication: ClientAuthentication::Secret(file(
                    "secret",
                    &format!("{}\n", RogueProvider::CLIENT_SECRET),
                )),
                ca_file: Some(authority.file().to_path_buf()),
                ..ProviderSettings::new("sso", rogue.issuer(), RogueProvider::CLIENT_ID)
            },
            rogue,
        }
    }

    /// A relying party that has fetched nothing yet.
    fn provider(&self) -> Provider {
        Provider::new(&self.settings).unwrap()
    }

    /// Signs in as a browser does, from beginning to end.
    async fn sign_in(&self, provider: &Provider) -> Result<Authentication, ProviderError> {
        let began = before_interval();
        let (url, attempt) = provider.begin(&redirect_uri(), &state(), began).await?;
        self.complete(provider, &url, &attempt).await
    }

    /// The browser visits the provider, which redirects it to the callback.
    async fn complete(
        &self,
        provider: &Provider,
        url: &Url,
        attempt: &Attempt,
    ) -> Result<Authentication, ProviderError> {
        let callback = Callback::from_query(&self.rogue.authorize(url.as_str()))?;
        provider
            .finish(&redirect_uri(), attempt, &callback, now())
            .await
    }

    /// A sign-in by a new relying party while the provider has these overrides.
    async fn sign_in_with_overrides(
        &self,
        set: impl FnOnce(&mut Overrides),
    ) -> Result<Authentication, ProviderError> {
        self.rogue.override_with(set);
        let outcome = self.sign_in(&self.provider()).await;
        self.rogue.reset();
        outcome
    }
}

fn redirect_uri() -> Url {
    Url::parse("https://auth.example.com/oauth2/callback").unwrap()
}

/// A new `state`.
fn state() -> Secret {
    Attempt::random_state()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

/// When keys were fetched, if an unknown key causes a fetch now.
fn before_interval() -> Timestamp {
    now().before(UNKNOWN_KEY_INTERVAL)
}

fn file(name: &str, content: &str) -> PathBuf {
    let file = folder::fresh("provider").join(name);
    fs::write(&file, content).unwrap();
    file
}
