//! Fetches discovery documents and key sets over HTTPS.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_core::keys::{FETCH_TIMEOUT, HttpResponse, KeySet};
use portcullis_core::trust::Url;
use reqwest::Client;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, DATE, HOST, HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::connection::{IssuerConnection, TokenScope, host};
use crate::files;
use crate::http_client::{self, BodyError, ClientError};

/// Fetches from one issuer.
#[derive(Debug)]
pub(super) struct KeyFetcher {
    connection: IssuerConnection,
    /// The name that the certificate must have, where `connect` is set.
    server_name: Option<String>,
    token_scope: TokenScope,
    client: Option<CachedClient>,
}

/// A client, and the CA file's content that it was made with.
#[derive(Debug)]
struct CachedClient {
    ca: Option<Vec<u8>>,
    client: Client,
}

/// A response.
#[derive(Debug)]
pub(super) struct FetchResponse {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The settings with paths of files.
const CA_FILE: &str = "trust.*.ca_file";
const TOKEN_FILE: &str = "trust.*.token_file";

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the file {} can't be read", files::named(.0, .1))]
    File(&'static str, PathBuf, #[source] io::Error),
    #[error("the file {} is not a CA file", files::named(CA_FILE, .0))]
    Ca(PathBuf, #[source] ClientError),
    #[error("the HTTP client can't be created")]
    Client(#[source] ClientError),
    #[error("the file {} has no token: expected one line of visible ASCII", files::named(TOKEN_FILE, .0))]
    Token(PathBuf),
    #[error("`connect` needs a DNS name in the first URL")]
    NoServerName,
    #[error("no response within {} seconds", FETCH_TIMEOUT.as_secs())]
    Timeout,
    #[error("no response")]
    Http(#[source] reqwest::Error),
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl KeyFetcher {
    /// A fetcher for this connection to an issuer. `first` is the first URL that will be fetched.
    pub(super) fn new(connection: IssuerConnection, issuer: &str, first: &Url) -> Self {
        Self {
            token_scope: TokenScope::new(&connection, issuer, first),
            server_name: connection.connect.as_ref().and_then(|_| host(first)),
            connection,
            client: None,
        }
    }

    /// Whether there is a token that is not sent to this URL.
    pub(super) fn withholds_token_from(&self, url: &Url) -> bool {
        self.connection.token_file.is_some() && !self.token_scope.contains(url)
    }

    /// Fetches one URL.
    pub(super) async fn fetch(&mut self, url: &Url) -> Result<FetchResponse, FetchError> {
        timeout(FETCH_TIMEOUT, self.get(url))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn get(&mut self, url: &Url) -> Result<FetchResponse, FetchError> {
        let (target, mut headers) = self.target(url)?;
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, application/jwk-set+json"),
        );
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(file) = &self.connection.token_file
            && self.token_scope.contains(url)
        {
            headers.insert(AUTHORIZATION, token(file).await?);
        }
        let request = self.client().await?.get(target).headers(headers);
        // The log line has the URL already.
        let without_url = |error: reqwest::Error| FetchError::Http(error.without_url());
        let response = request.send().await.map_err(without_url)?;
        Ok(FetchResponse {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: http_client::body(response, KeySet::MAX_BYTES).await?,
        })
    }

    /// The request's URL and `Host` header. With `connect` the URL has the host that the certificate
    /// must name, and no port, which would override that of `connect`; `Host` is still that of the
    /// original URL.
    fn target(&self, url: &Url) -> Result<(url::Url, HeaderMap), FetchError> {
        let mut target = url::Url::parse(&url.to_string()).map_err(|_| FetchError::NoServerName)?;
        let mut headers = HeaderMap::new();
        if self.connection.connect.is_some() {
            let server_name = self
                .server_name
                .as_deref()
                .ok_or(FetchError::NoServerName)?;
            let authority = HeaderValue::from_str(url.authority()).ok();
            headers.insert(HOST, authority.ok_or(FetchError::NoServerName)?);
            target
                .set_host(Some(server_name))
                .map_err(|_| FetchError::NoServerName)?;
            target
                .set_port(None)
                .map_err(|()| FetchError::NoServerName)?;
        }
        Ok((target, headers))
    }

    /// The client, created again when the CA file has changed.
    async fn client(&mut self) -> Result<Client, FetchError> {
        let ca = match &self.connection.ca_file {
            Some(file) => Some(read(CA_FILE, file).await?),
            None => None,
        };
        if let Some(cached) = self.client.as_ref().filter(|cached| cached.ca == ca) {
            return Ok(cached.client.clone());
        }
        let tls = http_client::tls(ca.as_deref());
        let client = tls
            .and_then(|tls| {
                http_client::client(tls, FETCH_TIMEOUT, self.connection.connect.as_ref())
            })
            .map_err(|error| match &self.connection.ca_file {
                Some(file) => FetchError::Ca(file.clone(), error),
                None => FetchError::Client(error),
            })?;
        self.client = Some(CachedClient {
            ca,
            client: client.clone(),
        });
        Ok(client)
    }
}

impl FetchResponse {
    /// The response as core's type.
    pub(super) fn as_http_response(&self) -> HttpResponse<'_> {
        let value = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        HttpResponse {
            status: self.status,
            content_type: value("content-type"),
            content_encoding: value("content-encoding"),
            body: &self.body,
        }
    }

    /// The value of `Date`.
    pub(super) fn date(&self) -> Option<&str> {
        self.headers.get(DATE)?.to_str().ok()
    }
}

/// An error and all its sources, in one line, with what to do about it if that is known.
pub(super) fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    let help = http_client::certificate_help(&text);
    text + help
}

/// The `Authorization` header with the token in a file. It is marked sensitive, so no log shows it.
async fn token(file: &Path) -> Result<HeaderValue, FetchError> {
    let token = read(TOKEN_FILE, file).await?;
    let token = token.trim_ascii();
    let visible = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
    let mut value = Some(token)
        .filter(|_| visible)
        .and_then(|token| HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok())
        .ok_or_else(|| FetchError::Token(file.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read(setting: &'static str, file: &Path) -> Result<Vec<u8>, FetchError> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || files::read(&path)).await;
    let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| FetchError::File(setting, file.to_owned(), error))
}
