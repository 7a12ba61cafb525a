//! `portcullis attach`: a forwarder that adds a token, for clients that must not have it or can't read it again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use clap::Args;
use portcullis_core::endpoints as paths;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::attach::{AttachMetrics, ForwardLabels, Forwarder, Target, TokenFile};
use crate::config::{AttachConfig, AttachFlags, Limits};
use crate::document::Report;
use crate::logging;
use crate::metrics::OPEN_METRICS;
use crate::readiness::Readiness;
use crate::server::{self, Listener, Server, Shutdown};
use crate::signals::Signals;
use crate::watch::Watcher;

const ABOUT: &str =
    "Forward requests with the token that a file has now, for clients that have none";

const LONG_ABOUT: &str = "\
Forwards requests to a target with `Authorization: Bearer` and the token that a file has now. The client has no token
and never restarts when the token is rotated, as Kubernetes does with projected service account tokens.

The n-th `--listen` belongs to the n-th `--to`. The path of `--to` is put in front of each request's path, and `Host`
becomes the target's. The client's `Authorization`, `Cookie` and `Proxy-Authorization` are removed. Redirects are
passed on to the client and never followed.";

const EXAMPLE: &str = "\
Examples:
  portcullis attach --listen 127.0.0.1:9093 --to https://alertmanager.example.com --token-file /run/token/token
  portcullis attach --token-file token --ca-file ca.pem \\
      --listen 127.0.0.1:9093 --to https://blue.example.com/alertmanager \\
      --listen 127.0.0.1:9094 --to https://green.example.com/alertmanager --metrics 0.0.0.0:9180
  portcullis attach --config attach.yaml

A configuration for `--config`, in which each forward may have its own `token_file`, `ca_file` and `keep_headers`:

  token_file: /var/run/secrets/portcullis/token
  ca_file: /etc/portcullis/ca.pem       # default: the system's CAs
  metrics: 127.0.0.1:9180
  forwards:
    - listen: 127.0.0.1:9093            # or unix:/run/attach/socket
      to: https://alertmanager.example.com

Without a token that can be sent it responds 503 with the reason: the file can't be read, is empty, or its token has
expired. `/ready` says the same. The file is read again when it changes.

Exit codes:
  0  stopped by a signal
  1  the command line, the configuration or a file is invalid; standard error has the location and how to
     fix it";

/// The command line of `portcullis attach`.
#[derive(Args, Debug)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// A listen address on this machine: an address and a port, or `unix:` and a path
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// The URL of a target: `https`, or `http` with an address of loopback
    #[arg(long, value_name = "URL")]
    to: Vec<String>,
    /// The file of the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The CAs to trust instead of the system's, as PEM; reloaded when it changes
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A credential of the client to forward: `Cookie` or `Proxy-Authorization`
    #[arg(long = "keep-header", value_name = "NAME")]
    keep_headers: Vec<String>,
    /// The listen address of `/metrics`, `/ping` and `/ready` [default: none]
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
    /// Listen addresses may be reachable from other machines, which then can use the token
    #[arg(long)]
    allow_remote: bool,
    /// The configuration file, YAML or JSON, instead of the flags above; `-` reads standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["listen", "to", "token_file", "ca_file", "keep_headers", "metrics", "allow_remote"]
    )]
    config: Option<PathBuf>,
    /// `json` or `text` [default: json]
    #[arg(
        long,
        value_name = "FORMAT",
        env = "PORTCULLIS_LOG_FORMAT",
        hide_env_values = true
    )]
    log_format: Option<String>,
    /// `error`, `warn`, `info` or `debug`, which has a line for each request [default: info]
    #[arg(
        long,
        value_name = "LEVEL",
        env = "PORTCULLIS_LOG_LEVEL",
        hide_env_values = true
    )]
    log_level: Option<String>,
}

/// The maximum number of concurrent lookups of names.
const MAX_LOOKUPS: usize = 16;

/// The state of the metrics listener.
struct Status {
    metrics: Arc<AttachMetrics>,
    readiness: Readiness,
    /// The token of each forward.
    tokens: Vec<(ForwardLabels, TokenFile)>,
}

impl Arguments {
    fn flags(&self) -> AttachFlags {
        AttachFlags {
            config: self.config.clone(),
            listen: self.listen.clone(),
            to: self.to.clone(),
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
            keep_headers: self.keep_headers.clone(),
            metrics: self.metrics.clone(),
            allow_remote: self.allow_remote,
            log_format: self.log_format.clone(),
            log_level: self.log_level.clone(),
        }
    }
}

/// Forwards until a signal stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Report> {
    let mut config = AttachConfig::load(&arguments.flags())?;
    logging::start(config.log);
    let metrics_connections = fit_connections(&mut config);
    // Two libraries could install a TLS provider; this makes the choice explicit.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread forwards what clients on this machine ask for, and needs the least memory beside each of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Lookups of names, which hang while no name server responds.
        .max_blocking_threads(MAX_LOOKUPS)
        .build();
    let runtime = runtime.map_err(|error| {
        let problem = format!("can't start the runtime: {error}");
        let help = "raise the limits on threads and file descriptors";
        Report::of("attach", &problem, help)
    })?;
    let result = runtime.block_on(serve(config, metrics_connections));
    // A lookup that hangs does not delay the end.
    runtime.shutdown_background();
    result
}

/// Lowers the number of connections to what the limit on open files allows: each may need one to the target. Returns
/// how many the metrics listener may accept.
fn fit_connections(config: &mut AttachConfig) -> usize {
    let forwards = config.forwards.len();
    let limit = &mut config.limits.connections;
    let files = |connections: usize| connections.saturating_mul(2).saturating_mul(forwards);
    let fitting = server::descriptors::connections(files(*limit));
    let each = (fitting.main / files(1)).max(1);
    if each < *limit {
        warn!(
            connections = each,
            "fewer connections than `limits.connections`: raise the limit on open files (`LimitNOFILE=`, `ulimit -n`)"
        );
        *limit = each;
    }
    fitting.metrics
}

/// Forwards until a signal, with at most this many connections to the metrics listener.
async fn serve(config: AttachConfig, metrics_connections: usize) -> Result<(), Report> {
    let mut signals = Signals::new("attach")?;
    let metrics = Arc::new(AttachMetrics::new());
    let mut watcher = Watcher::default();
    // The files that must be valid first.
    let targets = config.forwards.iter();
    let targets = targets.map(|forward| Target::open(forward, &config, &mut watcher));
    let targets: Vec<Target> = targets.collect::<Result<_, _>>()?;
    let token_files = token_files(&config, &metrics);
    let limits = Arc::new(config.limits.clone());
    let mut servers = Vec::new();
    let mut readiness = Readiness::default();
    let mut tokens = Vec::new();
    for (forward, target) in config.forwards.iter().zip(targets) {
        let name = target.to_string();
        // Every path of a forward has a token file.
        let Some(token) = token_files.get(&forward.token_file).cloned() else {
            continue;
        };
        let required = token.clone();
        let what = format!("token for {name} at {}", forward.listen);
        readiness.require(what, move || required.is_usable());
        let labels = ForwardLabels::new(&forward.listen, &target);
        tokens.push((labels.clone(), token.clone()));
        let listener = Listener::bind(&forward.listen).await?;
        info!(
            address = listener.address(),
            to = name,
            token_file = token.shown(),
            "listening"
        );
        servers.push(Server {
            listener,
            tls: None,
            handler: Forwarder::new(forward, target, token, &config.limits, &metrics),
            limits: Arc::clone(&limits),
            connections: metrics.connections(&labels),
        });
    }
    let metrics_listener = match &config.metrics {
        Some(listen) => Some(Listener::bind(listen).await?),
        None => None,
    };
    let status = Arc::new(Status {
        metrics,
        readiness,
        tokens,
    });
    let (shutdown, signal) = Shutdown::new();
    let mut background = JoinSet::new();
    background.spawn(watcher.run(status.metrics.reloads.clone()));
    for token in token_files.into_values() {
        background.spawn(token.follow());
    }
    let mut forwarding = JoinSet::new();
    for server in servers {
        forwarding.spawn(server.run(signal.clone()));
    }
    if let Some(listener) = metrics_listener {
        info!(address = listener.address(), "metrics listening");
        let server = Server {
            listener,
            tls: None,
            handler: routes(&status),
            limits: Arc::new(Limits {
                connections: metrics_connections,
                ..config.limits
            }),
            connections: Gauge::default(),
        };
        background.spawn(server.run(signal));
    }
    signals.next().await;
    info!("stopping");
    status.readiness.stop();
    shutdown.start();
    // A second signal stops at once.
    tokio::select! {
        () = async { while forwarding.join_next().await.is_some() {} } => {}
        () = signals.next() => {}
    }
    info!("stopped");
    Ok(())
}

/// The files of the tokens, each once, whatever number of forwards uses it.
fn token_files(config: &AttachConfig, metrics: &AttachMetrics) -> BTreeMap<PathBuf, TokenFile> {
    let mut forwards: BTreeMap<PathBuf, Vec<ForwardLabels>> = BTreeMap::new();
    for forward in &config.forwards {
        let of_file = forwards.entry(forward.token_file.clone()).or_default();
        of_file.push(ForwardLabels::new(&forward.listen, &forward.target));
    }
    let files = forwards.into_iter().map(|(path, forwards)| {
        let file = TokenFile::open(&path, metrics.of_token(forwards));
        (path, file)
    });
    files.collect()
}

/// The routes of the metrics listener.
fn routes(status: &Arc<Status>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route(paths::PING.path, get(async || "OK\n"))
        .route(paths::READY.path, get(ready))
        .with_state(Arc::clone(status))
}

/// `GET /ready`: whether there is a token for each forward that can be sent.
async fn ready(State(status): State<Arc<Status>>) -> Response {
    status.readiness.response(None)
}

/// `GET /metrics`: metrics for Prometheus.
async fn metrics(State(status): State<Arc<Status>>) -> Response {
    for (forward, token) in &status.tokens {
        status.metrics.token_usable(forward, token.is_usable());
    }
    match status.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
