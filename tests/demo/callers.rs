//! The callers and their tokens.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::lab::folder::workspace;
use crate::lab::{SigningKey, Token};

/// The default issuer of clusters that kubeadm sets up.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// The audience of tokens for the gateway.
const AUDIENCE: &str = "portcullis";
/// The lifetime of a token in seconds: the minimum of Kubernetes.
pub const LIFETIME: i64 = 600;

/// Where the files of the demo are, below the workspace.
pub const FOLDER: &str = "target/demo";

/// The keys of both clusters, for `portcullis explain`.
const KEYS: &str = "target/demo/keys.json";

/// The default `leeway` of a trust entry, in seconds.
const LEEWAY: i64 = 30;

/// Two clusters that differ only in their keys.
#[derive(Debug)]
pub struct Clusters {
    pub(crate) blue: SigningKey,
    pub(crate) green: SigningKey,
}

/// A caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    /// `monitoring/karma` of cluster blue: the one that the policy lists.
    Karma,
    /// The same service account of cluster green.
    GreenKarma,
    /// A service account with the same name in another namespace.
    OtherNamespace,
    /// Karma with an expired token.
    Expired,
    /// Karma with a token whose audience is the API server.
    WrongAudience,
    /// Karma of cluster green, with the key ID of cluster blue: its signature is invalid.
    Forged,
    /// A request without a token.
    Anonymous,
    /// `monitoring/grafana` of cluster blue.
    Grafana,
    /// `monitoring/prometheus` of cluster green.
    GreenPrometheus,
}

impl Default for Clusters {
    fn default() -> Self {
        Self::new()
    }
}

impl Clusters {
    /// Two new clusters.
    #[must_use]
    pub fn new() -> Self {
        Self {
            blue: SigningKey::rsa("blue"),
            green: SigningKey::rsa("green"),
        }
    }

    /// Writes the public keys, by the names of the clusters.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_keys(&self) -> io::Result<()> {
        let keys = |key: &SigningKey| json!({"keys": [key.jwk()]});
        let keys = json!({"blue": keys(&self.blue), "green": keys(&self.green)});
        fs::write(workspace().join(KEYS), keys.to_string())
    }

    /// Writes a new token of each caller into a folder, each with a rename, so that readers never
    /// get a partial token.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn write_tokens(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for caller in Caller::ALL {
            if let Some(token) = caller.token(self) {
                let draft = folder.join("draft");
                fs::write(&draft, token)?;
                fs::rename(draft, folder.join(caller.file()))?;
            }
        }
        Ok(())
    }
}

impl Caller {
    const ALL: [Self; 9] = [
        Self::Karma,
        Self::GreenKarma,
        Self::OtherNamespace,
        Self::Expired,
        Self::WrongAudience,
        Self::Forged,
        Self::Anonymous,
        Self::Grafana,
        Self::GreenPrometheus,
    ];

    /// The caller's name, if its token is valid.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Karma => Some("blue/monitoring/karma"),
            Self::GreenKarma => Some("green/monitoring/karma"),
            Self::OtherNamespace => Some("blue/default/karma"),
            Self::Grafana => Some("blue/monitoring/grafana"),
            Self::GreenPrometheus => Some("green/monitoring/prometheus"),
            Self::Expired | Self::WrongAudience | Self::Forged | Self::Anonymous => None,
        }
    }

    /// How options of `portcullis explain` describe it: by its name or, if that is not proven, by its token.
    pub(crate) fn described(self) -> Vec<String> {
        let texts = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        match self.name() {
            Some(name) => texts(["--as", name]),
            None if self == Self::Anonymous => Vec::new(),
            None => {
                let token = format!("{FOLDER}/{}", self.file());
                [texts(["--token-file", &token]), texts(["--keys", KEYS])].concat()
            }
        }
    }

    /// The name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Expired => "blue/monitoring/karma, token expired",
            Self::WrongAudience => "blue/monitoring/karma, token for the API server",
            Self::Forged => "green/monitoring/karma with the key ID of blue",
            Self::Anonymous => "no token",
            _ => self.name().unwrap_or_default(),
        }
    }

    /// The file of its token.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Karma => "karma.jwt",
            Self::GreenKarma => "green-karma.jwt",
            Self::OtherNamespace => "other-namespace.jwt",
            Self::Expired => "expired.jwt",
            Self::WrongAudience => "wrong-audience.jwt",
            Self::Forged => "forged.jwt",
            Self::Anonymous => "none.jwt",
            Self::Grafana => "grafana.jwt",
            Self::GreenPrometheus => "green-prometheus.jwt",
        }
    }

    /// A new token of a service account of blue that the gateway accepts for some seconds from now: its clock is
    /// so far behind as the policy tolerates.
    pub(crate) fn token_accepted_for(self, clusters: &Clusters, seconds: i64) -> String {
        let (_, name) = self
            .name()
            .unwrap_or_default()
            .rsplit_once('/')
            .unwrap_or_default();
        Token::service_account(ISSUER, AUDIENCE, "monitoring", name)
            .expires_in(LEEWAY)
            .ago(2 * LEEWAY - seconds)
            .sign(&clusters.blue)
    }

    /// A new token.
    #[must_use]
    pub fn token(self, clusters: &Clusters) -> Option<String> {
        let Clusters { blue, green } = clusters;
        let account = |namespace, name| {
            Token::service_account(ISSUER, AUDIENCE, namespace, name).expires_in(LIFETIME)
        };
        let karma = account("monitoring", "karma");
        Some(match self {
            Self::Karma => karma.sign(blue),
            Self::GreenKarma => karma.sign(green),
            Self::OtherNamespace => account("default", "karma").sign(blue),
            Self::Expired => karma.ago(2 * LIFETIME).sign(blue),
            Self::WrongAudience => karma.claim("aud", vec![ISSUER]).sign(blue),
            Self::Forged => karma.header("kid", blue.kid()).sign(green),
            Self::Anonymous => return None,
            Self::Grafana => account("monitoring", "grafana").sign(blue),
            Self::GreenPrometheus => account("monitoring", "prometheus").sign(green),
        })
    }
}
