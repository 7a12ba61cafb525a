//! A request.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use super::connection::Connection;
use super::h2;
use super::response::Response;

/// A request. Names and values are not validated.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<(String, String)>,
    raw: Option<Vec<u8>>,
}

impl Call {
    /// A request with `method` for `path` at `host`. For CONNECT, `path` is the authority.
    #[must_use]
    pub fn new(method: &str, host: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            raw: None,
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(host: &str, path: &str) -> Self {
        Self::new("GET", host, path)
    }

    /// A POST.
    #[must_use]
    pub fn post(host: &str, path: &str) -> Self {
        Self::new("POST", host, path)
    }

    /// The same request for another host and path.
    #[must_use]
    pub fn to(mut self, host: &str, path: &str) -> Self {
        (self.host, self.path) = (host.to_owned(), path.to_owned());
        self
    }

    /// The same request with another method.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    /// The `Host`, with the port if there is one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Its path with the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its headers, without `Host`.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (&**name, &**value))
    }

    /// Whether other bytes are sent instead.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Sends these bytes instead, over HTTP/1.1.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            raw: Some(bytes.into()),
            ..Self::get("", "")
        }
    }

    /// Adds a header after the existing ones.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds `Authorization: Bearer` with the token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets a body, with its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a trailer. HTTP/2 only.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it over a new HTTP/1.1 connection.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn send(&self, address: SocketAddr) -> Response {
        self.try_send(address)
            .await
            .unwrap_or_else(|error| panic!("{} {} at {address}: {error}", self.method, self.path))
    }

    /// Sends it over a new HTTP/1.1 connection.
    ///
    /// # Errors
    /// If no complete response arrives: refused, closed, reset, or not within
    /// [`Connection::TIMEOUT`].
    pub async fn try_send(&self, address: SocketAddr) -> Result<Response> {
        Connection::open(address).await?.try_send(self).await
    }

    /// Sends it over a new HTTP/1.1 connection with TLS, to the host in `Host`.
    ///
    /// # Errors
    /// Like [`Call::try_send`], and if `trust` does not accept the server's certificate.
    pub async fn try_send_tls(
        &self,
        address: SocketAddr,
        trust: &Arc<ClientConfig>,
    ) -> Result<Response> {
        self.try_send_as(host_of(&self.host), address, trust).await
    }

    /// The same, but expects the certificate to be for `name`, whatever the `Host` is.
    ///
    /// # Errors
    /// Like [`Call::try_send_tls`].
    pub async fn try_send_as(
        &self,
        name: &str,
        address: SocketAddr,
        trust: &Arc<ClientConfig>,
    ) -> Result<Response> {
        let mut connection = Connection::open_tls(address, name, trust).await?;
        connection.try_send(self).await
    }

    /// Sends it over a new HTTP/2 connection in clear text.
    ///
    /// # Panics
    /// If no complete response arrives, or HTTP/2 can't express the request.
    pub async fn send_h2(&self, address: SocketAddr) -> Response {
        h2::send(self, address)
            .await
            .unwrap_or_else(|error| panic!("{} {} at {address}: {error}", self.method, self.path))
    }

    /// The bytes of HTTP/1.1.
    pub(super) fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        let mut line = |name: &[u8], value: &[u8]| {
            bytes.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
        };
        line(b"host", self.host.as_bytes());
        for (name, value) in &self.headers {
            line(name, value);
        }
        if !self.body.is_empty() {
            line(b"content-length", self.body.len().to_string().as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A `Host` without its port.
fn host_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
