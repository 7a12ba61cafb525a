//! The CA certificates that a provider's servers are verified with: those of one file, or the
//! system's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::ProxySettings;
use crate::files;

/// An HTTP client with its CA certificates, and their file, which is read again when it changes.
#[derive(Debug)]
pub(super) struct RootCertificates {
    file: Option<PathBuf>,
    proxy: Option<ProxySettings>,
    built: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    client: reqwest::Client,
    stamp: Option<FileStamp>,
}

/// The modification time and length of a file. They differ when it has changed.
type FileStamp = (Option<SystemTime>, u64);

/// Why there are no CA certificates.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CaError {
    /// The file can't be read.
    #[error("{}: {why}", files::shown(.file))]
    File {
        /// The file.
        file: PathBuf,
        /// The problem.
        why: String,
    },
    /// The system has none.
    #[error("the system has no CA certificates; set `ca_file`")]
    System,
    /// The TLS library rejects its settings.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
}

impl RootCertificates {
    /// Those of a file or, without one, the system's.
    pub(super) fn open(
        file: Option<&Path>,
        proxy: Option<&ProxySettings>,
    ) -> Result<Self, CaError> {
        let stamp = file.and_then(stamp);
        Ok(Self {
            file: file.map(Path::to_path_buf),
            proxy: proxy.cloned(),
            built: Mutex::new(Loaded {
                client: client(file, proxy)?,
                stamp,
            }),
        })
    }

    /// A client with the current certificates of the file, or the last good ones.
    pub(super) fn client(&self) -> reqwest::Client {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.file.as_deref().and_then(stamp);
        if now != built.stamp {
            built.stamp = now;
            match client(self.file.as_deref(), self.proxy.as_ref()) {
                Ok(client) => built.client = client,
                Err(error) => {
                    tracing::warn!(%error, "CA certificates not reloaded; the last ones stay in use")
                }
            }
        }
        built.client.clone()
    }
}

fn stamp(file: &Path) -> Option<FileStamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}

fn client(file: Option<&Path>, proxy: Option<&ProxySettings>) -> Result<reqwest::Client, CaError> {
    let roots = match file {
        Some(file) => from_file(file)?,
        None => from_system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| CaError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let proxy = proxy.map(ProxySettings::to_reqwest).transpose();
    let proxy = proxy.map_err(|error| CaError::Tls(error.to_string()))?;
    super::build(tls, proxy).map_err(|error| CaError::Tls(error.to_string()))
}

fn from_file(file: &Path) -> Result<RootCertStore, CaError> {
    let error = |why: String| CaError::File {
        file: file.to_path_buf(),
        why,
    };
    let pem = files::read(file).map_err(|cause| error(cause.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|cause| error(cause.to_string()))?;
        roots
            .add(certificate)
            .map_err(|cause| error(cause.to_string()))?;
    }
    if roots.is_empty() {
        return Err(error("no PEM certificate in it".to_owned()));
    }
    Ok(roots)
}

/// The system's certificates. Those that can't be parsed are ignored; some systems list one.
fn from_system() -> Result<RootCertStore, CaError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(CaError::System);
    }
    Ok(roots)
}
