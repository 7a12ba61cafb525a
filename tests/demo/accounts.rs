//! The accounts, the provider and the companion.

use crate::lab::provider::Client;
use crate::lab::{Authority, Companion, Provider};
use serde_json::{Value, json};

/// An account at the provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Account {
    /// An operator, in the group `sre`.
    Alice,
    /// In the group `sales`.
    Bob,
    /// An engineer, in the group `dev`.
    Carol,
}

/// The provider and the companion. Both are stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct SignInStack {
    _provider: Provider,
    companion: Companion,
}

const CLIENT: &str = "portcullis";
const SECRET: &str = "s3cret";

impl Account {
    /// All accounts.
    pub const ALL: [Self; 3] = [Self::Alice, Self::Bob, Self::Carol];

    /// The login name. Any password is accepted.
    #[must_use]
    pub fn login(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "bob",
            Self::Carol => "carol",
        }
    }

    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Alice => "sre",
            Self::Bob => "sales",
            Self::Carol => "dev",
        }
    }

    /// The name in the table.
    #[must_use]
    pub fn title(self) -> String {
        format!("{} ({})", self.login(), self.group())
    }

    /// How options of `portcullis explain` describe it.
    pub(crate) fn described(self) -> Vec<String> {
        let email = format!("{}@example.com", self.login());
        let options = [
            "--as",
            &self.caller(),
            "--group",
            self.group(),
            "--email",
            &email,
        ];
        options.map(str::to_owned).to_vec()
    }

    /// The caller's name.
    pub(crate) fn caller(self) -> String {
        format!("sso/{}", self.login())
    }

    fn claims(self) -> Value {
        json!({
            "email": format!("{}@example.com", self.login()),
            "email_verified": true,
            "groups": [self.group()],
            "preferred_username": self.login(),
        })
    }
}

impl SignInStack {
    /// Starts a provider, and the companion with this URL.
    ///
    /// `trust` says how the companion reaches the issuers of the policy.
    pub(crate) async fn start(
        authority: &Authority,
        [url, domain]: [&str; 2],
        policy: &Value,
        trust: &Value,
    ) -> Self {
        let client = Client::new(CLIENT, SECRET)
            .redirect(&format!("{url}/oauth2/callback"))
            .post_logout(&format!("{url}/oauth2/sign_out"))
            .backchannel(&format!("{url}/oauth2/backchannel-logout"));
        let mut provider = Provider::with(authority).client(client);
        for account in Account::ALL {
            provider = provider.account(account.login(), account.claims());
        }
        let provider = provider.start().await;
        let configuration = json!({
            "url": url,
            "providers": [{
                "issuer": provider.issuer(),
                "client_id": CLIENT,
                "client_secret": SECRET,
                "ca_file": authority.file(),
            }],
            "session": {"cookie": {"domain": domain}},
            "trust": trust,
        });
        Self {
            companion: Companion::with(configuration, policy).start().await,
            _provider: provider,
        }
    }

    /// The companion.
    pub(crate) fn companion(&self) -> &Companion {
        &self.companion
    }
}
