//! The settings of the connection to Redis.

use std::path::PathBuf;

use url::Url;

use crate::session::store::StoreSettingsError;

/// The forms of `session.store`.
const HELP: &str = "write `cookie`, `file:PATH`, `redis://HOST:PORT/DATABASE`, `redis-sentinel://HOST:PORT,HOST:PORT/MASTER` or \
     `redis-cluster://HOST:PORT,HOST:PORT`; `rediss` instead of `redis` is TLS";

/// The settings of the connection to Redis.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RedisSettings {
    /// The kind of servers.
    pub(crate) topology: RedisTopology,
    /// Hosts and ports. Never empty, and exactly one for a single server.
    pub(crate) nodes: Vec<(String, u16)>,
    /// Whether to use TLS.
    pub(crate) tls: bool,
    /// The number of the database.
    pub(crate) database: u8,
    /// The user name.
    pub(crate) username: Option<String>,
    /// The password. Read for each connection, so that a rotated one needs no restart.
    pub(crate) password_file: Option<PathBuf>,
    /// The CA certificates (PEM) to trust instead of the system's. Read for each connection.
    pub(crate) ca_file: Option<PathBuf>,
    /// The user name at the sentinels.
    pub(crate) sentinel_username: Option<String>,
    /// The password of the sentinels. Read for each connection.
    pub(crate) sentinel_password_file: Option<PathBuf>,
}

/// The kind of servers at the addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RedisTopology {
    /// Nodes of a cluster.
    Cluster,
    /// Sentinels, which return the address of the master with this name. They have a user and a
    /// password of their own.
    Sentinel(String),
    /// One server.
    Single,
}

/// The settings under `session.redis`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedisOptions {
    pub(crate) username: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) sentinel_username: Option<String>,
    pub(crate) sentinel_password_file: Option<PathBuf>,
}

const USERNAME: &str = "session.redis.username";
const PASSWORD_FILE: &str = "session.redis.password_file";
const CA_FILE: &str = "session.redis.ca_file";
const SENTINEL_USERNAME: &str = "session.redis.sentinel_username";
const SENTINEL_PASSWORD_FILE: &str = "session.redis.sentinel_password_file";

impl RedisOptions {
    /// Refuses options of Redis beside another store.
    pub(in crate::session::store) fn check_unused(&self) -> Result<(), StoreSettingsError> {
        let set = [
            (USERNAME, self.username.is_some()),
            (PASSWORD_FILE, self.password_file.is_some()),
            (CA_FILE, self.ca_file.is_some()),
        ];
        let set = set.into_iter().chain(self.of_sentinels());
        match set.into_iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((setting, _)) => Err(StoreSettingsError::unusable(
                setting,
                "is for the Redis store, but `session.store` is not a Redis URL",
                "set `session.store` to a Redis URL, or remove this",
            )),
        }
    }

    /// The options for sentinels, and whether they are set.
    const fn of_sentinels(&self) -> [(&'static str, bool); 2] {
        [
            (SENTINEL_USERNAME, self.sentinel_username.is_some()),
            (
                SENTINEL_PASSWORD_FILE,
                self.sentinel_password_file.is_some(),
            ),
        ]
    }
}

impl RedisSettings {
    /// Reads the URL of a Redis store.
    pub(in crate::session::store) fn parse(
        url: &str,
        options: RedisOptions,
    ) -> Result<Self, StoreSettingsError> {
        let wrong = |problem| StoreSettingsError::value(problem, HELP);
        let unknown = || wrong("is not a session store");
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown)?;
        // A password here would be visible in the process list and in this error.
        if rest.contains('@') {
            return Err(StoreSettingsError::secret(
                "the URL has a user or a password",
                "write them in `session.redis.username` and `session.redis.password_file`",
            ));
        }
        let (base, topology) = scheme.split_once('-').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" => false,
            "rediss" => true,
            _ => return Err(unknown()),
        };
        let (nodes, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (topology, database) = match topology {
            "" => (RedisTopology::Single, path),
            "cluster" => (RedisTopology::Cluster, path),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(wrong("has no master name after the sentinels"));
                }
                (RedisTopology::Sentinel(master.to_owned()), database)
            }
            _ => return Err(unknown()),
        };
        let database = match database {
            "" => 0,
            _ if topology == RedisTopology::Cluster => {
                return Err(wrong("has a database number, but a cluster has only one"));
            }
            digits => digits
                .parse()
                .map_err(|_| wrong("has an invalid database number"))?,
        };
        let nodes = nodes_of(nodes, &topology).ok_or_else(|| wrong("has an invalid host"))?;
        if topology == RedisTopology::Single && nodes.len() > 1 {
            return Err(wrong("has several servers"));
        }
        if options.ca_file.is_some() && !tls {
            return Err(StoreSettingsError::unusable(
                CA_FILE,
                "is for TLS, but `session.store` is not TLS",
                "write `rediss` instead of `redis` in `session.store`, or remove this",
            ));
        }
        let is_sentinel = matches!(topology, RedisTopology::Sentinel(_));
        let mut of_sentinels = options.of_sentinels().into_iter();
        if let Some((setting, _)) = of_sentinels.find(|(_, is_set)| *is_set)
            && !is_sentinel
        {
            return Err(StoreSettingsError::unusable(
                setting,
                "is for sentinels, but `session.store` names none",
                "write a `redis-sentinel://` URL in `session.store`, or remove this",
            ));
        }
        Ok(Self {
            topology,
            nodes,
            tls,
            database,
            username: options.username,
            password_file: options.password_file,
            ca_file: options.ca_file,
            sentinel_username: options.sentinel_username,
            sentinel_password_file: options.sentinel_password_file,
        })
    }
}

fn nodes_of(text: &str, topology: &RedisTopology) -> Option<Vec<(String, u16)>> {
    let default_port = match topology {
        RedisTopology::Sentinel(_) => 26379,
        RedisTopology::Cluster | RedisTopology::Single => 6379,
    };
    text.split(',')
        .map(|node| address(node, default_port))
        .collect()
}

/// A host and a port, in the syntax of URLs.
fn address(text: &str, default_port: u16) -> Option<(String, u16)> {
    let url = Url::parse(&format!("redis://{text}")).ok()?;
    let plain = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|host| plain && !host.is_empty())?;
    Some((host.to_owned(), url.port().unwrap_or(default_port)))
}
