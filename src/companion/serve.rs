//! `portcullis serve`: signs people in, keeps their sessions, and answers forward auth.
//!
//! `config` says what is valid, `watch` keeps up what may change, `http` takes connections,
//! `envelope` goes around every request, and `endpoints` answers.

mod answer;
mod clock;
mod config;
mod endpoints;
mod envelope;
mod extract;
mod health;
mod http;
mod judge;
mod judgement;
mod log;
mod metrics;
mod pages;
mod people;
mod request_id;
mod return_to;
mod state;
mod watch;

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::document::Report;

pub(crate) use config::Arguments;

use config::Config;
use http::{Listener, Server, Stopper};
use judge::{InForce, SignedIn};
use metrics::Metrics;
use people::People;
use state::{Context, Shared};
use watch::Watcher;

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Report> {
    let config = Config::load(arguments)?;
    log::start(config.log);
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
    let judgement = judgement::watch(&mut watcher, &config)?;
    let policy = &judgement.load().policy;
    let people = People::open(&config, policy, &mut watcher, Arc::clone(&metrics))?;
    let judge = InForce::follow(&config, judgement.clone(), people.keys.clone())?;
    let signed_in = SignedIn::new(Arc::clone(&people.sessions), Arc::clone(&people.providers));
    let tls = config
        .tls
        .as_ref()
        .map(|tls| http::tls::watch(&mut watcher, tls));
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
