//! The connections to a target.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use axum::http::Uri;
use hyper::Request;
use hyper_util::client::legacy::ResponseFuture;

use super::pools::{PoolSettings, Pools, StreamPermit};
use super::request_body::RequestBody;
use crate::config::{AttachConfig, Forward, TargetUrl};
use crate::document::Report;
use crate::http_client::ClientError;
use crate::watch::{Watched, Watcher};

/// Where requests are forwarded to. A token is only ever sent over these connections.
#[derive(Debug)]
pub(crate) struct Target {
    url: TargetUrl,
    clients: Clients,
}

/// The clients, which are made again when the CA file changes.
#[derive(Debug)]
enum Clients {
    Fixed(Arc<Pools>),
    OfCaFile(Watched<Pools>),
}

impl Target {
    /// The target of a forward. Its CA file must be valid; changes of it are followed.
    pub(crate) fn open(
        forward: &Forward,
        config: &AttachConfig,
        watcher: &mut Watcher,
    ) -> Result<Self, Report> {
        let connect = forward.connect.as_ref();
        let connect = connect.map(|connect| Arc::new((forward.target.clone(), connect.clone())));
        let settings = PoolSettings {
            connect,
            is_https: forward.target.is_https(),
            header_bytes: config.limits.header_bytes,
            idle: config.limits.idle,
            request_timeout: config.limits.request,
            connect_timeout: config.connect_timeout,
        };
        let clients = match &forward.ca_file {
            Some(file) => {
                let name = file.clone();
                let watched = watcher.watch("ca_file", vec![file.clone()], move |contents| {
                    let ca = contents.first().map(Vec::as_slice);
                    settings.pools(ca).map_err(|error| report(&name, &error))
                });
                Clients::OfCaFile(watched?)
            }
            None => {
                let pools = settings.pools(None);
                let pools = pools.map_err(|error| report(Path::new("attach"), &error))?;
                Clients::Fixed(Arc::new(pools))
            }
        };
        Ok(Self {
            url: forward.target.clone(),
            clients,
        })
    }

    /// The URL of a client's request at the target; `None` if it is not a path.
    pub(super) fn uri(&self, request: &Uri) -> Option<Uri> {
        self.url.uri(request)
    }

    /// Sends a request, whose URL is one of [`Self::uri`]. The permit is to be kept until the response has been
    /// received.
    pub(super) fn send(
        &self,
        request: Request<RequestBody>,
        is_upgrade: bool,
    ) -> (ResponseFuture, Option<StreamPermit>) {
        let pools = match &self.clients {
            Clients::Fixed(pools) => Arc::clone(pools),
            Clients::OfCaFile(watched) => watched.load(),
        };
        pools.send(request, is_upgrade)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

fn report(name: &Path, error: &ClientError) -> Report {
    let help = match error {
        ClientError::NoCertificate | ClientError::Certificate(_) => {
            "write the certificates of the CAs to trust, as PEM"
        }
        ClientError::ServerName => "write another host in `to` or `connect`",
        ClientError::NoSystemCas | ClientError::Tls(_) | ClientError::Http(_) => {
            "set `--ca-file`, in a file `ca_file`"
        }
    };
    Report::of(&name.display().to_string(), &error.to_string(), help)
}
