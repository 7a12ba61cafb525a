//! The side of the companion.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::escape;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::{MAX_LINE, Request, Response, TIMEOUT};
use crate::clock::now;
use crate::config::Listen;
use crate::document::Report;
use crate::server::Listener;
use crate::session::{
    EventClient, RevocationTarget, SessionEvent, SessionEventKind, Sessions, Unavailable,
};

/// Who may use the socket: its owner.
const MODE: u32 = 0o600;

/// How long to wait after a failed `accept`, such as for lack of file descriptors.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// How many requests are handled at once. The others wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// The socket of a running companion.
#[derive(Debug)]
pub(crate) struct AdminServer {
    listener: Listener,
    handler: Arc<Handler>,
}

/// Handles requests.
#[derive(Debug)]
struct Handler {
    sessions: Arc<Sessions>,
    /// The names of all providers.
    providers: Vec<String>,
}

impl AdminServer {
    /// Starts to listen. `None`, with a warning, if the socket can't be created, because users can be served without
    /// it. It is an error if a process listens there: a second companion with this session store.
    pub(crate) async fn bind(
        path: &Path,
        sessions: Arc<Sessions>,
        providers: Vec<String>,
    ) -> Result<Option<Self>, Report> {
        let listen = Listen::Unix {
            path: path.to_owned(),
            mode: MODE,
        };
        match Listener::try_bind(&listen).await {
            Ok(listener) => Ok(Some(Self {
                listener,
                handler: Arc::new(Handler {
                    sessions,
                    providers,
                }),
            })),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let problem = "another companion listens here, so it uses the same session store";
                let help =
                    "stop the other companion; several replicas need `session.store: redis://…`";
                Err(Report::of(&path.display().to_string(), problem, help))
            }
            Err(error) => {
                let error = Listener::report(&listen, &error);
                warn!(%error, "administrative socket unavailable: `portcullis revoke` can't reach this companion");
                Ok(None)
            }
        }
    }

    /// Serves requests, several at once, for as long as this future is polled.
    pub(crate) async fn run(self) {
        let Listener::Unix(listener, _) = &self.listener else {
            return;
        };
        // They end with this future.
        let mut requests = JoinSet::new();
        loop {
            while requests.try_join_next().is_some() {}
            if requests.len() >= MAX_CONNECTIONS {
                requests.join_next().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    let handler = Arc::clone(&self.handler);
                    requests.spawn(async move { handler.handle(stream).await });
                }
                Err(error) => {
                    warn!(%error, "administrative socket: accept failed");
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }
}

impl Handler {
    async fn handle(&self, stream: UnixStream) {
        let served = timeout(TIMEOUT, self.serve(stream)).await;
        let served = served.unwrap_or_else(|error| Err(error.into()));
        if let Err(error) = served {
            warn!(%error, "administrative request failed");
        }
    }

    async fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        let user = stream.peer_cred()?.uid();
        // Another user can connect between the creation of the socket and the change of its mode.
        if user != 0 && user != rustix::process::geteuid().as_raw() {
            warn!(user, "administrative request of another user refused");
            return Ok(());
        }
        let mut line = String::new();
        let (read, mut write) = stream.split();
        let mut read = BufReader::new(read.take(MAX_LINE));
        timeout(REQUEST_TIMEOUT, read.read_line(&mut line)).await??;
        let mut response = serde_json::to_vec(&self.respond(&line).await)?;
        response.push(b'\n');
        write.write_all(&response).await
    }

    async fn respond(&self, line: &str) -> Response {
        let target = match serde_json::from_str(line) {
            Ok(Request::Revoke(target)) => target,
            Err(error) => {
                let problem = format!(
                    "the companion, which may have another version, can't read the request: {error}"
                );
                return Response::Failed { problem };
            }
        };
        // The configuration that the command has read may be another one.
        if let RevocationTarget::Caller { provider, .. } = &target
            && !self.providers.contains(provider)
        {
            warn!("sessions not revoked: the companion does not have the provider");
            let known = self.providers.join(", ");
            let problem = format!(
                "sessions not revoked: `{provider}` is not a provider of the running companion; its providers are {known}"
            );
            return Response::Failed { problem };
        }
        match self.revoke(&target).await {
            Ok(ends) => Response::Revoked { ends: ends.secs() },
            Err(error) => {
                warn!(%error, "sessions not revoked");
                let problem = format!("sessions not revoked: {error}");
                Response::Failed { problem }
            }
        }
    }

    async fn revoke(&self, target: &RevocationTarget) -> Result<Timestamp, Unavailable> {
        let now = now();
        let ends = self
            .sessions
            .revoke_for_operator(target, &self.providers, now)
            .await?;
        log(target, &self.providers, ends);
        Ok(ends)
    }
}

/// Logs a revocation: a line, and the records of its session events. `providers` are the names of all.
pub(crate) fn log(target: &RevocationTarget, providers: &[String], ends: Timestamp) {
    let until = ends.to_rfc3339();
    let record = |provider: Option<&str>, subject: Option<&str>, sid: Option<Id>| {
        let event = SessionEvent {
            kind: SessionEventKind::Revoked,
            provider,
            subject,
            sid,
            reason: Some("operator"),
        };
        event.log(&EventClient::default());
    };
    match target {
        RevocationTarget::Caller { provider, subject } => {
            record(Some(provider), Some(subject), None);
            let subject = escape::line(subject);
            info!(provider, %subject, until, "sessions of a user revoked by an operator");
        }
        RevocationTarget::Everyone => {
            for provider in providers {
                record(Some(provider), None, None);
            }
            info!(until, "all sessions revoked by an operator");
        }
        RevocationTarget::Session { sid } => {
            record(None, None, Some(*sid));
            info!(%sid, until, "session revoked by an operator");
        }
    }
}
