//! An HTTP/1.1 connection.

use std::fmt::Debug;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::call::Call;
use super::response::Response;
use crate::lab::http::Head;

/// A connection that stays open, and so stays on one worker of the gateway.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<Box<dyn Wire>>,
}

/// The transport: clear text or TLS.
trait Wire: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Wire for T {}

impl Connection {
    /// How long a response may take.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Connects.
    ///
    /// # Errors
    /// If nothing listens there.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self::over(connect(address).await?))
    }

    /// Connects over TLS and expects a certificate for `name`, a DNS name or an address.
    ///
    /// # Errors
    /// If nothing listens there, or `trust` does not accept the certificate.
    pub async fn open_tls(
        address: SocketAddr,
        name: &str,
        trust: &Arc<ClientConfig>,
    ) -> Result<Self> {
        let name = ServerName::try_from(name.to_owned()).map_err(Error::other)?;
        let stream = connect(address).await?;
        let handshake = TlsConnector::from(Arc::clone(trust)).connect(name, stream);
        let stream = timeout(Self::TIMEOUT, handshake).await??;
        Ok(Self::over(stream))
    }

    fn over(wire: impl Wire + 'static) -> Self {
        Self {
            stream: BufReader::new(Box::new(wire)),
        }
    }

    /// Sends a request and returns the response.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn send(&mut self, call: &Call) -> Response {
        self.try_send(call)
            .await
            .unwrap_or_else(|error| panic!("{} {}: {error}", call.method, call.path))
    }

    /// Sends a request and returns the response.
    ///
    /// # Errors
    /// If no complete response arrives: closed, reset, or not within [`Self::TIMEOUT`].
    pub async fn try_send(&mut self, call: &Call) -> Result<Response> {
        self.write(&call.bytes()).await?;
        timeout(Self::TIMEOUT, self.exchange(call))
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("no response in {:?}", Self::TIMEOUT),
                ))
            })
    }

    /// Sends bytes, for use after an upgrade.
    ///
    /// # Errors
    /// If the peer has closed the connection.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// Receives bytes, for use after an upgrade.
    ///
    /// # Errors
    /// If the peer closes the connection before.
    pub async fn read(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn exchange(&mut self, call: &Call) -> Result<Response> {
        loop {
            let head = Head::read(&mut self.stream)
                .await?
                .ok_or(ErrorKind::UnexpectedEof)?;
            let status = status(&head)?;
            if matches!(status, 100 | 102 | 103) {
                continue;
            }
            let bodiless = matches!(status, 101 | 204 | 304)
                || call.method == "HEAD"
                || (call.method == "CONNECT" && status == 200);
            let body = if bodiless {
                Vec::new()
            } else {
                head.read_body(&mut self.stream).await?
            };
            let response = Response {
                status,
                headers: head.headers,
                body,
                trailers: Vec::new(),
            };
            return Ok(response.with_registered_secrets());
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn status(head: &Head) -> Result<u16> {
    let status = head
        .first_line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidData,
            format!("not a status line: {}", head.first_line),
        )
    })
}
