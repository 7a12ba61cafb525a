//! The HTTPS client: only the configured CAs, no redirects, no proxy from the environment, and responses
//! limited in time and size (R14).

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Authority;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The `User-Agent`. Some firewalls refuse requests that have none.
pub(crate) const USER_AGENT: &str = "portcullis";

/// The address of every connection, whatever host the URL has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Connect {
    /// A DNS name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a client can't be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// PEM that can't be read, or no certificate in it.
    #[error("no CA certificate in it: expected PEM with at least one certificate")]
    NoCertificate,
    /// A certificate that the TLS library refuses.
    #[error("invalid CA certificate: {0}")]
    Certificate(rustls::Error),
    /// The system has no CA certificates.
    #[error("the system has no CA certificates: set `ca_file`, or install ca-certificates")]
    NoSystemCas,
    /// The TLS library itself.
    #[error("TLS setup failed: {0}")]
    Tls(rustls::Error),
    /// A host that has no certificates.
    #[error("the host can't be the name in a certificate")]
    ServerName,
    /// The HTTP library itself.
    #[error("HTTP client setup failed: {0}")]
    Http(reqwest::Error),
}

/// Why a response body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is over the limit.
    #[error("the response is larger than {0} bytes")]
    TooLong(usize),
    /// The connection was closed, or timed out.
    #[error("response interrupted")]
    Broken(#[source] reqwest::Error),
}

/// The CAs of a PEM file or, without one, the system's. Reads the system's from disk, so it may block for some
/// milliseconds.
pub(crate) fn roots(ca_pem: Option<&[u8]>) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    match ca_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|_| ClientError::NoCertificate)?;
                roots.add(certificate).map_err(ClientError::Certificate)?;
            }
            if roots.is_empty() {
                return Err(ClientError::NoCertificate);
            }
        }
        None => {
            // Every system's store has some old CAs that the library rejects; they are skipped.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(ClientError::NoSystemCas);
            }
        }
    }
    Ok(roots)
}

/// The TLS configuration with the CAs of a PEM file only or, without one, the system's. Blocks as [`roots`] does.
pub(crate) fn tls(ca_pem: Option<&[u8]>) -> Result<ClientConfig, ClientError> {
    tls_with(roots(ca_pem)?)
}

/// The TLS configuration with these CAs only.
pub(crate) fn tls_with(roots: RootCertStore) -> Result<ClientConfig, ClientError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// An HTTPS-only client with this TLS configuration. `timeout` is for a whole response.
pub(crate) fn client(
    tls: ClientConfig,
    timeout: Duration,
    connect: Option<&Connect>,
) -> Result<Client, ClientError> {
    let builder = builder(tls, timeout).https_only(true);
    let builder = match connect {
        Some(connect) => builder.dns_resolver(connect.clone()),
        None => builder,
    };
    builder.build().map_err(ClientError::Http)
}

/// A client for servers without TLS, such as Envoy's admin interface. `timeout` is for a whole response.
pub(crate) fn plain_client(timeout: Duration) -> Result<Client, ClientError> {
    // Without CAs, it can't be used for https.
    let tls = tls_with(RootCertStore::empty())?;
    builder(tls, timeout).build().map_err(ClientError::Http)
}

fn builder(tls: ClientConfig, timeout: Duration) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(USER_AGENT)
        .connect_timeout(timeout)
        .timeout(timeout)
}

/// What the operator can do about a TLS error, for the end of its message.
pub(crate) fn certificate_help(error: &str) -> &'static str {
    if error.contains("CaUsedAsEndEntity") {
        "; the server's own certificate is a CA certificate (`CA:TRUE`), as `openssl req -x509` creates it: \
         create it with `basicConstraints=CA:FALSE`"
    } else if error.contains("UnsupportedCertVersion") {
        "; the server's certificate is not an X.509 certificate of version 3, which has the server's name in \
         `subjectAltName`"
    } else {
        ""
    }
}

/// The innermost cause of an error. The outer ones of the HTTP library have URLs in them.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The body of a response, if it has at most `max` bytes. No more than that is read.
pub(crate) async fn body(mut response: Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > max {
            return Err(BodyError::TooLong(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

// === impl Connect ===

impl Connect {
    /// The address in a URL; `None` if its host can't be in one.
    pub(crate) fn authority(&self) -> Option<Authority> {
        let Self { host, port } = self;
        let authority = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        authority.parse().ok()
    }
}

/// Resolves every name to one host. The library resolves for each connection, so a change of the
/// host's address is noticed.
impl Resolve for Connect {
    fn resolve(&self, _: Name) -> Resolving {
        let Self { host, port } = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
