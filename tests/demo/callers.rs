//! Who calls, and with what.

use std::fs;
use std::io;
use std::path::Path;

use portcullis_tests::lab::{SigningKey, Token};

/// The issuer that kubeadm gives every cluster.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// What tokens are made for here.
const AUDIENCE: &str = "portcullis";
/// How many seconds a token lives: the least that Kubernetes gives.
pub(crate) const LIFETIME: i64 = 600;

/// Two clusters that differ in their keys alone.
#[derive(Debug)]
pub(crate) struct Clusters {
    pub(crate) blue: SigningKey,
    pub(crate) green: SigningKey,
}

/// A caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Caller {
    /// `monitoring/karma` of cluster blue: the one that the policy names.
    Karma,
    /// The same service account of cluster green.
    GreenKarma,
    /// A service account of the same name in another namespace.
    OtherNamespace,
    /// Karma with a token that it should have replaced.
    Expired,
    /// Karma with the token that is meant for its API server.
    WrongAudience,
    /// Cluster green, which says that it is Karma of cluster blue.
    Forger,
    /// Somebody without a token.
    Nobody,
    /// `monitoring/grafana` of cluster blue.
    Grafana,
    /// `monitoring/prometheus` of cluster green.
    GreenPrometheus,
}

impl Clusters {
    /// Two new ones.
    pub(crate) fn new() -> Self {
        Self {
            blue: SigningKey::rsa("blue"),
            green: SigningKey::rsa("green"),
        }
    }

    /// Writes a fresh token of each caller into a folder, each in one move, so that nobody ever
    /// reads half a token.
    pub(crate) fn write_tokens(&self, folder: &Path) -> io::Result<()> {
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
        Self::Forger,
        Self::Nobody,
        Self::Grafana,
        Self::GreenPrometheus,
    ];

    /// The name that the gate has for it, once its token is verified.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Karma => Some("blue/monitoring/karma"),
            Self::GreenKarma => Some("green/monitoring/karma"),
            Self::OtherNamespace => Some("blue/default/karma"),
            Self::Grafana => Some("blue/monitoring/grafana"),
            Self::GreenPrometheus => Some("green/monitoring/prometheus"),
            Self::Expired | Self::WrongAudience | Self::Forger | Self::Nobody => None,
        }
    }

    /// Who this is, for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Expired => "blue/monitoring/karma, token expired",
            Self::WrongAudience => "blue/monitoring/karma, token for the API server",
            Self::Forger => "green, posing as blue/monitoring/karma",
            Self::Nobody => "nobody (no token)",
            _ => self.name().unwrap_or_default(),
        }
    }

    /// The file that its token is in.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Karma => "karma.jwt",
            Self::GreenKarma => "green-karma.jwt",
            Self::OtherNamespace => "other-namespace.jwt",
            Self::Expired => "expired.jwt",
            Self::WrongAudience => "wrong-audience.jwt",
            Self::Forger => "forged.jwt",
            Self::Nobody => "none.jwt",
            Self::Grafana => "grafana.jwt",
            Self::GreenPrometheus => "green-prometheus.jwt",
        }
    }

    /// A fresh token of its own.
    pub(crate) fn token(self, clusters: &Clusters) -> Option<String> {
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
            Self::Forger => karma.header("kid", blue.kid()).sign(green),
            Self::Nobody => return None,
            Self::Grafana => account("monitoring", "grafana").sign(blue),
            Self::GreenPrometheus => account("monitoring", "prometheus").sign(green),
        })
    }
}
