//! `portcullis serve`: signs people in, keeps their sessions, and answers forward auth.
//!
//! `config` says what is valid, `watch` keeps up what may change, `http` takes connections,
//! `envelope` goes around every request, and `endpoints` answers.

mod answer;
mod endpoints;
mod extract;
mod forward_auth_state;
mod health;
mod identity;
mod loaded_policy;
mod middleware;
mod request_id;
mod state;

use std::sync::Arc;

use clap::Args;
use prometheus_client::metrics::gauge::Gauge;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::config::{self, Config};
use crate::document::Report;
use crate::logging;
use crate::metrics::Metrics;
use crate::server::{self, Listener, Server, Stopper};
use crate::watch::Watcher;

use forward_auth_state::{InForce, SignedIn};
use identity::People;
use state::{Context, Shared};

const ABOUT: &str = "Signs people in, keeps and refreshes their sessions, and answers forward auth";

const LONG_ABOUT: &str = "\
Signs people in, keeps and refreshes their sessions, and answers forward auth

Each setting can be written in three ways: in the file that `--config` names, as a variable, and as a
flag. A flag counts before a variable, and a variable before the file. Secrets are read from files
alone. Paths in the file count from the folder that it is in.";

const EXAMPLE: &str = "\
A configuration, as `--config` takes it:

  url: https://auth.example.com         # where a browser meets it; the policy's sso.url
  listen: 127.0.0.1:4180                # or unix:/run/portcullis/socket
  metrics: 127.0.0.1:9180
  policy: portcullis.yaml               # the same document that the filter has
  providers:
    - issuer: https://gitlab.example.com
      client_id: portcullis
      client_secret_file: /run/secrets/client
  session:
    keys_file: /run/secrets/session-keys
    cookie: {domain: example.com}       # holds auth.example.com and every app that admits people

The policy it belongs to says `sso: {url: https://auth.example.com, envoy_cluster: portcullis}`, and its
rules name the people: `{from: sso, group: sre}`.

Examples:
  portcullis session-keys --out /run/secrets/session-keys
  portcullis serve --config companion.yaml
  PORTCULLIS_LOG_FORMAT=text portcullis serve --config companion.yaml --listen 127.0.0.1:4181

It starts with the provider down; `/ready` says what is missing. The policy, the keys, the secrets and
the certificates are read again when they change, and a bad edit keeps what worked. SIGTERM and SIGINT
let requests finish.

Exit codes:
  0  it was told to stop
  1  the configuration or a file is wrong; standard error names the place and how to fix it
  2  the command line is wrong";

/// The command line of `portcullis serve`.
#[derive(Args, Debug)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: config::Arguments,
}

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Report> {
    let config = Config::load(&arguments.config)?;
    logging::start(config.log);
    let variables = std::env::vars_os().map(|(name, _)| name);
    for doubt in config.doubts(variables) {
        warn!("{doubt}");
    }
    // Two libraries could bring one; which is no accident.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        let problem = format!("cannot begin: {error}");
        Report::of(
            "serve",
            &problem,
            "give the machine more threads or descriptors",
        )
    })?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Report> {
    let mut signals = Signals::new()?;
    let mut watcher = Watcher::default();
    let metrics = Arc::new(Metrics::new());
    let judgement = loaded_policy::watch(&mut watcher, &config)?;
    let policy = &judgement.load().policy;
    let people = People::open(&config, policy, &mut watcher, Arc::clone(&metrics))?;
    let judge = InForce::follow(&config, judgement.clone(), people.keys.clone())?;
    let signed_in = SignedIn::new(Arc::clone(&people.sessions), Arc::clone(&people.providers));
    let tls = config
        .tls
        .as_ref()
        .map(|tls| server::tls::watch(&mut watcher, tls));
    let tls = tls.transpose()?;
    let main = Listener::bind(&config.listen).await?;
    let over = match &config.metrics {
        Some(listen) => Some(Listener::bind(listen).await?),
        None => None,
    };
    // Nothing can be wrong with the files any more, so others may be asked.
    let health = people.watch(&metrics);
    let limits = Arc::new(config.limits.clone());
    let state: Shared = Arc::new(Context {
        config,
        judgement,
        judge,
        signed_in,
        people,
        metrics: Arc::clone(&metrics),
        health,
    });
    let (stopper, stop) = Stopper::new();
    let watching = tokio::spawn(watcher.run(Arc::clone(&metrics)));
    info!(
        place = main.place(),
        url = state.config.site.as_str(),
        "listening"
    );
    let main = Server {
        listener: main,
        tls,
        router: endpoints::main(&state),
        limits: Arc::clone(&limits),
        connections: metrics.connections.clone(),
    };
    let main = tokio::spawn(main.run(stop.clone()));
    let over = over.map(|listener| {
        info!(place = listener.place(), "metrics are told");
        let server = Server {
            listener,
            tls: None,
            router: endpoints::watch_over(&state),
            limits,
            connections: Gauge::default(),
        };
        tokio::spawn(server.run(stop))
    });
    signals.next().await;
    info!("stopping");
    state.health.stop();
    stopper.stop();
    // Whoever tells again does not want to wait.
    tokio::select! {
        _ = main => {}
        () = signals.next() => {}
    }
    if let Some(over) = over {
        over.abort();
    }
    watching.abort();
    info!("stopped");
    Ok(())
}

/// SIGTERM and SIGINT, which mean the same here.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they no longer end the process at once.
    fn new() -> Result<Self, Report> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let problem = format!("cannot hear signals: {error}");
                Report::of("serve", &problem, "give the machine more descriptors")
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
