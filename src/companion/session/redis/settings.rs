//! How Redis is reached, as the operator says it.

use std::path::PathBuf;

/// How Redis is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RedisSettings {
    /// What stands at the addresses.
    pub(crate) kind: Kind,
    /// Hosts and ports. Never empty, and one alone for a single server.
    pub(crate) nodes: Vec<(String, u16)>,
    /// Whether to speak TLS.
    pub(crate) tls: bool,
    /// The number of the database.
    pub(crate) database: u8,
    /// Who the companion is.
    pub(crate) username: Option<String>,
    /// Its password. Read for each connection, so that a new one needs no restart.
    pub(crate) password_file: Option<PathBuf>,
    /// Whom to trust instead of the system's CAs, as PEM. Read for each connection.
    pub(crate) ca_file: Option<PathBuf>,
}

/// What stands at Redis's addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Nodes of a cluster.
    Cluster,
    /// Sentinels, which know where the master of this name is. They are asked without a password.
    Sentinel(String),
    /// A server.
    Single,
}
