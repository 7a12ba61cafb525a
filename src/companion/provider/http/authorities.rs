//! Whom a provider's servers are believed by: the authorities of one file, or the system's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A client that believes certain authorities, and the file they come from, which is read again
/// when it changes.
#[derive(Debug)]
pub(super) struct Authorities {
    file: Option<PathBuf>,
    built: Mutex<Built>,
}

#[derive(Debug)]
struct Built {
    client: reqwest::Client,
    stamp: Option<Stamp>,
}

/// What tells that a file has changed.
type Stamp = (Option<SystemTime>, u64);

/// Why there is nobody to believe.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TrustError {
    /// The file can't be read.
    #[error("{}: {why}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has none.
    #[error("the system has no certificates of authorities; name a `ca_file`")]
    System,
    /// The library refuses its settings.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
}

impl Authorities {
    /// Those of a file, and no others, or else the system's.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, TrustError> {
        let stamp = file.and_then(stamp);
        Ok(Self {
            file: file.map(Path::to_path_buf),
            built: Mutex::new(Built {
                client: client(file)?,
                stamp,
            }),
        })
    }

    /// A client that believes whom the file names now, or named last where it is no good now.
    pub(super) fn client(&self) -> reqwest::Client {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.file.as_deref().and_then(stamp);
        if now != built.stamp {
            built.stamp = now;
            match client(self.file.as_deref()) {
                Ok(client) => built.client = client,
                Err(error) => tracing::warn!(%error, "the authorities stay as they were"),
            }
        }
        built.client.clone()
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}

fn client(file: Option<&Path>) -> Result<reqwest::Client, TrustError> {
    let roots = match file {
        Some(file) => of_file(file)?,
        None => of_the_system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    super::build(tls).map_err(|error| TrustError::Tls(error.to_string()))
}

fn of_file(file: &Path) -> Result<RootCertStore, TrustError> {
    let fault = |why: String| TrustError::File {
        file: file.to_path_buf(),
        why,
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(file).map_err(|error| fault(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| fault(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| fault(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fault("it holds no certificate in PEM".to_owned()));
    }
    Ok(roots)
}

/// What of the system's certificates can be used; some systems list one that can't.
fn of_the_system() -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TrustError::System);
    }
    Ok(roots)
}
