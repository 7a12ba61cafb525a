//! Connections to Redis: one server, sentinels or a cluster.

use std::path::Path;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo as _,
    Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult, TlsCertificates, TlsMode,
    Value,
};

use super::TIMEOUT;
use crate::files;
use crate::provider::Secret;
use crate::session::atomic_file;
use crate::session::store::redis::settings::{RedisSettings, RedisTopology};
use crate::session::unavailable::Unavailable;

/// The maximum sizes of the password file and of the CA file, in bytes.
const MAX_PASSWORD: usize = 4096;
const MAX_CA: usize = 1 << 20;

/// A connection. Clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    Cluster(ClusterConnection),
    Server(MultiplexedConnection),
}

/// The contents of the files, read for each connection.
struct Secrets {
    password: Option<Secret>,
    sentinel_password: Option<Secret>,
    certificates: Option<TlsCertificates>,
}

impl Connection {
    /// Opens a connection with the current contents of the files.
    pub(super) async fn open(settings: &RedisSettings) -> Result<Self, Unavailable> {
        let files = settings.clone();
        let secrets = tokio::task::spawn_blocking(move || Secrets::read(&files)).await;
        let secrets = secrets.map_err(|error| Unavailable::new(error.to_string()))??;
        let connected = match &settings.topology {
            RedisTopology::Cluster => cluster(settings, secrets).await,
            RedisTopology::Sentinel(master) => by_sentinels(settings, master, secrets).await,
            RedisTopology::Single => server(settings, secrets).await,
        };
        connected.map_err(|error| unavailable(&error))
    }
}

impl Secrets {
    fn read(settings: &RedisSettings) -> Result<Self, Unavailable> {
        let unusable = |setting: &str, path: &Path, problem: String| {
            let file = files::named(setting, path);
            Unavailable::new(format!("Redis is misconfigured: {file}: {problem}"))
        };
        let read = |setting: &str, path: &Path, most| match atomic_file::read(path, most) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(unusable(setting, path, "file not found".to_owned())),
            Err(error) => Err(unusable(setting, path, format!("can't be read: {error}"))),
        };
        let password = |setting: &str, path: &Path| {
            let content = read(setting, path, MAX_PASSWORD)?;
            let text = std::str::from_utf8(&content).unwrap_or_default();
            // Editors end the file with a line break.
            match text.trim_end_matches(['\r', '\n']) {
                "" => Err(unusable(setting, path, "the password is empty".to_owned())),
                password => Ok(Secret::new(password)),
            }
        };
        let of_servers = settings.password_file.as_deref();
        let of_servers = of_servers.map(|path| password("session.redis.password_file", path));
        let of_sentinels = settings.sentinel_password_file.as_deref();
        let of_sentinels =
            of_sentinels.map(|path| password("session.redis.sentinel_password_file", path));
        let ca = settings.ca_file.as_deref();
        let ca = ca.map(|path| read("session.redis.ca_file", path, MAX_CA));
        let ca = ca.transpose()?.map(|content| content.to_vec());
        Ok(Self {
            password: of_servers.transpose()?,
            sentinel_password: of_sentinels.transpose()?,
            certificates: settings.tls.then_some(TlsCertificates {
                client_tls: None,
                root_cert: ca,
            }),
        })
    }

    fn password(&self) -> Option<&str> {
        self.password.as_ref().map(Secret::expose)
    }
}

async fn server(settings: &RedisSettings, secrets: Secrets) -> RedisResult<Connection> {
    let mut redis_info = RedisConnectionInfo::default().set_db(settings.database.into());
    if let Some(name) = &settings.username {
        redis_info = redis_info.set_username(name);
    }
    if let Some(password) = secrets.password() {
        redis_info = redis_info.set_password(password);
    }
    let address = addresses(settings).next().ok_or(NO_ADDRESS)?;
    let info = address
        .into_connection_info()?
        .set_redis_settings(redis_info);
    let client = match secrets.certificates {
        Some(certificates) => Client::build_with_tls(info, certificates)?,
        None => Client::open(info)?,
    };
    let config = config();
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.map(Connection::Server)
}

async fn by_sentinels(
    settings: &RedisSettings,
    master: &str,
    secrets: Secrets,
) -> RedisResult<Connection> {
    let sentinels = addresses(settings);
    let kind = SentinelServerType::Master;
    let mut builder = SentinelClientBuilder::new(sentinels, master, kind)?
        .set_client_to_redis_db(settings.database.into());
    if let Some(name) = &settings.username {
        builder = builder.set_client_to_redis_username(name);
    }
    if let Some(password) = secrets.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(name) = &settings.sentinel_username {
        builder = builder.set_client_to_sentinel_username(name);
    }
    if let Some(password) = &secrets.sentinel_password {
        builder = builder.set_client_to_sentinel_password(password.expose());
    }
    if let Some(certificates) = secrets.certificates {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    let mut client = builder.build()?;
    let connection = client.get_async_connection_with_config(&config()).await?;
    Ok(Connection::Server(connection))
}

async fn cluster(settings: &RedisSettings, secrets: Secrets) -> RedisResult<Connection> {
    let mut builder = ClusterClientBuilder::new(addresses(settings))
        .connection_timeout(TIMEOUT)
        .response_timeout(TIMEOUT)
        .retries(2);
    if let Some(name) = &settings.username {
        builder = builder.username(name);
    }
    if let Some(password) = secrets.password() {
        builder = builder.password(password);
    }
    if let Some(certificates) = secrets.certificates {
        builder = builder.tls(TlsMode::Secure).certs(certificates);
    }
    let connection = builder.build()?.get_async_connection().await?;
    Ok(Connection::Cluster(connection))
}

const NO_ADDRESS: (ErrorKind, &str) = (ErrorKind::InvalidClientConfig, "no address is configured");

fn addresses(settings: &RedisSettings) -> impl Iterator<Item = ConnectionAddr> {
    settings.nodes.iter().map(|(host, port)| {
        // An IPv6 address has brackets in a URL, but not in a socket address.
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if settings.tls {
            ConnectionAddr::TcpTls {
                host,
                port: *port,
                insecure: false,
                tls_params: None,
            }
        } else {
            ConnectionAddr::Tcp(host, *port)
        }
    })
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
}

/// The error for the log: its kind and the message of Redis, which contains no secret. It never contains
/// the command, whose arguments may be secret.
pub(super) fn unavailable(error: &RedisError) -> Unavailable {
    Unavailable::new(format!("Redis: {error}"))
}

// === impl Connection ===

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Cluster(cluster) => cluster.req_packed_command(command),
            Self::Server(server) => server.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Cluster(cluster) => cluster.req_packed_commands(commands, offset, count),
            Self::Server(server) => server.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Cluster(cluster) => cluster.get_db(),
            Self::Server(server) => server.get_db(),
        }
    }
}
