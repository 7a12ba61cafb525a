//! HTTPS as the companion asks for it: with the CAs that were named and no others, no redirect
//! followed, no proxy from the environment, every answer bounded in time and length (R14).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// What the companion calls itself.
const USER_AGENT: &str = "portcullis";

/// Where connections go, whatever host a URL names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Connect {
    /// A DNS name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// PEM that can't be read, or no certificate in it.
    #[error("no CA certificate can be read from it: it must be PEM with at least one")]
    NoCertificate,
    /// A certificate that the TLS library refuses.
    #[error("one of its CA certificates is no good: {0}")]
    Certificate(rustls::Error),
    /// The system has no CA certificates.
    #[error("this system has no CA certificates; name a `ca_file`, or install ca-certificates")]
    NoSystemCas,
    /// The TLS library itself.
    #[error("TLS can't be set up: {0}")]
    Tls(rustls::Error),
    /// The HTTP library itself.
    #[error("HTTP can't be set up: {0}")]
    Http(reqwest::Error),
}

/// Why an answer's body could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It goes on after the limit.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke, or time was over.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
}

/// What peers must be certified by: the certificates of a PEM file alone or, without one, the
/// system's. Reads the system's from disk, so it may block for some milliseconds.
pub(crate) fn tls(ca_pem: Option<&[u8]>) -> Result<ClientConfig, ClientError> {
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
            // Old CAs that the library refuses are in every system's store, and cost nobody the rest.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(ClientError::NoSystemCas);
            }
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A client that asks over this TLS and nothing else. `timeout` is for one answer as a whole.
pub(crate) fn client(
    tls: ClientConfig,
    timeout: Duration,
    connect: Option<&Connect>,
) -> Result<Client, ClientError> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(USER_AGENT)
        .connect_timeout(timeout)
        .timeout(timeout);
    let builder = match connect {
        Some(connect) => builder.dns_resolver(connect.clone()),
        None => builder,
    };
    builder.build().map_err(ClientError::Http)
}

/// The body of an answer, if it is not longer than `max` bytes. What comes after is never read.
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

/// Every name leads to one place. The library asks for a name's addresses anew with each connection,
/// so a peer that moves is found.
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
