//! The connection to Redis: made when it is needed, made again when it breaks, and never waited for
//! longer than a request can wait.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult,
    TlsCertificates, TlsMode, Value,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::provider::Secret;
use crate::session::unavailable::Unavailable;
use crate::session::whole_file;

/// How long a command may take, the connection included.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long nobody tries to connect after a failure: first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The longest password file and the longest file of CAs, in bytes.
const MAX_PASSWORD: usize = 4096;
const MAX_CA: usize = 1 << 20;

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

/// The connection to Redis.
pub(super) struct Link {
    settings: RedisSettings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts connections, so that who finds one broken does not close the next.
    number: u64,
    connection: Option<Connection>,
    /// Until when nobody tries, and how long that was.
    rest: Option<(Instant, Duration)>,
}

#[derive(Clone)]
enum Connection {
    Cluster(ClusterConnection),
    Server(MultiplexedConnection),
}

impl Link {
    /// A link that nobody has used yet.
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Sends a command. One whose connection broke is sent again, once, so it must be one that does
    /// no harm twice.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        match timeout(PATIENCE, self.try_twice(command)).await {
            Ok(answer) => answer,
            Err(_) => {
                // Where somebody is connecting, there is none to close.
                if let Ok(mut state) = self.state.try_lock() {
                    state.connection = None;
                }
                Err(Unavailable::new("Redis does not answer in time"))
            }
        }
    }

    async fn try_twice<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let mut again = true;
        loop {
            let (number, mut connection) = self.connection().await?;
            let error = match command.query_async(&mut connection).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.close(number).await;
            // A server that was restarted, or one that is no master any more.
            let elsewhere = error.is_io_error() || error.code() == Some("READONLY");
            if !(again && elsewhere) {
                return Err(unavailable(&error));
            }
            again = false;
        }
    }

    async fn connection(&self) -> Result<(u64, Connection), Unavailable> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((state.number, connection.clone()));
        }
        let rested = state.rest.map(|(_, rested)| rested);
        if state.rest.is_some_and(|(until, _)| Instant::now() < until) {
            return Err(Unavailable::new("Redis could not be reached a moment ago"));
        }
        // Set before, because whoever waits may give up while this goes on.
        let (first, most) = BACK_OFF;
        let rest = rested
            .map_or(first, |rested| rested.saturating_mul(2))
            .min(most);
        state.rest = Some((Instant::now() + rest, rest));
        let connection = connect(&self.settings).await?;
        state.number += 1;
        state.rest = None;
        state.connection = Some(connection.clone());
        Ok((state.number, connection))
    }

    /// Closes the connection of this number.
    async fn close(&self, number: u64) {
        let mut state = self.state.lock().await;
        if number == state.number {
            state.connection = None;
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

// === making a connection ===

/// What is read from files for each connection.
struct Secrets {
    password: Option<Secret>,
    certificates: Option<TlsCertificates>,
}

impl Secrets {
    fn read(settings: &RedisSettings) -> Result<Self, Unavailable> {
        let unread = |path: &Path, why: String| {
            Unavailable::new(format!("Redis cannot be asked: {}: {why}", path.display()))
        };
        let read = |path: &Path, most| match whole_file::read(path, most) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(unread(path, "there is no such file".to_owned())),
            Err(error) => Err(unread(path, format!("cannot be read: {error}"))),
        };
        let password = settings.password_file.as_deref().map(|path| {
            let content = read(path, MAX_PASSWORD)?;
            let text = std::str::from_utf8(&content).unwrap_or_default();
            // Editors leave the end of a line behind it.
            match text.trim_end_matches(['\r', '\n']) {
                "" => Err(unread(path, "there is no password in it".to_owned())),
                password => Ok(Secret::new(password)),
            }
        });
        let ca = settings.ca_file.as_deref().map(|path| read(path, MAX_CA));
        let ca = ca.transpose()?.map(|content| content.to_vec());
        Ok(Self {
            password: password.transpose()?,
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

async fn connect(settings: &RedisSettings) -> Result<Connection, Unavailable> {
    let files = settings.clone();
    let secrets = tokio::task::spawn_blocking(move || Secrets::read(&files)).await;
    let secrets = secrets.map_err(|error| Unavailable::new(error.to_string()))??;
    let connected = match &settings.kind {
        Kind::Cluster => cluster(settings, secrets).await,
        Kind::Sentinel(master) => behind_sentinels(settings, master, secrets).await,
        Kind::Single => server(settings, secrets).await,
    };
    connected.map_err(|error| unavailable(&error))
}

async fn server(settings: &RedisSettings, secrets: Secrets) -> RedisResult<Connection> {
    let mut us = RedisConnectionInfo::default().set_db(settings.database.into());
    if let Some(name) = &settings.username {
        us = us.set_username(name);
    }
    if let Some(password) = secrets.password() {
        us = us.set_password(password);
    }
    let address = addresses(settings).next().ok_or(NO_ADDRESS)?;
    let info = address.into_connection_info()?.set_redis_settings(us);
    let client = match secrets.certificates {
        Some(certificates) => Client::build_with_tls(info, certificates)?,
        None => Client::open(info)?,
    };
    let config = config();
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.map(Connection::Server)
}

async fn behind_sentinels(
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
        .connection_timeout(PATIENCE)
        .response_timeout(PATIENCE)
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
        // An IPv6 address has brackets in a URL, and none in a socket's address.
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
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
}

/// What is told of an error: its kind and what Redis said, which names no secret of ours. A command
/// is never told, for what is stored stands in it.
fn unavailable(error: &RedisError) -> Unavailable {
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
