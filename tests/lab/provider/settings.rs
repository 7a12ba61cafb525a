//! The settings of a provider before it starts.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Client, Provider};
use crate::lab::authority::{Authority, Identity};
use crate::lab::process::Process;
use crate::lab::{folder, port, secrets, tools};

const FILE: &str = "settings.json";
/// The codes and tokens that it issued, one per line.
const ISSUED: &str = "issued";

/// A provider that is not started yet. It requires PKCE, rotates refresh tokens, revokes the grant
/// if a used one is presented again, returns `iss` with the code (RFC 9207), and puts all claims
/// into the ID token.
#[derive(Debug)]
pub struct Settings {
    identity: Identity,
    trusted: PathBuf,
    address: SocketAddr,
    host: String,
    clients: Vec<Value>,
    accounts: Value,
    seconds: Value,
    claims_in_id_token: bool,
    signs_out_without_prompt: bool,
}

impl Provider {
    /// A provider whose certificate is from this authority, which it also trusts itself.
    ///
    /// Its URL is `https://localhost:PORT`: every resolver knows `localhost`, unlike `*.localhost`.
    #[must_use]
    pub fn with(authority: &Authority) -> Settings {
        Self::at("localhost", authority)
    }

    /// The same at another host: `127.0.0.1`, or a name that its clients can resolve.
    #[must_use]
    pub fn at(host: &str, authority: &Authority) -> Settings {
        Settings {
            identity: authority.identity(&[host]),
            trusted: authority.file().to_path_buf(),
            address: port::free(),
            host: host.to_owned(),
            clients: Vec::new(),
            accounts: json!({}),
            seconds: json!({}),
            claims_in_id_token: true,
            signs_out_without_prompt: false,
        }
    }
}

impl Settings {
    /// Trusts another authority for the delivery of logout tokens.
    #[must_use]
    pub fn trusts(mut self, authority: &Authority) -> Self {
        self.trusted = authority.file().to_path_buf();
        self
    }

    /// Adds a client.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client.metadata());
        self
    }

    /// Replaces all clients by one.
    #[must_use]
    pub fn replace_client(mut self, client: Client) -> Self {
        self.clients = vec![client.metadata()];
        self
    }

    /// Adds a user, whose `sub` is the login. `email` and `email_verified` are in the scope
    /// `email`, all other claims in `profile`.
    #[must_use]
    pub fn account(mut self, login: &str, claims: Value) -> Self {
        self.accounts[login] = claims;
        self
    }

    /// Sets a lifetime: of `AccessToken`, `AuthorizationCode`, `Grant`, `IdToken`, `Interaction`,
    /// `RefreshToken` or `Session`.
    #[must_use]
    pub fn seconds(mut self, what: &str, seconds: u32) -> Self {
        self.seconds[what] = json!(seconds);
        self
    }

    /// Returns all claims but `sub` from the userinfo endpoint only, as the standard has it.
    #[must_use]
    pub fn claims_in_userinfo(mut self) -> Self {
        self.claims_in_id_token = false;
        self
    }

    /// Signs users out without a prompt and redirects back at once, as some providers do if they
    /// get an ID token.
    #[must_use]
    pub fn signs_out_without_prompt(mut self) -> Self {
        self.signs_out_without_prompt = true;
        self
    }

    /// The value of its `iss`.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://{}:{}", self.host, self.address.port())
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it does not, with the end of its log.
    pub async fn start(self) -> Provider {
        let folder = folder::fresh("provider");
        let control = port::free();
        let issuer = self.issuer();
        // Node can hang while it generates keys and exports them.
        let keys = super::new_keys();
        let settings = json!({
            "issuer": issuer,
            "port": self.address.port(),
            "control": control.port(),
            "certificate": self.identity.certificate,
            "key": self.identity.key,
            "keys": super::jwks(&keys),
            "clients": self.clients,
            "accounts": self.accounts,
            "ttl": self.seconds,
            "claims_in_id_token": self.claims_in_id_token,
            "issued": folder.join(ISSUED),
            "signs_out_without_prompt": self.signs_out_without_prompt,
        });
        secrets::register_lines(folder.join(ISSUED));
        fs::write(folder.join(FILE), format!("{settings:#}")).expect("a settings file");
        let mut command = tools::provider();
        command.arg(folder.join(FILE));
        command.env("NODE_EXTRA_CA_CERTS", self.trusted);
        let mut process = Process::start("provider", &folder, command);
        // The control port is opened last.
        process.ready_at(control, "/requests").await;
        Provider {
            issuer,
            address: self.address,
            control,
            keys,
            process,
        }
    }
}
