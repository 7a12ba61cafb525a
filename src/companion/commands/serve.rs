//! `portcullis serve`: sign-in, sessions, forward auth and the key mirror.
//!
//! [`endpoints`] has the routes, one file for each endpoint; [`middleware`] wraps every request;
//! [`state`] is what the endpoints share. The libraries beside the commands do the rest: configuration,
//! file watching, the HTTP server, sessions and providers.

mod detached;
mod endpoints;
mod event_client;
mod extract;
mod forward_auth_state;
mod health;
mod identity;
mod loaded_policy;
mod middleware;
mod problem;
mod request_id;
mod state;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use clap::Args;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::admin::AdminServer;
use crate::background::BackgroundTasks;
use crate::config::{self, Config, Limits, SignInSettings};
use crate::document::Report;
use crate::logging;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::server::{self, Listener, Server, Shutdown};
use crate::session::PolicyClaims;
use crate::signals::Signals;
use crate::watch::Watcher;

use forward_auth_state::{ForwardAuthState, LocalSessions};
use identity::Identity;
pub(super) use loaded_policy::check_compatibility;
use state::{AppState, SharedState, SignInState};

const ABOUT: &str =
    "Sign-in, sessions, forward auth and the key mirror for Portcullis filters and proxies";

const LONG_ABOUT: &str = "\
Signs users in with OpenID Connect, stores and refreshes their sessions, serves forward auth to proxies,
and mirrors issuers' keys for filters. Without `providers` and `session` (and a policy without `sso`) it serves
forward auth for bearer tokens and the mirror only.

Each setting can be given in the file that `--config` names, as an environment variable, and as a flag.
Flags override variables, and variables override the file. Secrets are read from files only. Relative
paths in the file are relative to its folder.";

const EXAMPLE: &str = "\
A configuration for `--config`:

  url: https://auth.example.com         # the public URL; the policy's sso.url
  listen: 127.0.0.1:4180                # or unix:/run/portcullis/socket
  metrics: 127.0.0.1:9180
  policy: portcullis.yaml               # the same policy that the filter has
  providers:
    - issuer: https://gitlab.example.com
      client_id: portcullis
      client_secret_file: /run/secrets/client
  session:
    keys_file: /run/secrets/session-keys
    cookie: {domain: example.com}       # covers auth.example.com and every app with sign-in

Its policy has `sso: {url: https://auth.example.com, envoy_cluster: portcullis}`, and rules that name
users or groups: `{from: sso, group: sre}`.

Examples:
  portcullis session-keys --out /run/secrets/session-keys
  portcullis serve --config companion.yaml
  PORTCULLIS_LOG_FORMAT=text portcullis serve --config companion.yaml --listen 127.0.0.1:4181
  portcullis serve --policy portcullis.yaml             without sign-in

It starts even if providers are down; `/ready` lists what is missing. Policy, keys, secrets and certificates
are reloaded when they change; if a new version is invalid, the previous one stays in use. After SIGTERM or
SIGINT it completes the requests and session refreshes in flight and stops.

Exit codes:
  0  stopped by a signal
  1  the command line, the configuration or a file is invalid; standard error has the location and how to
     fix it";

/// The command line of `portcullis serve`.
#[derive(Args, Debug)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: config::Arguments,
}

/// Serves until a signal stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Report> {
    let mut config = Config::load(&arguments.config)?;
    logging::start(config.log);
    let variables = std::env::vars_os().map(|(name, _)| name);
    let of_files = config.file_warnings(arguments.config.file());
    for warning in config.warnings(variables).into_iter().chain(of_files) {
        warn!("{warning}");
    }
    let limit = &mut config.limits.connections;
    let connections = server::descriptors::connections(*limit);
    if connections.main < *limit {
        warn!(
            connections = connections.main,
            "fewer connections than `limits.connections`: raise the limit on open files (`LimitNOFILE=`, `ulimit -n`)"
        );
        *limit = connections.main;
    }
    // Two libraries could install a TLS provider; this makes the choice explicit.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        let problem = format!("can't start the runtime: {error}");
        let help = "raise the limits on threads and file descriptors";
        Report::of("serve", &problem, help)
    })?;
    runtime.block_on(serve(config, connections.metrics))
}

/// Serves until a signal, with at most this many connections to the metrics listener.
async fn serve(config: Config, metrics_connections: usize) -> Result<(), Report> {
    let mut signals = Signals::new("serve")?;
    let mut watcher = Watcher::default();
    let metrics = Arc::new(Metrics::new());
    let policy_claims = PolicyClaims::default();
    let claims = policy_claims.clone();
    let policy = loaded_policy::watch(&mut watcher, &config, claims, Arc::clone(&metrics))?;
    let digest = *policy.load().policy.digest();
    let revision = policy.load().policy.revision().map(str::to_owned);
    let identity = match &config.sign_in {
        Some(sign_in) => {
            let policy = &policy.load().policy;
            let policy = (policy, policy_claims);
            let metrics = Arc::clone(&metrics);
            Some(Identity::open(sign_in, policy, &mut watcher, metrics)?)
        }
        None => None,
    };
    let keys = identity.as_ref().map(|identity| identity.keys.clone());
    let forward_auth = ForwardAuthState::follow(&config, policy.clone(), keys)?;
    let sessions = identity.as_ref().map(|identity| {
        let providers = Arc::clone(&identity.providers);
        LocalSessions::new(Arc::clone(&identity.sessions), providers)
    });
    let tls = config.tls.as_ref();
    let tls = tls.map(|tls| server::tls::watch(&mut watcher, tls));
    let tls = tls.transpose()?;
    let main_listener = Listener::bind(&config.listen).await?;
    let metrics_listener = match &config.metrics {
        Some(listen) => Some(Listener::bind(listen).await?),
        None => None,
    };
    let admin = match (&identity, &config.sign_in) {
        (Some(identity), Some(sign_in)) => admin_server(identity, sign_in).await?,
        _ => None,
    };
    // All files are valid. From here on requests are sent to issuers and providers.
    let mut readiness = Readiness::default();
    if let Some(identity) = &identity {
        identity.watch(&metrics, &mut readiness);
    }
    let admin = admin.map(|admin| tokio::spawn(admin.run()));
    let background = identity
        .as_ref()
        .map(|identity| identity.sessions.background().clone());
    let background = background.unwrap_or_default();
    let sign_in = identity.zip(config.sign_in.clone());
    let sign_in = sign_in.map(|(identity, sign_in)| {
        Arc::new(SignInState {
            public_url: sign_in.public_url,
            identity,
            policy,
            trusted_proxies: config.trusted_proxies.clone(),
            metrics: Arc::clone(&metrics),
        })
    });
    let limits = Arc::new(config.limits.clone());
    let metrics_limits = Arc::new(Limits {
        connections: metrics_connections,
        ..config.limits.clone()
    });
    let state: SharedState = Arc::new(AppState {
        config,
        forward_auth,
        sessions,
        metrics: Arc::clone(&metrics),
        readiness,
    });
    let (shutdown, signal) = Shutdown::new();
    let watching = tokio::spawn(watcher.run(metrics.reloads.clone()));
    info!(
        address = main_listener.address(),
        url = sign_in.as_ref().map(|sign_in| sign_in.public_url.as_str()),
        policy = %digest,
        revision,
        "listening"
    );
    let main_server = Server {
        listener: main_listener,
        tls,
        handler: endpoints::main(&state, sign_in.as_ref()),
        limits,
        connections: metrics.connections.clone(),
    };
    let main_server = tokio::spawn(main_server.run(signal.clone()));
    let metrics_server = metrics_listener.map(|listener| {
        info!(address = listener.address(), "metrics listening");
        let server = Server {
            listener,
            tls: None,
            handler: endpoints::metrics(&state),
            limits: metrics_limits,
            connections: Gauge::default(),
        };
        tokio::spawn(server.run(signal))
    });
    signals.next().await;
    info!("stopping");
    let deadline = Instant::now() + state.config.limits.shutdown;
    state.readiness.stop();
    background.stop();
    shutdown.start();
    // A second signal stops at once.
    tokio::select! {
        () = stopped(main_server, &background, deadline) => {}
        () = signals.next() => {}
    }
    if let Some(server) = metrics_server {
        server.abort();
    }
    watching.abort();
    if let Some(admin) = admin {
        admin.abort();
        // The socket is removed when the task has ended.
        let _ = admin.await;
    }
    info!("stopped");
    Ok(())
}

/// The administrative socket, if only this companion uses its session store and the socket can be created.
async fn admin_server(
    identity: &Identity,
    sign_in: &SignInSettings,
) -> Result<Option<AdminServer>, Report> {
    let Some(path) = sign_in.session.store.admin_socket() else {
        return Ok(None);
    };
    let providers = sign_in.providers.iter();
    let providers = providers.map(|provider| provider.name.clone()).collect();
    AdminServer::bind(&path, Arc::clone(&identity.sessions), providers).await
}

/// Waits until the requests in flight are completed, and then until the deadline for the work that continues
/// without a client: a refresh token that a provider has just issued must be stored.
async fn stopped(server: JoinHandle<()>, background: &BackgroundTasks, deadline: Instant) {
    let _ = server.await;
    if timeout_at(deadline, background.finished()).await.is_err() {
        let tasks = background.running();
        warn!(
            tasks,
            "refreshes and sign-outs were aborted; help: raise `limits.shutdown`"
        );
    }
}
