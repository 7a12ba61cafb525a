//! The flags of an API server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand_core::{OsRng, RngCore as _};

use super::etcd::Etcd;
use super::{ApiServer, DEFAULT_ISSUER, HOST};
use crate::lab::authority::{Authority, Identity};
use crate::lab::keys::SigningKey;
use crate::lab::process::Process;
use crate::lab::{folder, port, secrets, tools};

const TOKENS: &str = "tokens.csv";

/// The settings that tests change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--service-account-issuer`: the first is in new tokens, the others are accepted as well.
    pub issuers: Vec<String>,
    /// The key that signs new tokens.
    pub signing_key: SigningKey,
    /// Other keys whose tokens are accepted. The API server publishes them as well.
    pub other_keys: Vec<SigningKey>,
    /// The file of `--authentication-config`.
    pub authentication: Option<PathBuf>,
    etcd: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuers: vec![DEFAULT_ISSUER.to_owned()],
            signing_key: SigningKey::p256(),
            other_keys: Vec::new(),
            authentication: None,
            etcd: String::new(),
        }
    }
}

impl Settings {
    /// Signs with this key.
    #[must_use]
    pub fn signed_by(mut self, key: SigningKey) -> Self {
        self.signing_key = key;
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start(mut self) -> ApiServer {
        let folder = folder::fresh("kubernetes");
        let etcd = Etcd::start(&folder).await;
        etcd.url().clone_into(&mut self.etcd);
        let address = port::free();
        let authority = Authority::new();
        let identity = authority.identity(&[HOST, "localhost", "127.0.0.1"]);
        let admin_token = random_token();
        secrets::register("an administrator's token", &admin_token);
        let users = format!("{admin_token},admin,admin,system:masters\n");
        fs::write(folder.join(TOKENS), users).expect("a file of tokens");
        let command = self.command(&folder, address, &identity);
        let process = Process::start("kube-apiserver", &folder, command);
        let mut server = ApiServer {
            settings: self,
            address,
            authority,
            identity,
            admin_token,
            folder,
            starts: 1,
            process,
            _etcd: etcd,
        };
        server.ready().await;
        server
    }

    /// The command that runs it, with its files in this folder.
    pub(super) fn command(
        &self,
        folder: &Path,
        address: SocketAddr,
        identity: &Identity,
    ) -> Command {
        let mut command = Command::new(tools::kube_apiserver());
        let mut flag = |name: &str, value: &str| {
            command.arg(format!("--{name}={value}"));
        };
        let file = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            file.display().to_string()
        };
        flag("etcd-servers", &self.etcd);
        flag("bind-address", &address.ip().to_string());
        flag("secure-port", &address.port().to_string());
        // Endpoints of the service `kubernetes` can't be on loopback.
        flag("endpoint-reconciler-type", "none");
        flag("service-cluster-ip-range", "10.96.0.0/16");
        flag("tls-cert-file", &identity.certificate.display().to_string());
        flag("tls-private-key-file", &identity.key.display().to_string());
        flag("authorization-mode", "Node,RBAC");
        flag(
            "token-auth-file",
            &folder.join(TOKENS).display().to_string(),
        );
        flag("allow-privileged", "true");
        for issuer in &self.issuers {
            flag("service-account-issuer", issuer);
        }
        let private = file("service-account.key", &self.signing_key.private_pem());
        flag("service-account-signing-key-file", &private);
        for (number, key) in [&self.signing_key]
            .into_iter()
            .chain(&self.other_keys)
            .enumerate()
        {
            let public = file(&format!("service-account-{number}.pub"), &key.public_pem());
            flag("service-account-key-file", &public);
        }
        if let Some(authentication) = &self.authentication {
            flag(
                "authentication-config",
                &authentication.display().to_string(),
            );
        }
        command
    }
}

fn random_token() -> String {
    let mut bytes = [0; 24];
    OsRng.fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
