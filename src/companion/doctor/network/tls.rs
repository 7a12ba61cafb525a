//! The certificate of a server.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::check::{CheckId, Checks};
use crate::clock::now;
use crate::http_client;

/// The timeout of a TLS handshake.
const TLS_TIMEOUT: Duration = Duration::from_secs(5);

/// A certificate that ends sooner is a warning.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// How a server's certificate is verified.
#[derive(Debug)]
pub(in crate::doctor) struct Tls {
    /// The name that it must have.
    pub(in crate::doctor) name: String,
    pub(in crate::doctor) roots: RootCertStore,
    /// The setting with the CAs.
    pub(in crate::doctor) ca_setting: String,
}

impl Tls {
    /// Checks the certificate that the server presents. `false` if it is not valid.
    pub(super) async fn check(&self, checks: &Checks, stream: TcpStream) -> bool {
        match self.handshake(stream).await {
            Ok(chain) => {
                if let Some(warning) = self.expires_soon(&chain) {
                    let help = "renew it, and see why it was not renewed automatically";
                    checks.warning(CheckId::Tls, &warning, help);
                } else {
                    let detail = format!("the certificate is valid for {}", self.name);
                    checks.ok(CheckId::Tls, &detail);
                }
                true
            }
            Err(problem) => {
                let help = problem.help(self);
                checks.error(CheckId::Tls, &problem.text(self), &help);
                false
            }
        }
    }

    /// The certificates of the server, its own first.
    async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
        let other = |error: &dyn ToString| TlsProblem::Other(error.to_string());
        let config = http_client::tls_with(self.roots.clone()).map_err(|error| other(&error))?;
        let name = ServerName::try_from(self.name.clone()).map_err(|error| other(&error))?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = timeout(TLS_TIMEOUT, connector.connect(name, stream)).await;
        let stream = stream.map_err(|_| TlsProblem::Timeout)?;
        let stream = stream.map_err(|error| TlsProblem::of(&error))?;
        let (_, connection) = stream.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(chain.iter().map(|one| one.clone().into_owned()).collect())
    }

    /// A warning if the chain is not valid any more in some days.
    fn expires_soon(&self, chain: &[CertificateDer<'static>]) -> Option<String> {
        let (own, others) = chain.split_first()?;
        let roots = Arc::new(self.roots.clone());
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider);
        let verifier = verifier.build().ok()?;
        let name = ServerName::try_from(self.name.clone()).ok()?;
        let then = now().after(EXPIRES_SOON);
        let then = UnixTime::since_unix_epoch(Duration::from_secs(then.secs()));
        let days = EXPIRES_SOON.as_secs() / (24 * 3600);
        let verified = verifier.verify_server_cert(own, others, &name, &[], then);
        let warning = format!(
            "the certificate for {} expires in less than {days} days",
            self.name
        );
        verified.err().map(|_| warning)
    }
}

/// Why a TLS handshake failed.
#[derive(Debug)]
enum TlsProblem {
    Certificate(CertificateError),
    Other(String),
    Timeout,
}

impl TlsProblem {
    fn of(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|error| error.downcast_ref());
        match cause {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate(error.clone()),
            Some(error) => Self::Other(error.to_string()),
            None => Self::Other(match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            }),
        }
    }

    fn text(&self, tls: &Tls) -> String {
        let name = &tls.name;
        match self {
            Self::Certificate(error) => {
                format!("the certificate for {name} is not valid: {error}")
            }
            Self::Other(error) => format!("TLS with {name} failed: {error}"),
            Self::Timeout => format!("no TLS handshake in {} s", TLS_TIMEOUT.as_secs()),
        }
    }

    fn help(&self, tls: &Tls) -> String {
        let (name, setting) = (&tls.name, &tls.ca_setting);
        let error = match self {
            Self::Certificate(error) => error,
            Self::Other(_) => {
                return "see whether the server at this address has TLS, 1.2 or later".to_owned();
            }
            Self::Timeout => return "see why the server does not respond".to_owned(),
        };
        match error {
            // The CA of another certificate, or one of the same name with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "write the CA that issued it to a PEM file and set `{setting}` to it; if the file is set, it has \
                 another CA, or the server sends no intermediate certificate"
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "use a URL with a name that is in the certificate, or issue one with {name} in `subjectAltName`"
                )
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "renew the certificate; if it is not expired, set the clock of this machine"
                    .to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "set the clock of this machine, or of the one that issued the certificate"
                    .to_owned()
            }
            _ => {
                let help = http_client::certificate_help(&error.to_string());
                match help.trim_start_matches("; ") {
                    "" => "replace the server's certificate".to_owned(),
                    help => help.to_owned(),
                }
            }
        }
    }
}
