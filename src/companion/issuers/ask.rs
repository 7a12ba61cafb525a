//! The HTTP of reading keys.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_core::keys::{HttpResponse, KeySet, READ_TIMEOUT};
use portcullis_core::trust::Url;
use reqwest::Client;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::reach::{Reach, host};
use crate::http_client::{self, BodyError, ClientError};

/// Asks one issuer.
#[derive(Debug)]
pub(super) struct Asker {
    reach: Reach,
    /// The host that every connection must prove to be, where `connect` is set.
    identity: Option<String>,
    client: Option<Ready>,
}

/// A client, and the CA file's content that it was made with.
#[derive(Debug)]
struct Ready {
    ca: Option<Vec<u8>>,
    client: Client,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the file {} can't be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("the file {} is no CA file", .0.display())]
    Ca(PathBuf, #[source] ClientError),
    #[error("no client can be made")]
    Client(#[source] ClientError),
    #[error("the file {} holds no token: one line of visible ASCII", .0.display())]
    Token(PathBuf),
    #[error("`connect` needs a DNS name in the URL that is asked first")]
    Address,
    #[error("no answer within {} seconds", READ_TIMEOUT.as_secs())]
    Slow,
    #[error("no answer")]
    Http(#[source] reqwest::Error),
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl Asker {
    /// One that asks in this way for what begins at `first`.
    pub(super) fn new(reach: Reach, first: &Url) -> Self {
        Self {
            identity: reach.connect.as_ref().and_then(|_| host(first)),
            reach,
            client: None,
        }
    }

    /// Asks for one thing.
    pub(super) async fn ask(&mut self, url: &Url) -> Result<Reply, AskError> {
        timeout(READ_TIMEOUT, self.get(url))
            .await
            .unwrap_or(Err(AskError::Slow))
    }

    async fn get(&mut self, url: &Url) -> Result<Reply, AskError> {
        let (target, mut headers) = self.target(url)?;
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, application/jwk-set+json"),
        );
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(file) = &self.reach.token_file {
            headers.insert(AUTHORIZATION, token(file).await?);
        }
        let request = self.client().await?.get(target).headers(headers);
        // The log names the URL itself.
        let plain = |error: reqwest::Error| AskError::Http(error.without_url());
        let response = request.send().await.map_err(plain)?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: http_client::body(response, KeySet::MAX_BYTES).await?,
        })
    }

    /// What the HTTP library is given for a URL. With `connect` that is the host whose certificate
    /// must be there, without a port, which would be stronger than that of `connect`; the issuer
    /// still hears what it is called in the URL.
    fn target(&self, url: &Url) -> Result<(url::Url, HeaderMap), AskError> {
        let mut target = url::Url::parse(&url.to_string()).map_err(|_| AskError::Address)?;
        let mut headers = HeaderMap::new();
        if self.reach.connect.is_some() {
            let identity = self.identity.as_deref().ok_or(AskError::Address)?;
            let authority = HeaderValue::from_str(url.authority()).ok();
            headers.insert(HOST, authority.ok_or(AskError::Address)?);
            target
                .set_host(Some(identity))
                .map_err(|_| AskError::Address)?;
            target.set_port(None).map_err(|()| AskError::Address)?;
        }
        Ok((target, headers))
    }

    /// The client, made anew where the CA file has changed: CAs are renewed, too.
    async fn client(&mut self) -> Result<Client, AskError> {
        let ca = match &self.reach.ca_file {
            Some(file) => Some(read(file).await?),
            None => None,
        };
        if let Some(ready) = self.client.as_ref().filter(|ready| ready.ca == ca) {
            return Ok(ready.client.clone());
        }
        let tls = http_client::tls(ca.as_deref());
        let client = tls
            .and_then(|tls| http_client::client(tls, READ_TIMEOUT, self.reach.connect.as_ref()))
            .map_err(|error| match &self.reach.ca_file {
                Some(file) => AskError::Ca(file.clone(), error),
                None => AskError::Client(error),
            })?;
        self.client = Some(Ready {
            ca,
            client: client.clone(),
        });
        Ok(client)
    }
}

impl Reply {
    /// The reply in core's terms.
    pub(super) fn answer(&self) -> HttpResponse<'_> {
        let value = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        HttpResponse {
            status: self.status,
            content_type: value("content-type"),
            content_encoding: value("content-encoding"),
            body: &self.body,
        }
    }
}

/// An error with all that led to it, in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// `Bearer` and the token in a file. The value is marked, so that no log shows it.
async fn token(file: &Path) -> Result<HeaderValue, AskError> {
    let token = read(file).await?;
    let token = token.trim_ascii();
    let visible = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
    let mut value = Some(token)
        .filter(|_| visible)
        .and_then(|token| HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok())
        .ok_or_else(|| AskError::Token(file.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read(file: &Path) -> Result<Vec<u8>, AskError> {
    tokio::fs::read(file)
        .await
        .map_err(|error| AskError::File(file.to_owned(), error))
}
